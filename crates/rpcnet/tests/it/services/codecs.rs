//! What a shell with JSON, or any client of the wire format, can call and what it is told.

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallOptions, CodecId, HandlerRan, RpcClient, RpcError, codec};

use super::carriers::CODECS;
use super::lab::{DOUBLE_MAX, LabError, Sample, Scene};
use crate::pair::soon;

fn json() -> CallOptions {
    CallOptions::new().with_codec(CodecId::JSON)
}

/// Makes a unary call with JSON as text.
async fn call(rpc: &RpcClient, method: &str, text: &str) -> Result<String, RpcError> {
    let reply = rpc.call_with(method, text.into(), json()).await?;
    Ok(String::from_utf8(reply).unwrap())
}

#[tokio::test]
async fn unary_methods_can_be_called_with_json_written_by_hand() {
    let Scene { rpc, running, .. } = Scene::new().await;
    assert_eq!(call(&rpc, "Lab.double", "21").await.unwrap(), "42");
    assert_eq!(call(&rpc, "Lab.double", " 21\n").await.unwrap(), "42");
    let joined = r#"{"left": "a", "right": "b", "times": 2}"#;
    assert_eq!(call(&rpc, "Lab.join", joined).await.unwrap(), r#""abab""#);
    let reordered = r#"{"times": 1, "right": "\u00e9", "left": ""}"#;
    assert_eq!(call(&rpc, "Lab.join", reordered).await.unwrap(), "\"é\"");
    for nothing in ["", "null", " null "] {
        assert_eq!(call(&rpc, "Lab.ping", nothing).await.unwrap(), "null");
    }
    drop(running);
}

#[tokio::test]
async fn an_error_reaches_a_json_caller_as_json() {
    let scene = Scene::new().await;
    let too_large = (DOUBLE_MAX + 1).to_string();
    let error = call(&scene.rpc, "Lab.double", &too_large)
        .await
        .unwrap_err();
    let RpcError::ServiceError(status) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(status.message, "LabError");
    let details = str::from_utf8(&status.details).unwrap();
    assert_eq!(details, r#"{"TooLarge":{"number":1000001,"most":1000000}}"#);
    assert_eq!(error.handler_ran(), HandlerRan::Yes);
    let error = call(&scene.rpc, "Lab.complain", "2").await.unwrap_err();
    let RpcError::ServiceError(status) = error else {
        panic!("{error:?}");
    };
    assert_eq!(&status.details[..], br#"{"Noted":"xx"}"#);
}

/// Opens a call with requests that are JSON as text.
async fn open(
    rpc: &RpcClient,
    method: &str,
    texts: &'static [&'static str],
) -> impl StreamExt<Item = Result<String, RpcError>> + Unpin + use<> {
    let requests = stream::iter(texts).map(|text| text.as_bytes().to_vec());
    let opened = rpc.call_streaming_with(method, requests, json()).await;
    let texts = opened.unwrap();
    texts.map(|item| item.map(|payload| String::from_utf8(payload).unwrap()))
}

#[tokio::test]
async fn streaming_methods_can_be_called_with_json_written_by_hand() {
    let Scene { rpc, running, .. } = Scene::new().await;
    let counted = rpc
        .call_server_streaming_with("Lab.count", b"3".to_vec(), json())
        .await;
    let counted: Vec<_> = counted.unwrap().try_collect().await.unwrap();
    assert_eq!(counted, [b"0", b"1", b"2"]);

    let numbers = stream::iter(["1", "2", "3"]).map(|text| text.as_bytes().to_vec());
    let sum = rpc.call_client_streaming_with("Lab.sum", numbers, json());
    assert_eq!(sum.await.unwrap(), b"6");

    let relayed = open(&rpc, "Lab.relay", &["8", "9"]).await;
    let relayed: Vec<String> = relayed.map(Result::unwrap).collect().await;
    assert_eq!(relayed, ["8", "9"]);

    // The arguments come first where there are any.
    let weigh = [r#"{"start":1,"factor":10}"#, "2", "3"];
    let numbers = stream::iter(weigh).map(|text| text.as_bytes().to_vec());
    let weighed = rpc.call_client_streaming_with("Lab.weigh", numbers, json());
    assert_eq!(weighed.await.unwrap(), b"51");
    let mut relayed = open(&rpc, "Lab.relay_until", &["1", "5", "6"]).await;
    assert_eq!(relayed.next().await.unwrap().unwrap(), "5");
    let error = relayed.next().await.unwrap().unwrap_err();
    let RpcError::ServiceError(status) = error else {
        panic!("{error:?}");
    };
    assert_eq!(&status.details[..], br#"{"Noted":"after 1"}"#);
    assert!(relayed.next().await.is_none());
    drop(running);
}

#[tokio::test]
async fn a_request_stream_without_its_arguments_is_refused() {
    let scene = Scene::new().await;
    for method in ["Lab.weigh", "Lab.relay_until"] {
        let mut answer: Box<dyn futures::Stream<Item = _> + Unpin> = match method {
            "Lab.weigh" => {
                let none = stream::empty();
                let reply = scene.rpc.call_client_streaming_with(method, none, json());
                let reply = reply.await.map(|_| String::new());
                Box::new(stream::iter([reply]))
            }
            _ => Box::new(open(&scene.rpc, method, &[]).await),
        };
        let answer = soon("the refusal", answer.next()).await;
        let error = answer.expect("no end").unwrap_err();
        assert!(matches!(error, RpcError::InvalidRequest(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
    assert_eq!(scene.probe.seen().started, 0);
}

#[tokio::test]
async fn a_server_answers_in_the_codec_it_was_asked_in() {
    let scene = Scene::new().await;
    let sample = Sample::new(3);
    for codec in CODECS {
        let options = CallOptions::new().with_codec(codec);
        let payload = codec::encode(codec, &sample).unwrap();
        let reply = scene
            .rpc
            .call_bytes("Lab.mirror", payload.clone(), options.clone());
        assert_eq!(reply.await.unwrap(), payload, "{codec}");
        let payload = codec::encode(codec, &u64::MAX).unwrap();
        let reply = scene.rpc.call_bytes("Lab.double", payload, options);
        let error = reply.await.unwrap_err();
        let RpcError::ServiceError(status) = error else {
            panic!("{error:?}");
        };
        let expected = LabError::TooLarge {
            number: u64::MAX,
            most: DOUBLE_MAX,
        };
        let error: LabError = codec::decode(codec, &status.details).unwrap();
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn codecs_that_a_method_does_not_accept_are_refused_before_its_handler_runs() {
    let scene = Scene::new().await;
    let rpc = &scene.rpc;
    for codec in [CodecId::RAW, CodecId::PROTOBUF, CodecId(6), CodecId(255)] {
        let options = CallOptions::new().with_codec(codec);
        let mut errors = vec![];
        let reply = rpc.call_with("Lab.ping", vec![], options.clone()).await;
        errors.push(reply.unwrap_err());
        let numbers = stream::iter([vec![1]]);
        let reply = rpc.call_client_streaming_with("Lab.sum", numbers, options.clone());
        errors.push(reply.await.unwrap_err());
        let opened = rpc.call_streaming_with("Lab.relay", stream::empty(), options);
        let mut responses = opened.await.unwrap();
        let item = soon("the refusal", responses.next()).await;
        errors.push(item.expect("no end").unwrap_err());
        for error in errors {
            assert!(matches!(error, RpcError::InvalidRequest(_)), "{error:?}");
            assert_eq!(error.handler_ran(), HandlerRan::No);
            assert!(error.to_string().contains("codec"), "{error}");
            assert!(!error.is_retryable());
        }
    }
    // A call without options is one of raw bytes.
    let error = rpc.call("Lab.ping", vec![]).await.unwrap_err();
    assert!(matches!(error, RpcError::InvalidRequest(_)), "{error:?}");
    assert_eq!(scene.probe.seen().started, 0);
}

#[tokio::test]
async fn a_typed_method_called_in_another_shape_is_refused() {
    let scene = Scene::new().await;
    let rpc = &scene.rpc;
    let mut errors = vec![
        call(rpc, "Lab.sum", "1").await.unwrap_err(),
        call(rpc, "Lab.count", "1").await.unwrap_err(),
    ];
    for (method, text) in [("Lab.double", &["1"]), ("Lab.count", &["1"])] {
        let mut items = open(rpc, method, text).await;
        let item = soon("the refusal", items.next()).await;
        errors.push(item.expect("no end").unwrap_err());
    }
    for error in errors {
        assert!(matches!(error, RpcError::UnknownMethod(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
    assert_eq!(scene.probe.seen().started, 0);
}

#[tokio::test]
async fn arguments_that_do_not_decode_are_refused_and_the_handler_is_not_entered() {
    let scene = Scene::new().await;
    let cases = [
        ("Lab.double", ""),
        ("Lab.double", "-1"),
        ("Lab.double", "1 2"),
        ("Lab.double", "\"1\""),
        ("Lab.double", "{"),
        ("Lab.ping", "1"),
        ("Lab.mirror", "{}"),
        ("Lab.mirror", "null"),
    ];
    for (method, text) in cases {
        let error = call(&scene.rpc, method, text).await.unwrap_err();
        assert!(matches!(error, RpcError::InvalidRequest(_)), "{text}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
    assert_eq!(scene.probe.seen().started, 0);
    assert_eq!(call(&scene.rpc, "Lab.double", "1").await.unwrap(), "2");
}
