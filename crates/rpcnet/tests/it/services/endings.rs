//! A typed call that ends early ends for both sides, and never looks complete.

use std::future::{Future, pending, poll_fn};
use std::task::Poll;

use bytes::BytesMut;
use futures::{StreamExt, stream};
use rpcnet::{CallKind, CallOptions, Carrier, CodecId, RpcError, Stream, codec};
use rpcnet::{InProcess, RpcClient};
use rpcnet_proto::wire::{ErrorCode, encode};
use rpcnet_testkit::scripted::frames;
use tokio::sync::oneshot;

use crate::pair::{Running, echo, eventually, soon};
use crate::probe::{Probe, Seen};
use crate::raw::Raw;

/// Methods that take their time.
#[rpcnet::service]
trait Patient {
    /// Never answers.
    async fn wait(&self, number: u64) -> Result<u64, String>;
    /// Never gets to its stream.
    async fn prepare(&self) -> Result<impl Stream<Item = u64>, String>;
    /// One item, then none for good.
    async fn hesitate(&self) -> Result<impl Stream<Item = u64>, String>;
    /// Items without end.
    async fn drip(&self) -> Result<impl Stream<Item = Result<u64, String>>, String>;
    /// Reads to the end and never answers.
    async fn gather(&self, numbers: impl Stream<Item = u64>) -> Result<u64, String>;
    /// Reads to the end, however that is, and answers with the sum.
    async fn add(
        &self,
        start: u64,
        numbers: impl Stream<Item = Result<u64, RpcError>>,
    ) -> Result<u64, String>;
    /// Counts to the end, and asks twice wherever there is nothing yet.
    async fn insist(&self, numbers: impl Stream<Item = u64>) -> Result<u64, String>;
    /// Answers after so many numbers.
    async fn enough(&self, most: usize, numbers: impl Stream<Item = u64>) -> Result<u64, String>;
    /// Stops reading after so many numbers, and goes on to count without end.
    async fn turn(
        &self,
        most: usize,
        numbers: impl Stream<Item = u64>,
    ) -> Result<impl Stream<Item = u64>, String>;
    /// Each number as it comes.
    async fn relay(
        &self,
        numbers: impl Stream<Item = u64>,
    ) -> Result<impl Stream<Item = u64>, String>;
}

struct Watched(Probe);

/// Counts what a stream has, polling it twice in a row wherever it has nothing yet, as
/// `select!` in a loop does.
async fn insist<S: Stream + Unpin>(mut items: S, on_item: impl Fn()) -> u64 {
    let mut count = 0;
    poll_fn(|cx| {
        let mut has_asked_twice = false;
        loop {
            match items.poll_next_unpin(cx) {
                Poll::Ready(None) => return Poll::Ready(count),
                Poll::Ready(Some(_)) => {
                    count += 1;
                    on_item();
                }
                Poll::Pending if has_asked_twice => return Poll::Pending,
                Poll::Pending => has_asked_twice = true,
            }
        }
    })
    .await
}

impl PatientHandler for Watched {
    async fn wait(&self, number: u64) -> Result<u64, String> {
        let stay = self.0.enter();
        pending::<()>().await;
        stay.finish();
        Ok(number)
    }

    async fn prepare(&self) -> Result<impl Stream<Item = u64> + Send, String> {
        let _stay = self.0.enter();
        pending::<()>().await;
        Ok(stream::empty())
    }

    async fn hesitate(&self) -> Result<impl Stream<Item = u64> + Send, String> {
        let stay = self.0.enter();
        Ok(stream::iter([1]).chain(stream::pending()).map(move |item| {
            let _ = &stay;
            item
        }))
    }

    async fn drip(&self) -> Result<impl Stream<Item = Result<u64, String>> + Send, String> {
        let stay = self.0.enter();
        Ok(stream::iter(0..).map(move |item| {
            let _ = &stay;
            Ok(item)
        }))
    }

