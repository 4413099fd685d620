//! One client type for connections, servers in process, and doubles; one server for many services.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallKind, CallOptions, Carrier, CodecId, HandlerRan, RpcError, Stream, codec};
use rpcnet::{InProcess, RpcClient};

use super::lab::{Bench, DOUBLE_MAX, LabClient, LabError, LabServer, Sample, Scene};
use crate::pair::{Certs, Running, soon};
use crate::probe::Probe;
use crate::workers::crew::Crew;

/// Every codec of this build that a service of serde's types may be called in.
pub(crate) const CODECS: [CodecId; 4] = [
    CodecId::POSTCARD,
    CodecId::JSON,
    CodecId::MESSAGE_PACK,
    CodecId::BINCODE,
];

/// Calls every method of the lab, in every codec, over any carrier.
async fn exercise<C: Carrier + Clone>(lab: LabClient<C>) {
    for codec in CODECS {
        assert!(codec::is_available(codec), "{codec} is not compiled in");
        let lab = lab.clone().with_codec(codec);
        soon("unary calls", exercise_unary(&lab)).await;
        soon("streams of responses", exercise_responses(&lab)).await;
        soon("streams of requests", exercise_requests(&lab)).await;
    }
}

async fn exercise_unary<C: Carrier>(lab: &LabClient<C>) {
    assert_eq!(lab.double(21).await.unwrap(), 42);
    let number = DOUBLE_MAX + 1;
    let error = lab.double(number).await.unwrap_err();
    let most = DOUBLE_MAX;
    assert_eq!(error.service(), Some(&LabError::TooLarge { number, most }));
    let joined = lab.join("a".into(), "b".into(), 2).await;
    assert_eq!(joined.unwrap(), "abab");
    lab.ping().await.unwrap();
    let sample = Sample::new(7);
    assert_eq!(lab.mirror(sample.clone()).await.unwrap(), sample);
    let error = lab.complain(3).await.unwrap_err();
    assert_eq!(error.service(), Some(&LabError::Noted("xxx".into())));
}

async fn exercise_responses<C: Carrier>(lab: &LabClient<C>) {
    let numbers = lab.count(300).await.unwrap();
    let numbers: Vec<u64> = numbers.try_collect().await.unwrap();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    assert_eq!(lab.count(0).await.unwrap().count().await, 0);
    let mut numbers = lab.count_until(9, Some(1)).await.unwrap();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
    let error = numbers.next().await.unwrap().unwrap_err();
    assert_eq!(error.service(), Some(&LabError::Noted("after 1".into())));
    assert!(numbers.next().await.is_none());
    let held: Vec<Sample> = lab.held().await.unwrap().try_collect().await.unwrap();
    assert_eq!(held, (0..3).map(Sample::new).collect::<Vec<_>>());
    assert_eq!(lab.count_boxed(4).await.unwrap().count().await, 4);
}

