//! What is sent: the message that opens the call, and the stream of requests.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, stream};
use rpcnet::RpcError;
use serde_json::Value;

use super::args::Args;
use super::input::{Input, file};
use super::plan::Plan;
use crate::cmd::reflection::{Legend, Method, Mismatch, Type, Types, check, complete, signature};

/// The message that opens the call, if there is one.
///
/// # Errors
///
/// It cannot be read, is no JSON, or not what the method takes.
pub(super) async fn opening(
    args: &Args,
    plan: &Plan,
    input: &mut Input,
) -> Result<Option<Bytes>, Box<dyn Error>> {
    let given = given(args, plan, input).await?;
    if args.raw {
        let is_upload = plan.kind.streams_requests();
        return Ok(match given {
            Some(given) => Some(given.into()),
            None if is_upload => Some(input.rest().await?.into()),
            None => Some(Bytes::new()),
        });
    }
    match plan.typed() {
        Some(method) if !method.speaks_json() => Err(format!(
            "the messages of {} are Protocol Buffers: give them with --raw --codec protobuf \
             --file FILE",
            method.method
        )
        .into()),
        Some(method) => typed(args, method, given),
        None => untyped(plan, given),
    }
}

/// The bytes that were given for it.
async fn given(
    args: &Args,
    plan: &Plan,
    input: &mut Input,
) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    if let Some(path) = &args.file {
        return file(path).await.map(Some);
    }
    let is_line = plan.kind.streams_requests() && !args.raw;
    match args.payload.as_deref() {
        // The lines of the stream are all that is there.
        Some("-") if is_line && takes_nothing(plan) => Ok(None),
        Some("-") if is_line => Ok(input.line().await?),
        Some("-") => Ok(Some(input.rest().await?)),
        Some(text) => Ok(Some(text.as_bytes().to_vec())),
        None => Ok(None),
    }
}

/// Whether the requests of the method are all that it takes, or all that is known of it.
fn takes_nothing(plan: &Plan) -> bool {
    plan.typed().is_none_or(|method| method.arguments.is_none())
}

fn untyped(plan: &Plan, given: Option<Vec<u8>>) -> Result<Option<Bytes>, Box<dyn Error>> {
    let Some(given) = given else {
        return Ok((!plan.kind.streams_requests()).then(Bytes::new));
    };
    parsed(&given).map_err(|error| format!("the argument is no JSON: {error}"))?;
    Ok(Some(given.into()))
}

fn typed(
    args: &Args,
    method: &Method,
    given: Option<Vec<u8>>,
) -> Result<Option<Bytes>, Box<dyn Error>> {
    let Some(types) = &method.arguments else {
        return match given {
            None => Ok(None),
            Some(_) => Err(unfit(
                method,
                "it takes no arguments: its requests are read from standard input",
            )),
        };
    };
    let takes_unit = method.parameters.is_empty() && *types.at(types.root) == Type::Unit;
    let Some(given) = given else {
        return match takes_unit {
            true => Ok(Some(Bytes::from_static(b"null"))),
            false => Err(unfit(method, "it takes arguments: give them as JSON")),
        };
    };
    let value = parsed(&given).map_err(|error| unfit(method, format!("no JSON: {error}")))?;
    if takes_unit && !value.is_null() && !args.no_check {
        return Err(unfit(method, "it takes no arguments: leave the JSON out"));
    }
    if !args.no_check {
        fits(method, types, &value).map_err(|wrong| unfit(method, wrong))?;
    }
    Ok(Some(given.into()))
}

fn fits(method: &Method, types: &Types, value: &Value) -> Result<(), Mismatch> {
    match method.parameters.len() {
        0 | 1 => check(types, value),
        _ => complete(types, value),
    }
}

/// What is wrong with the arguments, and what the method takes.
fn unfit(method: &Method, wrong: impl fmt::Display) -> Box<dyn Error> {
    let signature = signature(method, &mut Legend::default()).replace('\n', "\n  ");
    format!("the arguments do not fit: {wrong}\n  {signature}\n  rpcnet describe says more").into()
}

fn parsed(json: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(json)
}

/// The requests: what opens the call, then the lines of standard input.
pub(super) struct Requests {
    opening: Option<Bytes>,
    /// None where the opening is all.
    input: Option<Input>,
    items: Option<Types>,
    wrong: Wrong,
}

/// What was wrong with a line, for whoever reports the end of the call.
#[derive(Clone, Default)]
pub(super) struct Wrong(Arc<Mutex<Option<String>>>);

impl Wrong {
    fn put(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Requests {
    pub(super) fn new(args: &Args, plan: &Plan, opening: Option<Bytes>, input: Input) -> Self {
        let items = plan.typed().and_then(|method| method.items.clone());
        Self {
            opening,
            input: (!args.raw).then_some(input),
            items: items.filter(|_| !args.no_check),
            wrong: Wrong::default(),
        }
    }

    /// The message that opens the call, where it is all that is sent.
    pub(super) fn take_opening(&mut self) -> Option<Bytes> {
        self.opening.take()
    }

    pub(super) fn wrong(&self) -> Wrong {
        self.wrong.clone()
    }

    /// Reads a line when the one before was taken. One that is wrong ends the call.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, RpcError>> + Send + 'static {
        stream::unfold(self, |mut requests| async move {
            let next = requests.next().await?;
            let next = next.map_err(|wrong| {
                requests.wrong.put(wrong);
                requests.input = None;
                RpcError::config("a line of standard input is wrong")
            });
            Some((next, requests))
        })
    }

    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        if let Some(opening) = self.opening.take() {
            return Some(Ok(opening));
        }
        let input = self.input.as_mut()?;
        let line = input.line().await;
        let line = line.map_err(|error| format!("standard input: {error}"));
        let checked = match line.transpose()? {
            Ok(line) => judged(self.items.as_ref(), &line)
                .map(|()| Bytes::from(line))
                .map_err(|wrong| format!("standard input, line {}: {wrong}", input.number())),
            Err(error) => Err(error),
        };
        Some(checked)
    }
}

fn judged(items: Option<&Types>, line: &[u8]) -> Result<(), String> {
    let value = parsed(line).map_err(|error| format!("no JSON: {error}"))?;
    match items.map(|items| check(items, &value)) {
        None | Some(Ok(())) => Ok(()),
        Some(Err(wrong)) => Err(wrong.to_string()),
    }
}