    async fn gather(
        &self,
        mut numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, String> {
        let _stay = self.0.enter();
        while numbers.next().await.is_some() {
            self.0.item();
        }
        self.0.end();
        pending().await
    }

    async fn add(
        &self,
        start: u64,
        mut numbers: impl Stream<Item = Result<u64, RpcError>> + Send + Unpin + 'static,
    ) -> Result<u64, String> {
        let stay = self.0.enter();
        let mut sum = start;
        while let Some(number) = numbers.next().await {
            match number {
                Ok(number) => sum += number,
                Err(_) => {
                    assert!(numbers.next().await.is_none(), "the error is the last item");
                    stay.finish();
                    return Err(format!("cut off at {sum}"));
                }
            }
            self.0.item();
        }
        self.0.end();
        stay.finish();
        Ok(sum)
    }

    async fn insist(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, String> {
        let count = insist(numbers, || self.0.item()).await;
        self.0.end();
        Ok(count)
    }

    async fn enough(
        &self,
        most: usize,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, String> {
        Ok(numbers
            .take(most)
            .fold(0, async |sum, number| sum + number)
            .await)
    }

    async fn turn(
        &self,
        most: usize,
        mut numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = u64> + Send, String> {
        for _ in 0..most {
            numbers.next().await;
        }
        drop(numbers);
        Ok(stream::iter(0..))
    }

    async fn relay(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = u64> + Send, String> {
        let stay = self.0.enter();
        Ok(numbers.map(move |number| {
            let _ = &stay;
            number
        }))
    }
}

/// Servers of the watched methods: one at the other end of a connection, one right here.
struct Scene {
    running: Running,
    rpc: RpcClient,
    far: PatientClient,
    far_probe: Probe,
    near: PatientClient<InProcess>,
    near_probe: Probe,
}

impl Scene {
    async fn new() -> Self {
        let (far_probe, near_probe) = (Probe::new(), Probe::new());
        let service = PatientServer::service(Watched(far_probe.clone()));
        let running = Running::new(|server| async move {
            server.add_service(service);
            echo(server).await;
        })
        .await;
        let rpc = running.client().await;
        let near = InProcess::new(PatientServer::service(Watched(near_probe.clone())));
        Self {
            far: PatientClient::new(rpc.clone()),
            near: PatientClient::new(near),
            running,
            rpc,
            far_probe,
            near_probe,
        }
    }

    /// Nothing of any call is left, and the connection serves on.
    async fn check_unharmed(&self) {
        let server = &self.running.server;
        eventually("every call ends", || server.running_calls() == 0).await;
        let echoed = soon("echo", self.rpc.call("echo", b"alive".to_vec())).await;
        assert_eq!(echoed.unwrap(), b"alive");
    }
}

/// An upload of these many numbers that then stays open, and tells when it is dropped.
fn open_ended(
    items: u64,
) -> (
    impl Stream<Item = u64> + Send + 'static,
    oneshot::Receiver<()>,
) {
    let (held, dropped) = oneshot::channel::<()>();
    let numbers = stream::iter(0..items).chain(stream::pending());
    let numbers = numbers.inspect(move |_| {
        let _ = &held;
    });
    (numbers, dropped)
}

/// An upload without end that tells when it is dropped.
fn endless() -> (
    impl Stream<Item = u64> + Send + 'static,
    oneshot::Receiver<()>,
) {
    let (held, dropped) = oneshot::channel::<()>();
    let numbers = stream::repeat(1).inspect(move |_| {
        let _ = &held;
    });
    (numbers, dropped)
}

async fn assert_dropped(upload: oneshot::Receiver<()>) {
    let gone = soon("the upload is dropped", upload).await;
    assert!(gone.is_err(), "only the drop of the sender speaks");
}

/// Polls a call until its handler has got far enough, and gives it up.
async fn abandon_once<T>(
    probe: &Probe,
    call: impl Future<Output = T>,
    far_enough: impl FnMut(&Seen) -> bool,
) {
    tokio::select! {
        biased;
        _ = probe.until(far_enough) => {}
        _ = call => panic!("the call ended by itself"),
    }
}

/// Gives up a call of every shape while its handler is in the middle of it.
async fn give_up_in_every_shape<C: Carrier>(patient: &PatientClient<C>, probe: &Probe) {
    abandon_once(probe, patient.wait(3), |seen| seen.started == 1).await;
    probe.dropped(1).await;

    let stuck = async { patient.prepare().await.unwrap().next().await };
    abandon_once(probe, stuck, |seen| seen.started == 2).await;
    probe.dropped(2).await;

    let mut items = patient.hesitate().await.unwrap();
    assert_eq!(soon("an item", items.next()).await.unwrap().unwrap(), 1);
    abandon_once(probe, items.next(), |seen| seen.started == 3).await;
    assert_eq!(probe.seen().dropped, 2, "the stream is still held");
    drop(items);
    probe.dropped(3).await;

    let mut items = patient.drip().await.unwrap();
    for expected in 0..10 {
        let item = soon("an item", items.next()).await.unwrap();
        assert_eq!(item.unwrap(), expected);
    }
    drop(items);
    probe.dropped(4).await;

    let (numbers, upload) = open_ended(5);
    let enough = |seen: &Seen| seen.items == 5;
    abandon_once(probe, patient.gather(numbers), enough).await;
    assert_dropped(upload).await;
    probe.dropped(5).await;

    let (numbers, upload) = open_ended(5);
    let mut relayed = patient.relay(numbers).await.unwrap();
    for expected in 0..5 {
        let item = soon("an item", relayed.next()).await.unwrap();
        assert_eq!(item.unwrap(), expected);
    }
    drop(relayed);
    assert_dropped(upload).await;
    probe.dropped(6).await;

    let seen = probe.seen();
    assert_eq!((seen.started, seen.finished, seen.ends), (6, 0, 0));
}

#[tokio::test]
async fn giving_up_drops_the_handler_and_the_upload_in_every_shape() {
    let scene = Scene::new().await;
    give_up_in_every_shape(&scene.far, &scene.far_probe).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn giving_up_drops_the_handler_and_the_upload_in_process_too() {
    let scene = Scene::new().await;
    give_up_in_every_shape(&scene.near, &scene.near_probe).await;
}

/// Calls whose handlers have enough of their requests before these end.
async fn answer_early<C: Carrier>(patient: &PatientClient<C>) {
    let (numbers, upload) = endless();
    let sum = soon("the answer", patient.enough(3, numbers)).await;
    assert_eq!(sum.unwrap(), 3);
    assert_dropped(upload).await;

    let (numbers, upload) = open_ended(3);
    let sum = soon("the answer", patient.enough(3, numbers)).await;
    assert_eq!(sum.unwrap(), 3);
    assert_dropped(upload).await;

    let (numbers, upload) = endless();
    let mut counted = patient.turn(3, numbers).await.unwrap();
    for expected in 0..1000 {
        let item = soon("an item", counted.next()).await.unwrap();
        assert_eq!(item.unwrap(), expected);
    }
    assert_dropped(upload).await;
    let item = soon("an item", counted.next()).await.unwrap();
    assert_eq!(item.unwrap(), 1000, "the responses go on");
}

#[tokio::test]
async fn a_handler_that_has_enough_stops_the_upload_without_an_error() {
    let scene = Scene::new().await;
    answer_early(&scene.far).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn a_handler_that_has_enough_stops_the_upload_in_process_too() {
    answer_early(&Scene::new().await.near).await;
}

/// Begins a call of `Patient` by hand, with these numbers and no end.
async fn begin(
    raw: &Raw,
    id: u64,
    method: &str,
    numbers: &[u64],
) -> rpcnet_testkit::scripted::RawCall {
    let mut header = frames::header(id, CallKind::ClientStreaming, method);
    header.codec = CodecId::POSTCARD;
    let mut bytes: BytesMut = frames::head(&header);
    for number in numbers {
        let payload = codec::encode(CodecId::POSTCARD, number).unwrap();
        encode::message(&mut bytes, &payload);
    }
    raw.begin(bytes.freeze()).await
}

#[tokio::test]
async fn an_upload_that_is_cut_has_no_end_for_a_handler_of_plain_items() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    let probe = &scene.far_probe;
    let mut finished = begin(&raw, 1, "Patient.gather", &[1, 2]).await;
    probe.until(|seen| seen.items == 2).await;
    finished.finish();
    probe.dropped(1).await;
    let mut reset = begin(&raw, 2, "Patient.gather", &[1, 2]).await;
    probe.until(|seen| seen.items == 4).await;
    reset.reset(ErrorCode::Internal.to_wire());
    probe.dropped(2).await;
    for mut call in [finished, reset] {
        let received = soon("the answer", call.read()).await;
        let response = received.response(CallKind::ClientStreaming);
        assert!(!matches!(response, Ok((_, None))), "{received:?}");
    }
    assert_eq!(probe.seen().ends, 0);
    scene.check_unharmed().await;
}

#[tokio::test]
async fn an_upload_that_is_cut_has_no_end_for_a_handler_that_asks_again() {
    let scene = Scene::new().await;
    let probe = scene.far_probe.clone();
    scene
        .running
        .server
        .register_streaming("insist", move |requests| {
            let probe = probe.clone();
            async move {
                stream::once(async move {
                    let count = insist(requests, || probe.item()).await;
                    probe.end();
                    Ok(vec![count as u8])
                })
            }
        })
        .await;
    let raw = Raw::new(&scene.running).await;
    let probe = &scene.far_probe;
    for (id, method) in (1..).zip(["Patient.insist", "insist"]) {
        let mut call = begin(&raw, id, method, &[1, 2]).await;
        probe.until(|seen| seen.items == 2 * id as usize).await;
        call.finish();
        let received = soon("the answer", call.read()).await;
        let response = received.response(CallKind::ClientStreaming);
        assert!(!matches!(response, Ok((_, None))), "{method}: {received:?}");
    }
    assert_eq!(probe.seen().ends, 0);
    scene.check_unharmed().await;
}

#[tokio::test]
async fn an_item_that_does_not_decode_is_the_last_for_a_handler_that_asks_again() {
    let scene = Scene::new().await;
    let options = CallOptions::new().with_codec(CodecId::POSTCARD);
    let numbers = stream::iter([vec![1], vec![0xff], vec![2]]);
    let call = scene
        .rpc
        .call_client_streaming_with("Patient.insist", numbers, options);
    let error = soon("the answer", call).await.unwrap_err();
    assert!(matches!(error, RpcError::InvalidRequest(_)), "{error:?}");
    let seen = scene.far_probe.seen();
    assert_eq!((seen.items, seen.ends), (1, 0));
    scene.check_unharmed().await;
}

#[tokio::test]
async fn an_upload_that_is_cut_is_an_error_for_a_handler_of_results_and_it_may_answer() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    let probe = &scene.far_probe;
    // The start is the first message.
    let mut finished = begin(&raw, 1, "Patient.add", &[100, 1, 2]).await;
    probe.until(|seen| seen.items == 2).await;
    finished.finish();
    let (status, origin) = soon("the answer", finished.read())
        .await
        .status()
        .expect("a status");
    assert_eq!(origin, rpcnet_proto::Origin::Service);
    let error: String = codec::decode(CodecId::POSTCARD, &status.details).unwrap();
    assert_eq!(error, "cut off at 103");
    let seen = probe.seen();
    assert_eq!((seen.finished, seen.dropped, seen.ends), (1, 0, 0));
    scene.check_unharmed().await;
}

#[tokio::test]
async fn a_connection_that_is_gone_takes_typed_handlers_with_it() {
    let scene = Scene::new().await;
    let probe = &scene.far_probe;
    let patient = scene.far.clone();
    let unary = tokio::spawn(patient.wait(1));
    let (numbers, upload) = open_ended(3);
    let gather = tokio::spawn(patient.gather(numbers));
    let mut items = patient.hesitate().await.unwrap();
    assert!(soon("an item", items.next()).await.unwrap().is_ok());
    probe
        .until(|seen| seen.started == 3 && seen.items == 3)
        .await;
    scene.rpc.close();
    probe.dropped(3).await;
    assert_dropped(upload).await;
    let ended = [
        soon("the unary call", unary).await.unwrap(),
        soon("the upload", gather).await.unwrap(),
        soon("the stream", items.next()).await.expect("no end"),
    ];
    for ended in ended {
        let lost = ended.expect_err("no success");
        assert!(lost.rpc().is_some() && !lost.is_timeout(), "{lost:?}");
    }
    assert_eq!(probe.seen().ends, 0);
}

#[tokio::test]
async fn a_deadline_ends_a_typed_call_of_every_shape_on_both_sides() {
    let scene = Scene::new().await;
    let options = CallOptions::new().with_timeout(std::time::Duration::from_millis(150));
    let hurried = scene.far.clone().with_options(options);
    let probe = &scene.far_probe;
    let ended = soon("unary", hurried.wait(1)).await.unwrap_err();
    assert!(ended.is_timeout(), "{ended}");
    let mut items = hurried.hesitate().await.unwrap();
    assert!(soon("an item", items.next()).await.unwrap().is_ok());
    let ended = soon("a stream", items.next()).await.expect("no end");
    assert!(ended.unwrap_err().is_timeout());
    assert!(items.next().await.is_none());
    let (numbers, upload) = open_ended(2);
    let ended = soon("an upload", hurried.gather(numbers)).await;
    assert!(ended.unwrap_err().is_timeout());
    assert_dropped(upload).await;
    let (numbers, upload) = open_ended(1);
    let mut relayed = hurried.relay(numbers).await.unwrap();
    assert!(soon("an item", relayed.next()).await.unwrap().is_ok());
    let ended = soon("both ways", relayed.next()).await.expect("no end");
    assert!(ended.unwrap_err().is_timeout());
    assert_dropped(upload).await;
    probe.dropped(4).await;
    assert_eq!(probe.seen().ends, 0);
    scene.check_unharmed().await;
}
