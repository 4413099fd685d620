//! `rpcnet health --watch`: the status now, and every change.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use futures::StreamExt;
use rpcnet::{CallOptions, ResponseStream, RpcClient, RpcError};
use tokio::time::timeout;

use super::answer::Answer;
use super::ask::{leave, question, unknown, unsaid};
use super::{Args, ended};
use crate::cmd::access::{Attempt, Target};
use crate::cmd::stamp;

const WATCH: &str = "rpcnet.health/watch";
/// No stream lives for ever.
const WATCH_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Prints until the server goes away, or until Ctrl-C.
pub(super) async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let outcome = tokio::select! {
        outcome = Box::pin(follow(args)) => outcome,
        asked_to_end = tokio::signal::ctrl_c() => asked_to_end.map_err(Into::into),
    };
    outcome.or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(closed) if closed.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

async fn follow(args: &Args) -> Result<(), Box<dyn Error>> {
    let (targets, mut failures) = args.access.targets().await;
    for target in targets {
        match Box::pin(open(args, &target)).await {
            Ok((client, first, statuses)) => {
                let last = show(args, &target, first, statuses).await?;
                leave(&client).await;
                return ended(last);
            }
            Err(error) => match Answer::concluded(&error) {
                Some(answer) => {
                    say(args, &answer)?;
                    return ended(answer);
                }
                None => failures.push(unsaid(args, &target, &error)),
            },
        }
    }
    Err(unknown(&failures))
}

async fn open(
    args: &Args,
    target: &Target,
) -> Result<(RpcClient, Vec<u8>, ResponseStream), RpcError> {
    let credentials = args.access.credentials();
    let client = credentials.connect(target).await?;
    let options = CallOptions::new().with_timeout(WATCH_TIMEOUT);
    let opened = client.call_server_streaming_with(WATCH, question(args), options);
    let mut statuses = opened.await?;
    // A refusal arrives as the first item.
    let first = timeout(credentials.timeout(), statuses.next()).await;
    let nothing = || Err(RpcError::config("the server told nothing"));
    let first = first
        .map_err(|_| RpcError::Timeout)?
        .unwrap_or_else(nothing)?;
    Ok((client, first, statuses))
}

/// Prints what is told; returns the last of it once the server tells no more.
async fn show(
    args: &Args,
    target: &Target,
    first: Vec<u8>,
    mut statuses: ResponseStream,
) -> Result<Answer, Box<dyn Error>> {
    let mut failures = args.access.no_failures();
    let mut next = first;
    loop {
        let answer = match Answer::told(&next) {
            Ok(answer) => answer,
            Err(error) => {
                failures.push(Attempt::unreadable(target, &error));
                return Err(unknown(&failures));
            }
        };
        say(args, &answer)?;
        next = match statuses.next().await {
            Some(Ok(told)) => told,
            None => return Ok(answer),
            Some(Err(error)) => {
                failures.push(unsaid(args, target, &error));
                return Err(unknown(&failures));
            }
        };
    }
}

/// A line is to be seen when it is printed, also where it goes into a pipe.
fn say(args: &Args, answer: &Answer) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(answer.line(args, Some(stamp::now())).as_bytes())?;
    out.flush()
}
