//! Traces as OpenTelemetry collects them: who caused what, and how it ended.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use futures::StreamExt;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use rpcnet::cluster::ClusterClientConfig;
use rpcnet::{Batching, CallOptions, Code, RpcError, RpcServer, TraceContext};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

use crate::pair::{Running, eventually, soon};
use crate::workers::crew::Crew;

/// Collects the spans of this thread.
struct Collector {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

/// Subscribers of nobody's. Where there is a single one, whether a span is wanted is decided by the
/// thread that comes to it first, for all threads: by one of another test, which has none.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(), ()].map(|()| Dispatch::new(tracing_subscriber::registry())));

impl Collector {
    fn install() -> Self {
        LazyLock::force(&OTHERS);
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let tracer = opentelemetry::trace::TracerProvider::tracer(&provider, "test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let subscriber = tracing_subscriber::registry().with(layer);
        Self {
            exporter,
            provider,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Waits until so many spans of calls have ended, and returns all that have.
    async fn spans(&self, calls: usize) -> Vec<SpanData> {
        let ended = || self.exporter.get_finished_spans().unwrap();
        let of_calls = |spans: &[SpanData]| spans.iter().filter(|it| is_of_call(it)).count();
        eventually("the spans", || of_calls(&ended()) >= calls).await;
        self.provider.force_flush().unwrap();
        let spans = ended();
        assert_eq!(of_calls(&spans), calls, "{:?}", names(&spans));
        spans
    }
}

fn is_of_call(span: &SpanData) -> bool {
    attribute(span, "rpc.system.name").is_some()
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|it| it.key.as_str() == key);
    let value = found.next().map(|it| it.value.as_str().into_owned());
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

fn kind(span: &SpanData) -> String {
    format!("{:?}", span.span_kind)
}

fn names(spans: &[SpanData]) -> Vec<(String, String)> {
    let names = spans.iter().map(|it| (it.name.to_string(), kind(it)));
    names.collect()
}

/// The only span of this kind and name that is a child of `parent`.
#[track_caller]
fn child<'a>(spans: &'a [SpanData], parent: &SpanData, of: &str, name: &str) -> &'a SpanData {
    let [child] = &children(spans, parent, of, name)[..] else {
        panic!(
            "no sole {of} {name} under {}: {:?}",
            parent.name,
            names(spans)
        );
    };
    assert_eq!(
        child.span_context.trace_id(),
        parent.span_context.trace_id()
    );
    child
}

fn children<'a>(
    spans: &'a [SpanData],
    parent: &SpanData,
    of: &str,
    name: &str,
) -> Vec<&'a SpanData> {
    let is_child = |it: &&SpanData| {
        it.parent_span_id == parent.span_context.span_id() && it.name == *name && kind(it) == of
    };
    spans.iter().filter(is_child).collect()
}

fn status(span: &SpanData) -> Option<String> {
    attribute(span, "rpc.response.status_code")
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|it| it.name == *name).unwrap()
}

async fn handlers(server: RpcServer) {
    crate::pair::echo(server.clone()).await;
    let work = |payload| async move {
        info_span!("the handler's own").in_scope(|| ());
        Ok(payload)
    };
    server.register("work", work).await;
    let deny = |_| async {
        Err(RpcError::status(
            Code::PermissionDenied,
            "not \u{1b}[31myou",
        ))
    };
    server.register("deny", deny).await;
    server.register("bug", |_| async { panic!("a bug") }).await;
    let hold = |_| async { std::future::pending().await };
    server.register("hold", hold).await;
}

#[tokio::test]
async fn a_call_is_one_trace_from_its_caller_to_its_handler() {
    for batching in [Batching::Never, Batching::Always] {
        let collector = Collector::install();
        let running = Running::new(handlers).await;
        let client = running.client_with(|it| it.with_batching(batching)).await;
        client.call("work", vec![1]).await.unwrap();
        // The span in which the call is waited for is its parent.
        let call = client.call("work", vec![2]);
        call.instrument(info_span!("the caller")).await.unwrap();
        let spans = collector.spans(6).await;
        let caller = named(&spans, "the caller");
        let call = child(&spans, caller, "Internal", "work");
        let attempt = child(&spans, call, "Client", "work");
        let served = child(&spans, attempt, "Server", "work");
        child(&spans, served, "Internal", "the handler's own");
        assert!(served.parent_span_is_remote);
        for span in [call, attempt, served] {
            assert_eq!(status(span).as_deref(), Some("OK"));
            assert_eq!(attribute(span, "rpc.method").as_deref(), Some("work"));
        }
        let port = running.addr.port().to_string();
        assert_eq!(attribute(attempt, "network.peer.port"), Some(port));
        let id = attribute(served, "rpcnet.call_id");
        assert!(id.is_some() && attribute(attempt, "rpcnet.call_id") == id);
        let apart = spans.iter().filter(|it| it.name == "work");
        let traces: HashSet<_> = apart.map(|it| it.span_context.trace_id()).collect();
        assert_eq!(traces.len(), 2, "the other call is a trace of its own");
    }
}

#[tokio::test]
async fn calls_that_a_handler_makes_are_children_of_its_own() {
    let collector = Collector::install();
    let back = Running::new(handlers).await;
    let client = back.client().await;
    let front = Running::new(|server| async move {
        let relay = move |payload| {
            let client = client.clone();
            async move { client.call("work", payload).await }
        };
        server.register("relay", relay).await;
    })
    .await;
    let client = front.client().await;
    let calling = client.call("relay", vec![1]);
    calling.await.unwrap();
    let spans = collector.spans(6).await;
    let mut roots = spans
        .iter()
        .filter(|it| it.name == "relay" && kind(it) == "Internal");
    let attempt = child(&spans, roots.next().unwrap(), "Client", "relay");
    let served = child(&spans, attempt, "Server", "relay");
    let nested = child(&spans, served, "Internal", "work");
    let nested = child(&spans, nested, "Client", "work");
    child(&spans, nested, "Server", "work");
}

