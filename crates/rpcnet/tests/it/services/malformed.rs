//! Payloads that are no messages end their own calls, cleanly, and nothing else.

use bytes::Bytes;
use futures::channel::mpsc::{self, Sender};
use futures::future::join_all;
use futures::{StreamExt, stream};
use rpcnet::{CallOptions, CodecId, HandlerRan, Responses, RpcClient, RpcError, codec};
use rpcnet_testkit::chaos::Random;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::carriers::CODECS;
use super::lab::{LabClient, LabError, Sample, Scene};
use crate::pair::{eventually, soon};

/// Malformed payloads of one codec for a unary method.
const PAYLOADS: usize = 10_000;

/// Streaming calls of one codec with a malformed message.
const STREAMS: usize = 1_000;

/// Calls that run at once.
const AT_ONCE: usize = 50;

/// Makes payloads that may have been something once; the same ones in every run.
pub(super) struct Forge {
    random: Random,
    codec: CodecId,
    valid: Vec<Bytes>,
}

impl Forge {
    /// Of a codec and values to bend.
    pub(super) fn new<T: Serialize>(codec: CodecId, seed: u64, values: &[T]) -> Self {
        let valid = values.iter().map(|value| codec::encode(codec, value));
        Self {
            random: Random::new(seed, codec.0.into()),
            codec,
            valid: valid.collect::<Result<_, _>>().unwrap(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.random.next_u64() % limit as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most + 1);
        (0..count).map(|_| self.random.next_u64() as u8).collect()
    }

    /// A payload that came out well.
    fn valid(&mut self) -> Bytes {
        let at = self.below(self.valid.len());
        self.valid[at].clone()
    }

    /// Random bytes, or a payload that is cut, bent, longer than itself or patched.
    pub(super) fn forge(&mut self) -> Bytes {
        let mut payload = self.valid().to_vec();
        match self.below(5) {
            0 => payload = self.bytes(200),
            1 => {
                let at = self.below(payload.len());
                payload.truncate(at);
            }
            2 => {
                for _ in 0..=self.below(8) {
                    let at = self.below(payload.len());
                    payload[at] ^= 1 << self.below(8);
                }
            }
            3 => payload.extend(self.bytes(20)),
            _ => {
                let at = self.below(payload.len());
                let patch = self.bytes(9);
                let end = payload.len().min(at + patch.len());
                payload.splice(at..end, patch);
            }
        }
        payload.into()
    }

    /// Whether a payload is a message after all; then what it is sent on as.
    pub(super) fn judge<T: Serialize + DeserializeOwned>(&self, payload: &[u8]) -> Option<Bytes> {
        let value = codec::decode::<T>(self.codec, payload).ok()?;
        Some(codec::encode(self.codec, &value).unwrap())
    }
}

/// A call that lives as long as its connection, and is asked now and then.
struct Witness {
    questions: Sender<u64>,
    answers: Responses<u64, LabError>,
}

impl Witness {
    async fn new(lab: &LabClient) -> Self {
        let (questions, asked) = mpsc::channel(1);
        let answers = lab.relay(asked).await.unwrap();
        let mut witness = Self { questions, answers };
        witness.ask().await;
        witness
    }

