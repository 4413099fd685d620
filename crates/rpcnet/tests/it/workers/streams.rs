//! Streams from a worker, when the worker refuses them or goes.

use std::time::Duration;

use futures::StreamExt;
use rpcnet::cluster::WorkerStream;
use rpcnet::{CallOptions, RpcError};

use super::crew::Crew;
use crate::pair::{eventually, soon};

async fn text(stream: &mut WorkerStream) -> Result<String, RpcError> {
    let item = soon("an item", stream.next()).await;
    item.unwrap().map(|item| String::from_utf8(item).unwrap())
}

#[tokio::test]
async fn a_stream_holds_its_place_until_it_ends_or_is_dropped() {
    let crew = Crew::of(&["w-1"]).await;
    let client = crew.client().await;
    let in_flight = || client.registry().workers()[0].in_flight();
    let mut stream = client
        .call_worker_server_streaming("count", Vec::new(), None)
        .await
        .unwrap();
    assert_eq!(stream.worker().unwrap().name().as_str(), "w-1");
    for number in 0..3 {
        assert_eq!(text(&mut stream).await.unwrap(), format!("w-1 {number}"));
    }
    assert_eq!(in_flight(), 1);
    let dropped = client
        .call_worker_server_streaming("count", Vec::new(), None)
        .await
        .unwrap();
    assert_eq!(in_flight(), 2);
    drop(dropped);
    assert_eq!(in_flight(), 1);
    let server = &crew.workers[0].node.server;
    eventually("the dropped one is gone", || server.running_calls() == 1).await;
    crew.workers[0].marks.release(1);
    assert!(soon("the end", stream.next()).await.is_none());
    assert_eq!(
        in_flight(),
        0,
        "the end gives the place back, before the drop"
    );
}

#[tokio::test]
async fn a_stream_that_a_draining_worker_refuses_begins_at_another() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    for _ in 0..2 {
        client.call_worker("who", Vec::new(), None).await.unwrap();
    }
    let draining = crew.workers[0].node.server.clone();
    let shutdown = tokio::spawn(async move { draining.shutdown(Duration::from_secs(10)).await });
    let mut streams = 0;
    while !shutdown.is_finished() {
        let mut stream = client
            .call_worker_server_streaming("count", Vec::new(), None)
            .await
            .unwrap();
        let first = text(&mut stream).await.unwrap();
        assert!(first.ends_with(" 0"), "{first}");
        streams += 1;
    }
    assert!(streams > 3, "{streams}");
}

#[tokio::test]
async fn a_stream_that_has_begun_ends_with_its_worker_and_is_not_begun_again() {
    let mut crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    let options = CallOptions::new().idempotent();
    let mut stream = client
        .call_worker_server_streaming_with("count", Vec::new(), None, options)
        .await
        .unwrap();
    let name = stream.worker().unwrap().name().to_string();
    assert_eq!(text(&mut stream).await.unwrap(), format!("{name} 0"));
    let at = crew
        .workers
        .iter()
        .position(|worker| worker.node.name() == name);
    crew.workers.remove(at.unwrap()).node.vanish().await;
    let error = loop {
        match text(&mut stream).await {
            Ok(item) => assert!(item.starts_with(&name), "{item} from another worker"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RpcError::ConnectionError(_)), "{error:?}");
    assert!(stream.next().await.is_none());
    // And the caller goes on elsewhere.
    let mut stream = client
        .call_worker_server_streaming("count", Vec::new(), None)
        .await
        .unwrap();
    assert_ne!(stream.worker().unwrap().name().as_str(), name);
    assert!(text(&mut stream).await.is_ok());
}