#[tokio::test]
async fn a_trace_that_was_given_is_the_parent() {
    let collector = Collector::install();
    let running = Running::new(handlers).await;
    let client = running.client().await;
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::from_traceparent(header).unwrap();
    let options = CallOptions::new().with_trace(trace);
    client.call_with("work", vec![], options).await.unwrap();
    let spans = collector.spans(3).await;
    for span in spans.iter().filter(|it| is_of_call(it)) {
        assert_eq!(span.span_context.trace_id().to_bytes(), trace.trace_id);
    }
    let mut calls = spans
        .iter()
        .filter(|it| kind(it) == "Internal" && is_of_call(it));
    assert_eq!(
        calls.next().unwrap().parent_span_id.to_bytes(),
        trace.parent_id
    );
}

#[tokio::test]
async fn failures_are_told_by_whose_they_are_in_printable_words() {
    let collector = Collector::install();
    let running = Running::new(handlers).await;
    let client = running.client().await;
    client.call("deny", vec![]).await.unwrap_err();
    client.call("bug", vec![]).await.unwrap_err();
    // No handler is entered, so that there is no span of a server.
    client.call("nowhere", vec![]).await.unwrap_err();
    let options = CallOptions::new().with_timeout(Duration::from_millis(20));
    client.call_with("hold", vec![], options).await.unwrap_err();
    let spans = collector.spans(11).await;
    let of = |name: &str, of: &str| {
        let mut found = spans.iter().filter(|it| it.name == *name && kind(it) == of);
        let span = found.next().unwrap();
        (status(span).unwrap(), format!("{:?}", span.status))
    };
    let (code, text) = of("deny", "Client");
    assert_eq!(code, "PERMISSION_DENIED");
    assert!(text.starts_with("Error"), "{text}");
    let of_all = spans.iter().filter_map(|it| match &it.status {
        Status::Error { description } => Some(description.to_string()),
        _ => None,
    });
    let described: String = of_all.collect();
    assert!(described.contains("[31myou"), "{described}");
    assert!(described.chars().all(|it| !it.is_control()), "{described}");
    assert_eq!(
        of("deny", "Server"),
        ("PERMISSION_DENIED".into(), "Unset".into())
    );
    let (code, text) = of("bug", "Server");
    assert!(
        code == "INTERNAL" && text.starts_with("Error"),
        "{code} {text}"
    );
    assert_eq!(of("nowhere", "Internal").0, "UNIMPLEMENTED");
    assert_eq!(of("hold", "Internal").0, "DEADLINE_EXCEEDED");
    assert!(["DEADLINE_EXCEEDED", "CANCELLED"].contains(&of("hold", "Server").0.as_str()));
}

#[tokio::test]
async fn a_stream_is_in_its_trace_until_it_ends_or_is_dropped() {
    let collector = Collector::install();
    let running = Running::new(handlers).await;
    let client = running.client().await;
    let requests = || futures::stream::iter([vec![1], vec![2]]);
    let responses = client
        .call_streaming("echo_stream", requests())
        .await
        .unwrap();
    assert_eq!(responses.count().await, 2);
    let spans = collector.spans(3).await;
    let call = spans.iter().find(|it| kind(it) == "Internal").unwrap();
    let attempt = child(&spans, call, "Client", "echo_stream");
    let served = child(&spans, attempt, "Server", "echo_stream");
    for span in [call, attempt, served] {
        assert_eq!(status(span).as_deref(), Some("OK"));
    }

    // Its handler has begun: of a call that is dropped at once the server may not hear.
    let endless = futures::stream::iter([vec![1]]).chain(futures::stream::pending());
    let mut responses = client.call_streaming("echo_stream", endless).await.unwrap();
    responses.next().await.unwrap().unwrap();
    drop(responses);
    let spans = collector.spans(6).await;
    let cancelled = spans
        .iter()
        .filter(|it| status(it).as_deref() == Some("CANCELLED"));
    assert_eq!(cancelled.count(), 3);
}

#[tokio::test]
async fn a_hedge_is_a_second_attempt_of_the_same_call() {
    let crew = Crew::of(&["w1", "w2"]).await;
    let registry = crew.client().await.registry().clone();
    let config = ClusterClientConfig::from(crew.rpc()).with_hedge_after(Duration::from_millis(5));
    let client = rpcnet::cluster::ClusterClient::new(registry, config);
    let collector = Collector::install();
    let options = CallOptions::new().idempotent();
    let call = client.call_worker_with("hold", vec![1], None, options);
    let call = tokio::spawn(call);
    let marks: Vec<_> = crew.workers.iter().map(|it| it.marks.clone()).collect();
    eventually("both attempts", || marks.iter().all(|it| it.held() == 1)).await;
    marks[1].release(1);
    soon("the call", call).await.unwrap().unwrap();
    let spans = collector.spans(5).await;
    let call = spans
        .iter()
        .find(|it| kind(it) == "Internal" && is_of_call(it))
        .unwrap();
    let attempts = children(&spans, call, "Client", "hold");
    let mut ends: Vec<_> = attempts.iter().filter_map(|it| status(it)).collect();
    ends.sort_unstable();
    assert_eq!(ends, ["CANCELLED", "OK"]);
    for attempt in attempts {
        let served = child(&spans, attempt, "Server", "hold");
        assert_eq!(status(served), status(attempt));
    }
}
