//! Spans of calls, one on each side, for whoever collects them; made only where somebody does.
//!
//! A call is a span at its caller, each attempt at it a child of that, and what its server does a
//! child of the attempt, as far as the collector carries traces between processes: see
//! [`otel`]. The fields are those of OpenTelemetry's conventions for RPC. Where nobody collects,
//! a span is one look at a number.

#[cfg(feature = "opentelemetry")]
#[path = "otel.rs"]
mod otel;
#[cfg(not(feature = "opentelemetry"))]
#[path = "no_otel.rs"]
mod otel;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rpcnet_proto::wire::Header;
use rpcnet_proto::{CallId, Code, Method, TraceContext};
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::context::Peer;
use crate::error::RpcError;

/// A span that is told how what it stands for ended; where the last clone is dropped untold, it was
/// cancelled. As small as can be where nobody collects it: it is part of every call.
#[derive(Clone, Debug)]
pub(crate) struct CallSpan(Option<Arc<Open>>);

/// A span that somebody collects.
#[derive(Debug)]
struct Open {
    span: Span,
    is_ended: AtomicBool,
}

impl CallSpan {
    /// One that nobody collects.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    fn of(span: Span) -> Self {
        let is_collected = !span.is_disabled();
        Self(is_collected.then(|| {
            let is_ended = AtomicBool::new(false);
            Arc::new(Open { span, is_ended })
        }))
    }

    /// That of a call at its caller, whatever attempts it takes: a child of the span that the
    /// caller is in, or of `parent`.
    pub(crate) fn call(
        method: &Method,
        left: impl FnOnce() -> Option<Duration>,
        parent: Option<TraceContext>,
    ) -> Self {
        let span = info_span!(
            target: "rpcnet::call",
            "rpcnet.call",
            otel.name = method.as_str(),
            otel.kind = "internal",
            rpc.system.name = SYSTEM,
            rpc.method = method.as_str(),
            rpcnet.timeout_ms = millis(left().unwrap_or_default()),
            rpc.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        if let Some(parent) = parent {
            otel::set_parent(&span, parent);
        }
        Self::of(span)
    }

    /// That of one attempt at this call.
    pub(crate) fn attempt(
        &self,
        method: &Method,
        call_id: CallId,
        server: SocketAddr,
        left: impl FnOnce() -> Option<Duration>,
    ) -> Self {
        let Some(call) = &self.0 else {
            return Self::none();
        };
        Self::of(info_span!(
            target: "rpcnet::call",
            parent: &call.span,
            "rpcnet.attempt",
            otel.name = method.as_str(),
            otel.kind = "client",
            rpc.system.name = SYSTEM,
            rpc.method = method.as_str(),
            network.peer.address = %server.ip(),
            network.peer.port = server.port(),
            rpcnet.call_id = call_id.get(),
            rpcnet.timeout_ms = millis(left().unwrap_or_default()),
            rpc.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        ))
    }

    /// That of a call at its server: a child of the attempt that caused it.
    pub(crate) fn served(header: &Header, peer: &Peer) -> Self {
        let method = header.method.as_str();
        let address = peer.address;
        let span = info_span!(
            target: "rpcnet::call",
            parent: None,
            "rpcnet.call",
            otel.name = method,
            otel.kind = "server",
            rpc.system.name = SYSTEM,
            rpc.method = method,
            network.peer.address = address.map(|it| tracing::field::display(it.ip())),
            network.peer.port = address.map(|it| it.port()),
            // Escaped and cut by its own `Display`.
            rpcnet.peer = peer.identity.as_ref().map(tracing::field::display),
            rpcnet.call_id = header.call_id.get(),
            rpcnet.timeout_ms = millis(header.timeout),
            rpc.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        if let Some(parent) = header.trace.filter(TraceContext::is_valid) {
            otel::set_parent(&span, parent);
        }
        Self::of(span)
    }

    /// What travels to a server, so that its span is a child of this one.
    pub(crate) fn trace_context(&self) -> Option<TraceContext> {
        otel::context(&self.0.as_ref()?.span)
    }

    /// Runs a function inside the span.
    pub(crate) fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        let _entered = self.0.as_ref().map(|open| open.span.enter());
        run()
    }

    /// How it ended, for its caller.
    pub(crate) fn end<T>(&self, result: &Result<T, RpcError>) {
        if let Some(open) = &self.0 {
            open.end(result.as_ref().err());
        }
    }

    /// It failed, for its caller.
    pub(crate) fn fail(&self, error: &RpcError) {
        if let Some(open) = &self.0 {
            open.end(Some(error));
        }
    }

    /// How it ended at its server: with this code, or well.
    pub(crate) fn end_served(&self, code: impl FnOnce() -> Option<Code>) {
        if let Some(open) = &self.0 {
            open.end_served(code());
        }
    }
}

impl Open {
    #[cold]
    fn end(&self, error: Option<&RpcError>) {
        if self.is_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.status(error.map(RpcError::code));
        if let Some(error) = error {
            self.span.record("otel.status_code", "ERROR");
            let description = printable(&error.to_string());
            self.span.record("otel.status_description", description);
        }
    }

    #[cold]
    fn end_served(&self, code: Option<Code>) {
        if self.is_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.status(code);
        if code.is_some_and(is_servers_fault) {
            self.span.record("otel.status_code", "ERROR");
        }
    }

    fn status(&self, code: Option<Code>) {
        let word = code.map_or("OK", Code::name);
        self.span.record("rpc.response.status_code", word);
        if code.is_some() {
            self.span.record("error.type", word);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !*self.is_ended.get_mut() {
            self.status(Some(Code::Cancelled));
        }
    }
}

pin_project_lite::pin_project! {
    /// A future that is polled inside a span.
    pub(crate) struct InSpan<F> {
        #[pin]
        pub(crate) future: F,
        pub(crate) span: CallSpan,
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.span.enter(|| this.future.poll(cx))
    }
}

/// What cannot be the caller's mistake, by OpenTelemetry's table for servers.
const fn is_servers_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// Text that may be a peer's: without what a terminal obeys, and bounded.
fn printable(text: &str) -> String {
    let shown = text.chars().take(DESCRIPTION_CHARS_MAX);
    let plain = shown.map(|c| match c.is_control() || is_format(c) {
        true => '\u{fffd}',
        false => c,
    });
    plain.collect()
}

/// Characters that change the direction of what follows, or are not seen.
const fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What kind of calls these are.
const SYSTEM: &str = "rpcnet";

/// Of an error's text, what a trace keeps.
const DESCRIPTION_CHARS_MAX: usize = 256;

#[cfg(test)]
mod tests;
