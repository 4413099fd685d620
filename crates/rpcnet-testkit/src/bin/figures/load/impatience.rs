//! Callers that give up.

use futures::future::{Either, select};
use rpcnet_testkit::chaos::Random;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::sleep;

/// Drops the call after a random number of polls or a random time; one in eight is left alone.
pub(super) async fn impatiently<F: Future>(call: F, random: &mut Random) -> Option<F::Output> {
    let choice = random.next_u64();
    let mut call = pin!(call);
    match choice % 8 {
        0 => Some(call.await),
        1..=4 => {
            let mut polls = choice >> 32 & 3;
            poll_fn(|cx| match call.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if polls == 0 => Poll::Ready(None),
                Poll::Pending => {
                    polls -= 1;
                    Poll::Pending
                }
            })
            .await
        }
        _ => {
            let patience = pin!(sleep(Duration::from_micros((choice >> 32) % 6_000)));
            match select(call, patience).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(_) => None,
            }
        }
    }
}
