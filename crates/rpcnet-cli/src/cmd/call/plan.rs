//! [`Plan`]: what the method is, told by the server or by the options.

use std::error::Error;
use std::time::{Duration, Instant};

use rpcnet::{CallKind, CallOptions, DEFAULT_STREAM_TIMEOUT, DEFAULT_TIMEOUT};

use super::args::Args;
use super::failure::Failure;
use crate::cmd::reflection::{Method, Session, Told, described};

/// How to call.
pub(super) struct Plan {
    pub(super) kind: CallKind,
    /// What the server tells of the method, where it does.
    pub(super) method: Option<Method>,
    /// How long it took to tell.
    pub(super) described: Option<Duration>,
}

impl Plan {
    /// Asks the server, unless the options say it.
    pub(super) async fn make(args: &Args, session: &Session<'_>) -> Result<Self, Box<dyn Error>> {
        if let Some(kind) = args.shape.kind() {
            return Ok(Self {
                kind,
                method: None,
                described: None,
            });
        }
        let began = Instant::now();
        let told = described(&session.client, &args.method, session.timeout()).await;
        let took = began.elapsed();
        let method = match told {
            Ok(Told::Known(catalogue)) => match catalogue.into_method(&args.method) {
                Some(method) => method,
                None => return Err(Box::new(session.missing(&args.method).await)),
            },
            Ok(Told::Nothing) => return Err(Box::new(session.missing(&args.method).await)),
            Ok(Told::Silent(_)) => {
                return Ok(Self {
                    kind: CallKind::Unary,
                    method: None,
                    described: None,
                });
            }
            Err(error) => return Err(Failure::of(args, session, None, &error).into_error(args)),
        };
        Ok(Self {
            kind: method.kind.of_call().unwrap_or_else(|| guessed(args)),
            method: Some(method),
            described: Some(took),
        })
    }

    /// The method, where its messages have types.
    pub(super) fn typed(&self) -> Option<&Method> {
        self.method.as_ref().filter(|method| method.typed)
    }

    /// How long the call may take.
    pub(super) fn deadline(&self, args: &Args) -> Duration {
        let own = self.method.as_ref().and_then(|method| method.timeout_ms);
        let default = match self.kind {
            CallKind::Unary => DEFAULT_TIMEOUT,
            _ => DEFAULT_STREAM_TIMEOUT,
        };
        let own = own.map_or(default, Duration::from_millis);
        args.deadline.unwrap_or(own)
    }

    pub(super) fn options(&self, args: &Args) -> CallOptions {
        let options = CallOptions::new()
            .with_codec(args.codec())
            .with_timeout(self.deadline(args))
            .with_metadata(args.metadata());
        let is_idempotent = self.method.as_ref().is_some_and(|it| it.idempotent);
        match is_idempotent {
            true => options.idempotent(),
            false => options,
        }
    }

    /// Whether the call is made by a guess, because the server does not tell.
    pub(super) fn is_guess(&self, args: &Args) -> bool {
        self.method.is_none() && args.shape.kind().is_none()
    }
}

/// The kind of a method that streams in whatever way it is called.
fn guessed(args: &Args) -> CallKind {
    let is_given = args.file.is_some() || args.payload.as_ref().is_some_and(|it| it != "-");
    match is_given {
        true => CallKind::ServerStreaming,
        false => CallKind::Bidirectional,
    }
}