    async fn ask(&mut self) {
        self.questions.try_send(9).unwrap();
        let answer = soon("the witness", self.answers.next()).await;
        assert_eq!(answer.expect("the call is open").unwrap(), 9);
    }
}

/// Fails unless the server said that it could not read the request.
fn assert_unreadable(error: &RpcError, ran: HandlerRan) {
    assert!(matches!(error, RpcError::InvalidRequest(_)), "{error:?}");
    assert_eq!(error.handler_ran(), ran, "{error}");
    assert!(!error.is_retryable());
}

fn samples() -> Vec<Sample> {
    (0..8).map(Sample::new).collect()
}

async fn send_malformed_arguments(scene: &Scene, codec: CodecId) {
    let mut witness = Witness::new(&scene.lab).await;
    let mut forge = Forge::new(codec, 0x0b5e_55ed, &samples());
    let options = CallOptions::new().with_codec(codec);
    let started = scene.probe.seen().started;
    let (mut legal, mut refused) = (0, 0);
    for _ in 0..PAYLOADS / AT_ONCE {
        let payloads: Vec<Bytes> = (0..AT_ONCE).map(|_| forge.forge()).collect();
        let calls = payloads.iter().map(|payload| {
            let payload = payload.clone();
            scene.rpc.call_bytes("Lab.mirror", payload, options.clone())
        });
        let calls = soon("all calls", join_all(calls));
        let (replies, ()) = tokio::join!(calls, witness.ask());
        for (payload, reply) in payloads.iter().zip(replies) {
            match (forge.judge::<Sample>(payload), reply) {
                (Some(expected), Ok(reply)) => {
                    assert_eq!(reply, expected, "{codec}");
                    legal += 1;
                }
                (None, Err(error)) => {
                    assert_unreadable(&error, HandlerRan::No);
                    refused += 1;
                }
                (judged, reply) => panic!("{codec}: {judged:?}, and {reply:?}"),
            }
        }
    }
    assert_eq!(scene.probe.seen().started, started + legal, "{codec}");
    assert!(refused > PAYLOADS / 2, "{codec}: {refused} were malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_arguments_are_refused_one_by_one_and_leave_nothing_behind() {
    let scene = Scene::new().await;
    scene.lab.ping().await.unwrap();
    let local = scene.rpc.local_addr();
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for codec in CODECS {
        send_malformed_arguments(&scene, codec).await;
    }
    let server = &scene.running.server;
    eventually("every call ends", || server.running_calls() == 0).await;
    eventually("every task ends", || tasks() <= before).await;
    assert_eq!(scene.rpc.local_addr(), local);
    assert_eq!(scene.lab.double(4).await.unwrap(), 8);
}

/// What becomes of a call whose requests are these payloads.
async fn relay(
    rpc: &RpcClient,
    method: &str,
    codec: CodecId,
    payloads: Vec<Bytes>,
) -> (Vec<Bytes>, Option<RpcError>) {
    let options = CallOptions::new().with_codec(codec);
    let requests = stream::iter(payloads).map(Vec::from);
    let opened = rpc.call_streaming_with(method, requests, options).await;
    let mut responses = opened.unwrap();
    let mut items = Vec::new();
    while let Some(item) = soon("an item", responses.next()).await {
        match item {
            Ok(item) => items.push(item.into()),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

/// Numbers that no codec writes in one byte alone.
const NUMBERS: [u64; 6] = [0, 7, 300, 70_000, u64::MAX - 1, 1 << 40];

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_item_ends_a_call_of_plain_items_and_never_looks_like_an_end() {
    let scene = Scene::new().await;
    let mut witness = Witness::new(&scene.lab).await;
    for codec in CODECS {
        let mut forge = Forge::new(codec, 0x01de_a110, &NUMBERS);
        for _ in 0..STREAMS / AT_ONCE {
            let requests: Vec<[Bytes; 3]> = (0..AT_ONCE)
                .map(|_| [forge.valid(), forge.forge(), forge.valid()])
                .collect();
            let calls = requests
                .iter()
                .map(|items| relay(&scene.rpc, "Lab.relay", codec, items.to_vec()));
            let (ended, ()) = tokio::join!(join_all(calls), witness.ask());
            for (sent, (received, error)) in requests.iter().zip(ended) {
                let expected: Vec<Bytes> = sent
                    .iter()
                    .map_while(|item| forge.judge::<u64>(item))
                    .collect();
                match error {
                    None => assert_eq!((expected.len(), &received), (3, &expected), "{codec}"),
                    Some(error) => {
                        assert_unreadable(&error, HandlerRan::Maybe);
                        assert_eq!(expected.len(), 1, "{codec}: {error}");
                        assert!(expected.starts_with(&received), "{codec}");
                    }
                }
            }
        }
    }
    let server = &scene.running.server;
    eventually("only the witness is left", || server.running_calls() == 1).await;
    witness.ask().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_item_is_an_error_for_a_handler_of_results_and_it_may_answer() {
    let scene = Scene::new().await;
    let mut witness = Witness::new(&scene.lab).await;
    for codec in CODECS {
        let mut forge = Forge::new(codec, 0x00dd_ba11, &NUMBERS);
        let arguments = codec::encode(codec, &None::<u64>).unwrap();
        for _ in 0..STREAMS / AT_ONCE {
            let requests: Vec<[Bytes; 4]> = (0..AT_ONCE)
                .map(|_| {
                    let items = [forge.valid(), forge.forge(), forge.valid()];
                    let [first, second, third] = items;
                    [arguments.clone(), first, second, third]
                })
                .collect();
            let calls = requests
                .iter()
                .map(|items| relay(&scene.rpc, "Lab.relay_until", codec, items.to_vec()));
            let (ended, ()) = tokio::join!(join_all(calls), witness.ask());
            for (sent, (received, error)) in requests.iter().zip(ended) {
                let expected: Vec<Bytes> = sent[1..]
                    .iter()
                    .map_while(|item| forge.judge::<u64>(item))
                    .collect();
                assert_eq!(received, expected, "{codec}");
                let Some(error) = error else {
                    assert_eq!(expected.len(), 3);
                    continue;
                };
                let RpcError::ServiceError(status) = error else {
                    panic!("{error:?}");
                };
                let error: LabError = codec::decode(codec, &status.details).unwrap();
                assert!(matches!(error, LabError::Noted(text) if text.starts_with("cut off")));
            }
        }
    }
    witness.ask().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_arguments_before_a_request_stream_are_refused() {
    let scene = Scene::new().await;
    let mut witness = Witness::new(&scene.lab).await;
    for codec in CODECS {
        let mut forge = Forge::new(codec, 0xfee1_dead, &[None, Some(3_u64), Some(1 << 33)]);
        let item = codec::encode(codec, &1_u64).unwrap();
        for _ in 0..STREAMS / AT_ONCE {
            let requests: Vec<[Bytes; 2]> = (0..AT_ONCE)
                .map(|_| [forge.forge(), item.clone()])
                .collect();
            let calls = requests
                .iter()
                .map(|items| relay(&scene.rpc, "Lab.relay_until", codec, items.to_vec()));
            let (ended, ()) = tokio::join!(join_all(calls), witness.ask());
            for (sent, (received, error)) in requests.iter().zip(ended) {
                if forge.judge::<Option<u64>>(&sent[0]).is_some() {
                    continue;
                }
                let error = error.expect("what cannot be read is refused");
                assert_unreadable(&error, HandlerRan::No);
                assert!(received.is_empty());
            }
        }
    }
    witness.ask().await;
}
