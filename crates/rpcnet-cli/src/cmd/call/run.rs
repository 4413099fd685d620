//! The call itself: from the command line to the last response.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::time::Instant;

use futures::StreamExt;
use rpcnet::{CallKind, Carrier, ResponseBytes, RpcError};

use super::args::Args;
use super::failure::Failure;
use super::input::Input;
use super::message::{Requests, Wrong, opening};
use super::output::Output;
use super::plan::Plan;
use super::timing::Timing;
use crate::cmd::Exit;
use crate::cmd::reflection::Session;

/// Calls, and prints what is answered.
///
/// # Errors
///
/// Why there is no answer, or none to the end.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(call(args)));
    // Reading standard input occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome.or_else(|error| match error.downcast_ref::<io::Error>() {
        // Whoever reads has seen enough.
        Some(closed) if closed.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

async fn call(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut timing = Timing::default();
    let began = Instant::now();
    let session = tokio::select! {
        session = Session::open(&args.access) => session?,
        _ = tokio::signal::ctrl_c() => return Err(cancelled()),
    };
    timing.connected = began.elapsed();
    let outcome = tokio::select! {
        outcome = Box::pin(answered(args, &session, &mut timing)) => outcome,
        // The call is dropped, and so cancelled.
        _ = tokio::signal::ctrl_c() => Err(cancelled()),
    };
    session.close().await;
    if args.verbose {
        // Without a standard error there is nobody to read it.
        let _ = io::stderr().write_all(timing.text().as_bytes());
    }
    outcome
}

fn cancelled() -> Box<dyn Error> {
    Exit::new(1, "cancelled with Ctrl-C").into()
}

async fn answered(
    args: &Args,
    session: &Session<'_>,
    timing: &mut Timing,
) -> Result<(), Box<dyn Error>> {
    let plan = Plan::make(args, session).await?;
    timing.described = plan.described;
    let mut input = Input::stdin();
    let opening = opening(args, &plan, &mut input).await?;
    let output = Output::new(args, plan.kind.streams_responses());
    let failed = |error: RpcError| Failure::of(args, session, Some(&plan), &error).into_error(args);
    timing.begin();
    if plan.kind == CallKind::Unary {
        let (payload, options) = (opening.unwrap_or_default(), plan.options(args));
        let called = session.client.call_bytes(&args.method, payload, options);
        let response = called.await.map_err(failed)?;
        timing.arrived(response.len());
        return output.print(&response);
    }
    let requests = Requests::new(args, &plan, opening, input);
    let wrong = requests.wrong();
    let mut responses = match open(args, session, &plan, requests).await {
        Ok(responses) => responses,
        Err(error) => return Err(ended(&wrong, error, failed)),
    };
    while let Some(response) = responses.next().await {
        match response {
            Ok(response) => {
                timing.arrived(response.len());
                output.print(&response)?;
            }
            Err(error) => return Err(ended(&wrong, error, failed)),
        }
    }
    Ok(())
}

async fn open(
    args: &Args,
    session: &Session<'_>,
    plan: &Plan,
    mut requests: Requests,
) -> Result<ResponseBytes, RpcError> {
    let (client, options) = (&session.client, plan.options(args));
    if plan.kind == CallKind::ServerStreaming {
        let payload = requests.take_opening().unwrap_or_default();
        return Carrier::call_server_streaming(client, &args.method, payload, options).await;
    }
    let requests = Box::pin(requests.stream());
    Carrier::call_streaming(client, &args.method, plan.kind, requests, options).await
}

/// Why the call ended: what was wrong with the requests, if anything was, comes first.
fn ended(
    wrong: &Wrong,
    error: RpcError,
    failed: impl FnOnce(RpcError) -> Box<dyn Error>,
) -> Box<dyn Error> {
    match wrong.take() {
        Some(wrong) => wrong.into(),
        None => failed(error),
    }
}
