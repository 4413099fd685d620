//! Without OpenTelemetry, a trace context goes from the caller's options to those whom its handler
//! calls, as it is.

use rpcnet_proto::TraceContext;
use tracing::Span;

/// What travels is not a matter of the span.
pub(super) const fn context(_span: &Span) -> Option<TraceContext> {
    None
}

/// Spans have parents in their own process only.
pub(super) const fn set_parent(_span: &Span, _parent: TraceContext) {}
