//! [`Batcher`]: where calls wait for a moment, so that those of one moment leave together.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::task::AtomicWaker;
use rpcnet_proto::Deadline;
use rpcnet_proto::wire::{FrameLimits, HeaderRef};
use tokio::time::{Sleep, sleep_until};

use super::batch::{Batch, Room, Waiting};
use crate::clock;
use crate::transport::quic::QuicConnection;
use crate::transport::{RecvHalf, SendHalf};

/// Queued batches beyond which those that were given up are looked for at each call: a server
/// that allows no more streams must not make them pile up.
const SWEPT_FROM: usize = 64;

/// How often the deadlines of queued calls are looked at, at least, where the server allows
/// no stream for them.
const EXPIRED_EVERY: Duration = Duration::from_millis(100);

/// The calls of one connection that wait to be sent.
///
/// A stream, a datagram and a wake-up for each call are what many small calls cost. So a call
/// that is not alone is queued, and whoever sends the queue first lets the callers that are
/// ready to run have their turn: most of them were woken by answers that came together, and
/// make their next call now. Nobody waits for a time to pass.
///
/// The queue is bounded by the calls that may run on the connection, each of which has its
/// place before it comes here. One that is given up while it is queued is dropped with its
/// batch, where all the others are given up too, or sent and cancelled.
#[derive(Debug, Default)]
pub(crate) struct Batcher {
    queue: Mutex<Queue>,
    sender: AtomicWaker,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// That of the batch before: the next is like it, as a rule.
    room: Room,
    is_closed: bool,
}

impl Batcher {
    /// Queues a call. Its outcome is that it was not sent where the connection is lost.
    pub(super) fn push(
        &self,
        header: &HeaderRef<'_>,
        payload: &Bytes,
        deadline: Deadline,
    ) -> Waiting {
        let mut queue = self.queue();
        if queue.is_closed {
            return Waiting::over();
        }
        let was_empty = queue.batches.is_empty();
        if queue.batches.len() >= SWEPT_FROM {
            queue.batches.retain(|batch| !batch.is_forsaken());
        }
        let has_room = |batch: &&mut Batch| !batch.is_full_for(header, payload);
        let waiting = match queue.batches.back_mut().filter(has_room) {
            Some(batch) => batch.push(header, payload, deadline.instant()),
            None => {
                let mut batch = Batch::with_room(queue.room);
                let waiting = batch.push(header, payload, deadline.instant());
                queue.batches.push_back(batch);
                waiting
            }
        };
        drop(queue);
        if was_empty {
            self.sender.wake();
        }
        waiting
    }

    /// How many calls are queued, those that were given up included.
    pub(super) fn queued(&self) -> usize {
        self.queue().batches.iter().map(Batch::len).sum()
    }

    /// The connection is lost: what was not sent will not be.
    pub(super) fn close(&self) {
        let unsent = {
            let mut queue = self.queue();
            queue.is_closed = true;
            std::mem::take(&mut queue.batches)
        };
        drop(unsent);
        self.sender.wake();
    }

