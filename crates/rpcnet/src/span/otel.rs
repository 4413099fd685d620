//! Traces that go from process to process, by what OpenTelemetry's layer knows of a span.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use rpcnet_proto::TraceContext;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What a span is in OpenTelemetry; `None` where no layer of it is installed.
pub(super) fn context(span: &Span) -> Option<TraceContext> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| TraceContext {
        trace_id: span.trace_id().to_bytes(),
        parent_id: span.span_id().to_bytes(),
        flags: span.trace_flags().to_u8(),
    })
}

/// Makes a span, which nobody has entered yet, a child of one in another process.
pub(super) fn set_parent(span: &Span, parent: TraceContext) {
    let parent = SpanContext::new(
        TraceId::from_bytes(parent.trace_id),
        SpanId::from_bytes(parent.parent_id),
        TraceFlags::new(parent.flags),
        true,
        TraceState::NONE,
    );
    // It fails only where there is no layer, or nobody collects the span.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}
