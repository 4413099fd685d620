//! [`Failure`]: why a call failed, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use rpcnet::{CallKind, Code, HandlerRan, RpcError, Status};
use serde_json::{Value, json};

use super::args::{Args, Shape};
use super::plan::Plan;
use crate::cmd::Exit;
use crate::cmd::access::{Place, ascii_json, hint, printable};
use crate::cmd::reflection::Session;

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    code: Code,
    message: String,
    details: Option<Value>,
    ran: HandlerRan,
    retry_after_ms: Option<u128>,
    hint: Option<String>,
}

/// Characters of a message that are printed.
const MESSAGE_CHARS_MAX: usize = 1000;

impl Failure {
    pub(super) fn of(
        args: &Args,
        session: &Session<'_>,
        plan: Option<&Plan>,
        error: &RpcError,
    ) -> Self {
        let credentials = session.access().credentials();
        let own = own_hint(args, plan, error);
        let hint = own.or_else(|| hint(credentials, Place::Server, error));
        let retry_after = error.retry_after();
        Self {
            code: code(error),
            message: printable(&message(args, plan, error), MESSAGE_CHARS_MAX),
            details: details(error),
            ran: error.handler_ran(),
            retry_after_ms: retry_after.map(|wait| wait.as_millis()),
            hint,
        }
    }

    /// The end of the command: printed here where it is to be JSON, by `main` otherwise.
    pub(super) fn into_error(self, args: &Args) -> Box<dyn Error> {
        if !args.json {
            return Box::new(self);
        }
        let error = json!({"error": {
            "code": self.code.name(),
            "message": self.message,
            "details": self.details,
            "handler_ran": match self.ran {
                HandlerRan::Yes => "yes",
                HandlerRan::Maybe => "maybe",
                HandlerRan::No => "no",
            },
            "retry_after_ms": self.retry_after_ms.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
        }});
        // Where even this cannot be written, the exit code has to do.
        let _ = writeln!(io::stderr(), "{}", ascii_json(&error.to_string()));
        Box::new(Exit::silent(1))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)?;
        if let Some(details) = &self.details {
            write!(f, "\n  details: {}", ascii_json(&details.to_string()))?;
        }
        f.write_str(match self.ran {
            HandlerRan::Yes => "\n  the handler ran",
            HandlerRan::Maybe => "\n  the handler may have run",
            HandlerRan::No => "\n  the handler did not run",
        })?;
        if let Some(ms) = self.retry_after_ms {
            write!(
                f,
                "\n  the server asks to wait {ms} ms before the next attempt"
            )?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {}

fn code(error: &RpcError) -> Code {
    match error {
        RpcError::Status(status) | RpcError::ServiceError(status) => status.code,
        RpcError::Timeout => Code::DeadlineExceeded,
        RpcError::Cancelled => Code::Cancelled,
        RpcError::UnknownMethod(_) => Code::Unimplemented,
        RpcError::ResourceExhausted(_) => Code::ResourceExhausted,
        RpcError::Unauthenticated(_) => Code::Unauthenticated,
        RpcError::PermissionDenied(_) => Code::PermissionDenied,
        RpcError::InvalidRequest(_) | RpcError::ConfigError(_) => Code::InvalidArgument,
        RpcError::SchemaMismatch(_) => Code::FailedPrecondition,
        RpcError::InternalError(_) | RpcError::SerializationError { .. } => Code::Internal,
        RpcError::ConnectionError(_)
        | RpcError::StreamError(_)
        | RpcError::Unavailable(_)
        | RpcError::TlsError(_)
        | RpcError::NoWorker(_) => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn message(args: &Args, plan: Option<&Plan>, error: &RpcError) -> String {
    match (error, plan) {
        (RpcError::Status(status), _) => status.message.clone(),
        (RpcError::ServiceError(status), _) => {
            format!("the service's own error, {}", status.message)
        }
        (RpcError::Timeout, Some(plan)) => {
            format!("the call took longer than {:?}", plan.deadline(args))
        }
        (RpcError::UnknownMethod(text), _) => format!("{}: {text}", args.method),
        _ => crate::chain(error),
    }
}

/// The details of a status; JSON where they are, else how many bytes there are.
fn details(error: &RpcError) -> Option<Value> {
    let (RpcError::Status(status) | RpcError::ServiceError(status)) = error else {
        return None;
    };
    let Status { details, .. } = &**status;
    if details.is_empty() {
        return None;
    }
    Some(match serde_json::from_slice(details) {
        Ok(json) => json,
        Err(_) => match str::from_utf8(details) {
            Ok(text) => text.into(),
            Err(_) => format!("{} bytes", details.len()).into(),
        },
    })
}

/// What to change, where it is about the call rather than the connection.
fn own_hint(args: &Args, plan: Option<&Plan>, error: &RpcError) -> Option<String> {
    let is_guess = plan.is_some_and(|plan| plan.is_guess(args));
    Some(match error {
        RpcError::UnknownMethod(text) => return unknown_hint(text, is_guess),
        RpcError::Timeout => "--deadline: give it longer, if that is what it takes".into(),
        RpcError::Status(status) if status.code == Code::PermissionDenied => {
            "--cert and --key: the method does not answer this certificate".into()
        }
        RpcError::InvalidRequest(_) if is_guess => {
            "this server does not tell what the method takes; the JSON was sent as it is".into()
        }
        _ => return None,
    })
}

/// What the server says of the method's shape says which option it is.
fn unknown_hint(text: &str, is_guess: bool) -> Option<String> {
    let kinds = [
        CallKind::ServerStreaming,
        CallKind::ClientStreaming,
        CallKind::Bidirectional,
        CallKind::Unary,
    ];
    let kind = kinds
        .into_iter()
        .find(|kind| text.starts_with(&format!("the method is {kind}")));
    if let Some(kind) = kind {
        return Some(format!(
            "{}: the method is called like that",
            Shape::option(kind)
        ));
    }
    if text.starts_with("the method streams") {
        return Some(
            "--server-streaming, --client-streaming or --bidirectional: the method streams".into(),
        );
    }
    is_guess.then(|| {
        "is the name right? This server does not tell what it has (enable_introspection), or not \
         this certificate"
            .into()
    })
}