    /// Sends what is queued and hands out the answers, until the batcher is closed and the
    /// last batch is over.
    pub(super) async fn exchange(
        self: Arc<Self>,
        mut quic: QuicConnection,
        limits: FrameLimits,
        server_name: Arc<str>,
    ) {
        // Where this task is dropped, nobody sends any more.
        let _closing = Closing(&self);
        let mut under_way = FuturesUnordered::new();
        let mut has_waited = false;
        // Ends calls at their deadlines where the server allows no stream for them.
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            loop {
                // Answers first: who gets them makes the next calls.
                while let Poll::Ready(Some(())) = under_way.poll_next_unpin(cx) {
                    has_waited = false;
                }
                self.sender.register(cx.waker());
                match self.next(has_waited) {
                    Next::Nothing => {
                        has_waited = false;
                        return Poll::Pending;
                    }
                    Next::Wait => {
                        has_waited = true;
                        // Woken again behind everybody whom this thread has to run now. To
                        // yield as runtimes offer it would cost a look at the system, and
                        // wake another thread as well.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Next::Over if under_way.is_empty() => return Poll::Ready(()),
                    Next::Over => return Poll::Pending,
                    Next::Send => {}
                }
                match self.poll_send(&mut quic, cx) {
                    Poll::Pending => {
                        ready!(self.poll_expire(&mut alarm, cx));
                    }
                    Poll::Ready(None) => {}
                    Poll::Ready(Some((stream, batch))) => {
                        (has_waited, alarm) = (false, None);
                        let server_name = server_name.clone();
                        // Boxed: the set keeps room for one more, as long as it lives.
                        under_way.push(Box::pin(async move {
                            batch.exchange(stream, limits, &server_name).await;
                        }));
                    }
                }
            }
        })
        .await;
    }

    /// What there is to do, where those who may still come have had their turn or not.
    fn next(&self, have_waited: bool) -> Next {
        let mut queue = self.queue();
        while queue.batches.front().is_some_and(Batch::is_forsaken) {
            queue.batches.pop_front();
        }
        let is_ready = queue.batches.len() > 1 || have_waited;
        match queue.batches.front() {
            None if queue.is_closed => Next::Over,
            None => Next::Nothing,
            Some(first) if is_ready || first.is_full() => Next::Send,
            Some(_) => Next::Wait,
        }
    }

    /// Takes the first batch once there is a stream for it.
    fn poll_send(
        &self,
        quic: &mut QuicConnection,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Stream, Batch)>> {
        match quic.poll_open_call(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "connection lost before calls were sent");
                self.close();
                Poll::Ready(None)
            }
            Poll::Ready(Ok(stream)) => {
                let mut queue = self.queue();
                let first = queue.batches.pop_front();
                queue.room = first.as_ref().map(Batch::room).unwrap_or_default();
                Poll::Ready(first.map(|batch| (stream, batch)))
            }
        }
    }

    /// Fails the queued calls whose deadlines have passed; ready where there were any.
    fn poll_expire(&self, alarm: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
        let is_due = match alarm {
            None => true,
            Some(alarm) => alarm.as_mut().poll(cx).is_ready(),
        };
        if !is_due {
            return Poll::Pending;
        }
        let now = clock::now();
        let first = {
            let mut queue = self.queue();
            let firsts = queue
                .batches
                .iter_mut()
                .filter_map(|batch| batch.expire(now));
            firsts.min()
        };
        // One that is queued later has a later deadline as a rule; where it has not, it is
        // found with the others.
        let again = now + EXPIRED_EVERY;
        let first = first.map_or(again, |first| first.min(again));
        *alarm = Some(Box::pin(sleep_until(first.into())));
        Poll::Ready(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Stream = (SendHalf, RecvHalf);

enum Next {
    /// Nothing is queued.
    Nothing,
    /// Whoever is about to call has a turn first.
    Wait,
    Send,
    /// Nothing is queued, and nothing will be.
    Over,
}

/// Closes the batcher on drop.
struct Closing<'a>(&'a Batcher);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::FutureExt as _;
    use rpcnet_proto::CallId;
    use rpcnet_proto::wire::Settings;

    use super::super::batch::CALLS_MAX;
    use super::super::request::Request;
    use super::*;
    use crate::call_options::CallOptions;
    use crate::config::RpcConfig;

    fn request() -> Request {
        let config = RpcConfig::new("ca.pem", "127.0.0.1:0");
        let kind = rpcnet_proto::CallKind::Unary;
        Request::new("m", kind, CallOptions::new(), &config).expect("a valid method")
    }

    fn push(batcher: &Batcher, request: &Request, deadline: Deadline) -> Waiting {
        let sending = request.attempt(CallId::MAX, ([127, 0, 0, 1], 1).into());
        let header = request.header(&sending, &Settings::default());
        batcher.push(&header.expect("it is short"), &Bytes::new(), deadline)
    }

    #[test]
    fn calls_that_were_given_up_do_not_pile_up() {
        let (batcher, request) = (Batcher::default(), request());
        let kept = push(&batcher, &request, request.deadline);
        for _ in 0..3 * SWEPT_FROM * CALLS_MAX {
            drop(push(&batcher, &request, request.deadline));
            assert!(batcher.queue().batches.len() <= SWEPT_FROM);
        }
        let batches = &batcher.queue().batches;
        assert!(!batches.front().expect("one is kept").is_forsaken());
        drop(kept);
    }

    #[tokio::test]
    async fn queued_calls_end_at_their_own_deadlines_and_with_their_connection_as_not_sent() {
        let (batcher, request) = (Batcher::default(), request());
        let passed = Deadline::after(Instant::now(), Duration::ZERO);
        let mut late = push(&batcher, &request, passed);
        let mut waiting = push(&batcher, &request, request.deadline);
        let mut alarm = None;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(batcher.poll_expire(&mut alarm, &mut cx).is_ready());
        let told = (&mut late).now_or_never();
        assert!(told.is_some_and(|told| told.is_some()), "it is told");
        assert!((&mut waiting).now_or_never().is_none());
        assert!(batcher.poll_expire(&mut alarm, &mut cx).is_pending());
        batcher.close();
        assert!(waiting.await.is_none(), "it was not sent");
        let refused = push(&batcher, &request, request.deadline);
        assert!(refused.await.is_none());
    }

    #[test]
    fn what_is_queued_waits_for_one_turn_unless_it_is_full() {
        let (batcher, request) = (Batcher::default(), request());
        assert!(matches!(batcher.next(false), Next::Nothing));
        let mut waiting = vec![push(&batcher, &request, request.deadline)];
        assert!(matches!(batcher.next(false), Next::Wait));
        assert!(matches!(batcher.next(true), Next::Send));
        waiting.extend((1..CALLS_MAX).map(|_| push(&batcher, &request, request.deadline)));
        assert!(matches!(batcher.next(false), Next::Send));
        waiting.clear();
        assert!(matches!(batcher.next(false), Next::Nothing));
        batcher.close();
        assert!(matches!(batcher.next(false), Next::Over));
    }
}
