//! One question and its answer, within the time that was given.

use std::error::Error;

use rpcnet::{CallOptions, RpcClient, RpcError};
use serde_json::json;
use tokio::time::Instant;

use super::answer::Answer;
use super::{Args, UNKNOWN};
use crate::cmd::Exit;
use crate::cmd::access::{Attempt, Target, Unanswered};

const CHECK: &str = "rpcnet.health/check";

/// Asks one address after another, until one says something.
pub(super) async fn check(args: &Args) -> Result<Answer, Box<dyn Error>> {
    let (targets, mut failures) = args.access.targets().await;
    for target in targets {
        match ask(args, &target).await {
            Ok(payload) => match Answer::told(&payload) {
                Ok(answer) => return Ok(answer),
                Err(error) => failures.push(Attempt::unreadable(&target, &error)),
            },
            Err(error) => match Answer::concluded(&error) {
                Some(answer) => return Ok(answer),
                None => failures.push(unsaid(args, &target, &error)),
            },
        }
    }
    Err(unknown(&failures))
}

async fn ask(args: &Args, target: &Target) -> Result<Vec<u8>, RpcError> {
    let credentials = args.access.credentials();
    let end = Instant::now() + credentials.timeout();
    // What it takes to connect is bounded by itself, and says better why it failed.
    let client = credentials.connect(target).await?;
    let rest = end.saturating_duration_since(Instant::now());
    let options = CallOptions::new().idempotent().with_timeout(rest);
    let asked = client.call_with(CHECK, question(args), options).await;
    leave(&client).await;
    asked
}

/// What is asked.
pub(super) fn question(args: &Args) -> Vec<u8> {
    match args.service.as_str() {
        "" => Vec::new(),
        service => json!({ "service": service }).to_string().into_bytes(),
    }
}

/// Closes the connection, and leaves it a moment to say so: a server that is asked every few
/// seconds had otherwise to find out by itself, each time.
pub(super) async fn leave(client: &RpcClient) {
    client.close();
    tokio::time::sleep(crate::cmd::access::FAREWELL).await;
}

/// Why there is no answer.
pub(super) fn unsaid(args: &Args, target: &Target, error: &RpcError) -> Attempt {
    let attempt = Attempt::failed(args.access.credentials(), target, error);
    match error {
        RpcError::UnknownMethod(_) => attempt.with_hint(
            "this server does not tell: it needs `server.enable_health(Access::anyone())`",
        ),
        RpcError::Timeout => attempt.with_hint("--timeout: is the server overloaded, or far away?"),
        _ => attempt,
    }
}

pub(super) fn unknown(failures: &Unanswered) -> Box<dyn Error> {
    Exit::new(UNKNOWN, failures).into()
}
