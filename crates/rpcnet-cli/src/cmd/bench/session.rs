//! A session: connect, run, print, judge.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallOptions, RpcClient, RpcConfig, RpcError};
use serde::Serialize;

use super::caller::Caller;
use super::compare::Comparison;
use super::payload::Payload;
use super::plan::Plan;
use super::progress::Progress;
use super::run::{self, Stopped};
use super::summary::{Subject, Summary};
use super::{Args, text, verdict};
use crate::cmd::access::{Attempt, Target, ascii_json, printable};
use crate::cmd::stamp;

/// Connections that are made at once.
const CONNECTING_MAX: usize = 32;
/// Silence after which a heartbeat is sent. A server that says nothing for three times this is taken
/// for gone: longer than it may stand still to be measured.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Characters of a method's name that are repeated.
const METHOD_CHARS_MAX: usize = 200;

/// The result, and what it is compared with.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
}

/// Connects, loads the server, and writes and prints what came of it.
pub(super) async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let plan = args.load.plan();
    let payload = args.payload.payload()?;
    let before = args.files.prepare()?;
    let (clients, target) = connect(args, &plan).await?;
    let callers = callers(args, &plan, &payload, clients);
    let progress = Progress::on_terminal(&plan);
    let measured = Box::pin(run::run(&plan, &callers, interrupted(), progress)).await;
    let measured = measured.map_err(|stopped| explained(args, &target, stopped))?;
    let subject = Subject {
        at: stamp::now(),
        address: target.address().to_string(),
        method: printable(&args.method, METHOD_CHARS_MAX),
        payload_bytes: payload.bytes.len() as u64,
    };
    let summary = Summary::new(subject, &plan, measured);
    let comparison = before.as_ref().map(|it| Comparison::new(it, &summary));
    let earlier = before.as_ref().zip(comparison.as_ref());
    args.files.write(&summary, earlier)?;
    crate::print(&if args.json {
        let printed = Printed {
            summary: &summary,
            comparison: comparison.as_ref(),
        };
        ascii_json(&serde_json::to_string(&printed)?) + "\n"
    } else {
        text::render(&summary, comparison.as_ref())
    })?;
    Ok(verdict::judge(&summary, args.max_error_rate)?)
}

/// Makes all connections, to the first address that answers.
async fn connect(args: &Args, plan: &Plan) -> Result<(Vec<RpcClient>, Target), Box<dyn Error>> {
    let adapt = |config: RpcConfig| {
        let config = config.with_keep_alive_interval(KEEP_ALIVE);
        match plan.has_own_sockets {
            true => config.with_own_socket(),
            false => config,
        }
    };
    let (first, target) = args.server.connect_with(adapt).await?;
    let credentials = args.server.credentials();
    let others = (1..plan.connections).map(|_| credentials.connect_with(&target, adapt));
    let others = stream::iter(others).buffer_unordered(CONNECTING_MAX);
    let others: Result<Vec<RpcClient>, RpcError> = others.try_collect().await;
    let others = others.map_err(|error| {
        let attempt = Attempt::failed(credentials, &target, &error);
        let count = plan.connections;
        format!("not all of {count} connections: {}", attempt.explained())
    })?;
    let mut clients = vec![first];
    clients.extend(others);
    Ok((clients, target))
}

fn callers(args: &Args, plan: &Plan, payload: &Payload, clients: Vec<RpcClient>) -> Vec<Caller> {
    let method: Arc<str> = args.method.as_str().into();
    let options = CallOptions::new()
        .with_timeout(plan.deadline)
        .with_codec(payload.codec)
        .with_metadata(payload.metadata.clone());
    let caller = |client| {
        let payload = payload.bytes.clone();
        Caller::new(client, method.clone(), payload, options.clone())
    };
    clients.into_iter().map(caller).collect()
}

/// Ends when somebody wants the run to end.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending().await
    }
}

fn explained(args: &Args, target: &Target, stopped: Stopped) -> String {
    match stopped {
        Stopped::Refused(error) => {
            let attempt = Attempt::failed(args.server.credentials(), target, &error);
            let attempt = match error {
                RpcError::UnknownMethod(_) => attempt.with_hint(
                    "METHOD: a unary method that the server has (rpcnet list); streams cannot be \
                     measured",
                ),
                _ => attempt,
            };
            format!("every call would fail: {}", attempt.explained())
        }
        Stopped::Broken(error) => format!("a task of this command broke: {error}"),
    }
}