async fn exercise_requests<C: Carrier>(lab: &LabClient<C>) {
    assert_eq!(lab.sum(stream::iter(0..300)).await.unwrap(), 44_850);
    assert_eq!(lab.sum(stream::empty()).await.unwrap(), 0);
    let weighed = lab.weigh(1, stream::iter([2, 3]), 10).await;
    assert_eq!(weighed.unwrap(), 51);
    let samples = || stream::iter((0..5).map(Sample::new));
    assert_eq!(lab.tally(samples()).await.unwrap(), 5);
    let relayed = lab.relay(stream::iter(0..300)).await.unwrap();
    let relayed: Vec<u64> = relayed.try_collect().await.unwrap();
    assert_eq!(relayed, (0..300).collect::<Vec<_>>());
    let relayed = lab.relay_until(Some(0), stream::iter(0..3)).await;
    let mut relayed = relayed.unwrap();
    let error = relayed.next().await.unwrap().unwrap_err();
    assert_eq!(error.service(), Some(&LabError::Empty));
    assert!(relayed.next().await.is_none());
    let relayed = lab.relay_boxed(samples()).await.unwrap();
    let relayed: Vec<Sample> = relayed.try_collect().await.unwrap();
    assert_eq!(relayed, (0..5).map(Sample::new).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_connects_by_itself_calls_every_method() {
    let certs = Certs::new();
    let handler = Bench::new(&Probe::new());
    let mut server = LabServer::new(handler, certs.server());
    let address = server.bind().unwrap();
    assert_eq!(server.bind().unwrap(), address, "it is bound once");
    let rpc_server = server.rpc_server().clone();
    let serving = tokio::spawn(server.serve());
    let lab = LabClient::connect(address, certs.client()).await.unwrap();
    exercise(lab.clone()).await;
    assert!(lab.carrier().local_addr().is_some());
    rpc_server.shutdown(Duration::from_secs(5)).await;
    soon("the server", serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_generated_server_ends_with_its_signal_once_its_calls_are_over() {
    let certs = Certs::new();
    let mut server = LabServer::new(Bench::new(&Probe::new()), certs.server());
    let address = server.bind().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let signal = async move {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(server.serve_with_shutdown(signal, Duration::from_secs(10)));
    let lab = LabClient::connect(address, certs.client()).await.unwrap();
    assert_eq!(lab.double(4).await.unwrap(), 8);
    let (mut sender, receiver) = futures::channel::mpsc::channel(2);
    let mut relayed = lab.relay(receiver).await.unwrap();
    sender.try_send(1).unwrap();
    assert_eq!(soon("an item", relayed.next()).await.unwrap().unwrap(), 1);
    stop.send(()).unwrap();
    sender.try_send(2).unwrap();
    drop(sender);
    assert_eq!(soon("an item", relayed.next()).await.unwrap().unwrap(), 2);
    assert!(soon("the end", relayed.next()).await.is_none());
    let report = soon("the server", serving).await.unwrap().unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_client_over_an_existing_connection_calls_every_method() {
    let scene = Scene::new().await;
    let local = scene.rpc.local_addr();
    exercise(LabClient::new(scene.rpc.clone())).await;
    assert_eq!(scene.rpc.local_addr(), local, "nothing reconnected");
}

#[tokio::test]
async fn workers_of_a_cluster_answer_every_method_as_one_server_does() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    for worker in &crew.workers {
        let service = LabServer::service(Bench::new(&Probe::new()));
        worker.node.server.add_service(service);
    }
    let client = crew.client().await;
    let pool = client
        .pool(Some("role=worker"))
        .unwrap()
        .with_key("one key");
    exercise(LabClient::new(pool)).await;
    let workers = client.registry().workers();
    assert!(
        workers.iter().all(|worker| worker.calls() > 0),
        "{workers:?}"
    );
}

#[tokio::test]
async fn a_server_in_process_answers_every_method() {
    let service = LabServer::service(Bench::new(&Probe::new()));
    exercise(LabClient::new(InProcess::new(service))).await;
}

/// Writes down the calls that it passes on.
#[derive(Debug, Clone)]
struct Recorder<C> {
    inner: C,
    calls: Arc<Mutex<Vec<(String, CallKind, CodecId)>>>,
}

impl<C> Recorder<C> {
    fn new(inner: C) -> Self {
        let calls = Arc::default();
        Self { inner, calls }
    }

    fn record(&self, method: &str, kind: CallKind, options: &CallOptions) {
        let call = (method.to_owned(), kind, options.codec());
        self.calls.lock().unwrap().push(call);
    }
}

impl<C: Carrier> Carrier for Recorder<C> {
    type Responses = C::Responses;

    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<C> {
        self.record(method, CallKind::Unary, &options);
        self.inner.call(method, payload, options)
    }

    fn call_server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<C::Responses, RpcError>> + Send + use<C> {
        self.record(method, CallKind::ServerStreaming, &options);
        self.inner.call_server_streaming(method, payload, options)
    }

    fn call_streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<C::Responses, RpcError>> + Send + use<C, S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        self.record(method, kind, &options);
        self.inner.call_streaming(method, kind, requests, options)
    }
}

#[tokio::test]
async fn a_carrier_of_ones_own_sees_every_call() {
    let scene = Scene::new().await;
    let recorder = Recorder::new(scene.rpc.clone());
    exercise(LabClient::new(recorder.clone())).await;
    let calls = recorder.calls.lock().unwrap();
    let kinds: HashMap<&str, CallKind> = calls
        .iter()
        .map(|(method, kind, _)| (method.as_str(), *kind))
        .collect();
    let expected = [
        ("Lab.double", CallKind::Unary),
        ("Lab.join", CallKind::Unary),
        ("Lab.ping", CallKind::Unary),
        ("Lab.mirror", CallKind::Unary),
        ("Lab.complain", CallKind::Unary),
        ("Lab.count", CallKind::ServerStreaming),
        ("Lab.count_until", CallKind::ServerStreaming),
        ("Lab.held", CallKind::ServerStreaming),
        ("Lab.count_boxed", CallKind::ServerStreaming),
        ("Lab.sum", CallKind::ClientStreaming),
        ("Lab.weigh", CallKind::ClientStreaming),
        ("Lab.tally", CallKind::ClientStreaming),
        ("Lab.relay", CallKind::Bidirectional),
        ("Lab.relay_until", CallKind::Bidirectional),
        ("Lab.relay_boxed", CallKind::Bidirectional),
    ];
    assert_eq!(kinds, expected.into());
    for codec in CODECS {
        assert!(calls.iter().any(|(_, _, used)| *used == codec));
    }
}

/// Answers by the name of the method, with nothing behind it.
#[derive(Debug, Clone)]
struct Canned;

impl Canned {
    fn items(codec: CodecId) -> Vec<Result<Bytes, RpcError>> {
        vec![
            codec::encode(codec, &5_u64),
            codec::encode(codec, &6_u64),
            Err(RpcError::Timeout),
        ]
    }
}

impl Carrier for Canned {
    type Responses = stream::Iter<std::vec::IntoIter<Result<Bytes, RpcError>>>;

    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        let reply = match method {
            "Lab.double" => codec::decode::<u64>(options.codec(), &payload)
                .and_then(|number| codec::encode(options.codec(), &(number + 1))),
            _ => Err(RpcError::config("not canned")),
        };
        async move { reply }
    }

    fn call_server_streaming(
        &self,
        _method: &str,
        _payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<> {
        let items = Self::items(options.codec());
        async { Ok(stream::iter(items)) }
    }

    fn call_streaming<S>(
        &self,
        _method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        async move {
            let messages = requests.count().await as u64;
            let mut items = Self::items(options.codec());
            if kind == CallKind::ClientStreaming {
                items = vec![codec::encode(options.codec(), &messages)];
            }
            Ok(stream::iter(items))
        }
    }
}

#[tokio::test]
async fn a_double_with_nothing_behind_it_is_enough_for_a_client() {
    let lab = LabClient::new(Canned);
    assert_eq!(lab.double(7).await.unwrap(), 8);
    let error = lab.ping().await.unwrap_err();
    assert!(matches!(error.rpc(), Some(RpcError::ConfigError(_))));
    assert_eq!(error.handler_ran(), HandlerRan::No);
    // Start and factor are one message, each number is another.
    let weighed = lab.weigh(1, stream::iter([7, 8, 9]), 2).await;
    assert_eq!(weighed.unwrap(), 4);
    let streams = [
        lab.count(1).await.unwrap(),
        lab.relay(stream::iter([1])).await.unwrap(),
    ];
    for mut items in streams {
        assert_eq!(items.next().await.unwrap().unwrap(), 5);
        assert_eq!(items.next().await.unwrap().unwrap(), 6);
        assert!(items.next().await.unwrap().unwrap_err().is_timeout());
        assert!(items.next().await.is_none());
    }
}

/// A service with the methods of another, and types of its own.
#[rpcnet::service]
trait Annex {
    async fn double(&self, number: String) -> Result<String, bool>;
    async fn count(&self, below: u64) -> Result<impl Stream<Item = String>, bool>;
}

struct Suffix(&'static str);

impl AnnexHandler for Suffix {
    async fn double(&self, number: String) -> Result<String, bool> {
        Ok(number.clone() + &number + self.0)
    }

    async fn count(&self, below: u64) -> Result<impl Stream<Item = String> + Send, bool> {
        Ok(stream::iter(0..below).map(|number| format!("{number}{}", self.0)))
    }
}

#[tokio::test]
async fn services_whose_methods_have_the_same_names_share_a_server_and_a_connection() {
    let running = Running::new(|server| async move {
        server.add_service(LabServer::service(Bench::new(&Probe::new())));
        server.add_service(AnnexServer::service(Suffix("!")));
    })
    .await;
    let rpc: RpcClient = running.client().await;
    let (lab, annex) = (LabClient::new(rpc.clone()), AnnexClient::new(rpc));
    assert_eq!(lab.double(4).await.unwrap(), 8);
    assert_eq!(annex.double("4".into()).await.unwrap(), "44!");
    let numbers: Vec<u64> = lab.count(2).await.unwrap().try_collect().await.unwrap();
    assert_eq!(numbers, [0, 1]);
    let numbers = annex.count(2).await.unwrap();
    assert_eq!(numbers.try_collect::<Vec<_>>().await.unwrap(), ["0!", "1!"]);

    let both = InProcess::new(LabServer::service(Bench::new(&Probe::new())))
        .with_service(AnnexServer::service(Suffix("?")));
    assert_eq!(LabClient::new(both.clone()).double(4).await.unwrap(), 8);
    let annex = AnnexClient::new(both);
    assert_eq!(annex.double("4".into()).await.unwrap(), "44?");
}

#[tokio::test]
async fn a_service_that_is_added_again_serves_the_calls_from_then_on() {
    let running = Running::new(|server| async move {
        server.add_service(AnnexServer::service(Suffix(" of old")));
    })
    .await;
    let annex = AnnexClient::new(running.client().await);
    let mut begun = annex.count(2).await.unwrap();
    assert_eq!(begun.next().await.unwrap().unwrap(), "0 of old");
    running
        .server
        .add_service(AnnexServer::service(Suffix(" anew")));
    assert_eq!(annex.double("a".into()).await.unwrap(), "aa anew");
    assert_eq!(begun.next().await.unwrap().unwrap(), "1 of old");
    assert!(begun.next().await.is_none());
}

#[test]
fn a_service_knows_its_name_and_its_methods() {
    let service = AnnexServer::service(Suffix(""));
    assert_eq!(service.name(), "Annex");
    let methods: Vec<&str> = service.methods().collect();
    assert_eq!(methods, ["Annex.double", "Annex.count"]);
    assert!(format!("{service:?}").contains("Annex.count"));
}
