//! A server that answers a typed call with what its method does not say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, stream};
use rpcnet::{CallError, Code, CodecId, RpcError, RpcServer, Status, codec};

use super::carriers::CODECS;
use super::lab::{LabClient, LabError, Sample};
use super::malformed::Forge;
use crate::pair::{Running, echo, eventually, soon};
use crate::probe::Probe;

/// Malformed replies of one codec.
const REPLIES: u64 = 2_000;

/// Calls that run at once.
const AT_ONCE: u64 = 50;

fn samples() -> [Sample; 3] {
    [1, 2, 3].map(Sample::new)
}

fn errors() -> [LabError; 3] {
    [
        LabError::TooLarge { number: 7, most: 3 },
        LabError::Noted("something".to_owned()),
        LabError::Empty,
    ]
}

/// What the server answers to the sample with this number.
fn forged_reply(codec: CodecId, number: u64) -> (Forge, Bytes) {
    let mut forge = Forge::new(codec, number, &samples());
    let payload = forge.forge();
    (forge, payload)
}

/// What the server fails with for this number.
fn forged_error(codec: CodecId, number: u64) -> (Forge, Bytes) {
    let mut forge = Forge::new(codec, number, &errors());
    let payload = forge.forge();
    (forge, payload)
}

/// Handlers of bytes under the names of the lab's methods.
async fn lying(server: RpcServer, probe: Probe) {
    echo(server.clone()).await;
    server
        .register_bytes("Lab.mirror", |context, payload| async move {
            let sample: Sample = codec::decode(context.codec(), &payload).unwrap();
            Ok(forged_reply(context.codec(), sample.number).1)
        })
        .await;
    server
        .register_bytes("Lab.double", |context, payload| async move {
            let number: u64 = codec::decode(context.codec(), &payload).unwrap();
            let details = forged_error(context.codec(), number).1;
            let status = Status::new(Code::Unknown, "LabError").with_details(details);
            Err(RpcError::ServiceError(Box::new(status)))
        })
        .await;
    let numbers = Arc::<AtomicU64>::default();
    server
        .register_streaming_with_context("Lab.held", move |context, _requests| {
            let (stay, codec) = (probe.enter(), context.codec());
            let forged = forged_reply(codec, numbers.fetch_add(1, Ordering::SeqCst)).1;
            async move {
                let sample = codec::encode(codec, &Sample::new(7)).unwrap();
                let items = [sample.clone(), forged, sample];
                let items = stream::iter(items).chain(stream::pending());
                items.map(move |item| {
                    let _ = &stay;
                    Ok(item.to_vec())
                })
            }
        })
        .await;
}

fn assert_unreadable<T, E>(result: Result<T, CallError<E>>) {
    match result {
        Err(CallError::Rpc(RpcError::SerializationError { .. })) => {}
        Err(CallError::Rpc(error)) => panic!("{error:?}"),
        Err(CallError::Service(_)) => panic!("a service's error"),
        Ok(_) => panic!("a success"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_reply_is_an_error_of_its_call() {
    let running = Running::new(|server| lying(server, Probe::new())).await;
    let rpc = running.client().await;
    for codec in CODECS {
        let lab = LabClient::new(rpc.clone()).with_codec(codec);
        for first in (0..REPLIES).step_by(AT_ONCE as usize) {
            let numbers = first..first + AT_ONCE;
            let calls = numbers
                .clone()
                .map(|number| lab.mirror(Sample::new(number)));
            let replies = soon("all replies", join_all(calls)).await;
            for (number, reply) in numbers.zip(replies) {
                let (forge, payload) = forged_reply(codec, number);
                match forge.judge::<Sample>(&payload) {
                    None => assert_unreadable(reply),
                    Some(expected) => {
                        let reply = codec::encode(codec, &reply.unwrap()).unwrap();
                        assert_eq!(reply, expected);
                    }
                }
            }
        }
    }
    assert_eq!(rpc.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_does_not_decode_is_no_error_of_the_service() {
    let running = Running::new(|server| lying(server, Probe::new())).await;
    let rpc = running.client().await;
    for codec in CODECS {
        let lab = LabClient::new(rpc.clone()).with_codec(codec);
        for first in (0..REPLIES).step_by(AT_ONCE as usize) {
            let numbers = first..first + AT_ONCE;
            let calls = numbers.clone().map(|number| lab.double(number));
            let replies = soon("all replies", join_all(calls)).await;
            for (number, reply) in numbers.zip(replies) {
                let (forge, payload) = forged_error(codec, number);
                match forge.judge::<LabError>(&payload) {
                    None => assert_unreadable(reply),
                    Some(expected) => {
                        let error = reply.unwrap_err().into_service().unwrap();
                        assert_eq!(codec::encode(codec, &error).unwrap(), expected);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_item_ends_the_responses_and_cancels_the_call() {
    const STREAMS: u64 = 400;
    let probe = Probe::new();
    let running = Running::new(|server| lying(server, probe.clone())).await;
    let rpc = running.client().await;
    let mut number = 0;
    let mut malformed = 0;
    for codec in CODECS {
        let lab = LabClient::new(rpc.clone()).with_codec(codec);
        for _ in 0..STREAMS {
            let (forge, payload) = forged_reply(codec, number);
            number += 1;
            let mut items = lab.held().await.unwrap();
            let first = soon("an item", items.next()).await.expect("no end");
            assert_eq!(first.unwrap(), Sample::new(7));
            let second = soon("an item", items.next()).await.expect("no end");
            if forge.judge::<Sample>(&payload).is_some() {
                assert!(second.is_ok(), "{second:?}");
                continue;
            }
            malformed += 1;
            assert_unreadable(second);
            assert!(items.next().await.is_none(), "an error is the last item");
            // The stream is still held here, and over there its handler is gone.
            probe.dropped(number as usize).await;
        }
    }
    assert!(malformed > STREAMS);
    eventually("every call ends", || running.server.running_calls() == 0).await;
    assert_eq!(rpc.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_lying_server_can_end_a_reply_in_any_shape_but_not_unseen() {
    let running = Running::new(|server| async move {
        let one = codec::encode(CodecId::POSTCARD, &1_u64).unwrap().to_vec();
        for (method, replies) in [("Lab.sum", 0), ("Lab.tally", 2)] {
            let one = one.clone();
            server
                .register_streaming(method, move |_requests| {
                    let replies = stream::iter(vec![one.clone(); replies]).map(Ok);
                    async move { replies }
                })
                .await;
        }
    })
    .await;
    let lab = LabClient::new(running.client().await);
    let none = soon("no reply", lab.sum(stream::empty()))
        .await
        .unwrap_err();
    let two = soon("two replies", lab.tally(stream::empty()))
        .await
        .unwrap_err();
    for error in [none, two] {
        assert!(error.service().is_none(), "{error:?}");
    }
}
