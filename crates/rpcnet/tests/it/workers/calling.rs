//! Calls to whichever worker fits.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use rpcnet::cluster::{ClusterClient, ClusterClientConfig, LoadBalancingStrategy, WorkerConfig};
use rpcnet::{CallOptions, Carrier, RpcError};

use super::crew::Crew;
use crate::pair::{eventually, soon};

#[tokio::test]
async fn calls_go_round_and_each_worker_is_verified_as_its_own_name() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    // Its configuration asks for a name that no certificate has.
    let client = crew.client().await;
    let mut counts = BTreeMap::new();
    for _ in 0..30 {
        let reply = client
            .call_worker("who", Vec::new(), Some("role=worker"))
            .await;
        let name = String::from_utf8(reply.unwrap()).unwrap();
        *counts.entry(name).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 3, "{counts:?}");
    let counters = client.counters();
    assert_eq!(
        (counters.calls, counters.attempts),
        (30, 30),
        "{counters:?}"
    );
    for worker in client.registry().workers() {
        assert!(worker.latency().is_some(), "{worker} was measured");
        assert!(
            worker.utilization().is_some(),
            "{worker} said how busy it is"
        );
    }
}

#[tokio::test]
async fn a_call_borrows_nothing_and_can_be_spawned() {
    let crew = Crew::of(&["w-1"]).await;
    let client = crew.client().await;
    let call = tokio::spawn(client.call_worker("work", b"hi".to_vec(), None));
    drop(client);
    let reply = soon("the call", call).await.unwrap();
    assert_eq!(reply.unwrap(), b"hi");
}

#[tokio::test]
async fn without_a_worker_a_call_fails_at_once_or_waits_as_it_was_told() {
    let crew = Crew::of(&[]).await;
    let client = crew.client().await;
    let error = client
        .call_worker("who", Vec::new(), None)
        .await
        .unwrap_err();
    assert!(matches!(error, RpcError::NoWorker(_)), "{error:?}");
    assert!(error.is_retryable());

    let options = CallOptions::new()
        .wait_for_ready()
        .with_timeout(Duration::from_millis(50));
    let call = client.call_worker_with("who", Vec::new(), None, options);
    assert!(matches!(call.await, Err(RpcError::Timeout)));

    let options = CallOptions::new().wait_for_ready();
    let call = client.call_worker_with("who", Vec::new(), None, options);
    let (reply, _worker) = tokio::join!(call, crew.hire("w-1"));
    assert_eq!(reply.unwrap(), b"w-1");
}

#[tokio::test]
async fn calls_that_wait_are_bounded_and_one_more_is_refused() {
    let crew = Crew::of(&[]).await;
    let registry = crew.registry(LoadBalancingStrategy::default()).await;
    let config = ClusterClientConfig::new(crew.rpc()).with_waiting_max(2);
    let client = ClusterClient::new(registry, config);
    let waiting = || {
        let options = CallOptions::new().wait_for_ready();
        client.call_worker_with("who", Vec::new(), None, options)
    };
    let first = tokio::spawn(waiting());
    let second = tokio::spawn(waiting());
    eventually("both wait", || client.counters().calls == 2).await;
    let error = waiting().await.unwrap_err();
    assert!(error.to_string().contains("with_waiting_max"), "{error}");
    first.abort();
    assert!(first.await.is_err());
    let third = tokio::spawn(waiting());
    let _worker = crew.hire("w-1").await;
    for call in [second, third] {
        let reply = soon("the waiting call", call).await.unwrap();
        assert_eq!(reply.unwrap(), b"w-1");
    }
}

#[tokio::test]
async fn calls_of_one_key_stay_with_one_worker() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    let client = crew.client_by(LoadBalancingStrategy::Rendezvous).await;
    let mut owners = BTreeMap::new();
    for round in 0..3 {
        for key in 0..12 {
            let pool = client.pool(None).unwrap().with_key(format!("key-{key}"));
            let call = Carrier::call(&pool, "who", bytes::Bytes::new(), CallOptions::new());
            let name = call.await.unwrap();
            let owner = owners.entry(key).or_insert_with(|| name.clone());
            assert_eq!(*owner, name, "key {key} in round {round}");
        }
    }
    let mut names: Vec<_> = owners.into_values().collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 1, "all keys went to {names:?}");
}

#[tokio::test]
async fn uploads_and_streams_both_ways_reach_a_worker() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    let parts = || futures::stream::iter([b"a".to_vec(), b"b".to_vec()]);
    let joined = client.call_worker_client_streaming("join", parts(), None);
    assert_eq!(joined.await.unwrap(), b"ab");
    let mut both = client
        .call_worker_streaming("join", parts(), None)
        .await
        .unwrap();
    assert!(both.worker().is_some());
    assert_eq!(both.next().await.unwrap().unwrap(), b"ab");
    assert!(both.next().await.is_none());
    assert!(both.worker().is_none(), "it has ended");
}

#[tokio::test]
async fn a_call_to_busy_workers_is_refused_or_waits_for_room() {
    let crew = Crew::of(&["w-1"]).await;
    let config = WorkerConfig::new(LoadBalancingStrategy::default()).with_in_flight_max(1);
    let client = crew.client_by(config).await;
    let holding = tokio::spawn(client.call_worker("hold", Vec::new(), None));
    let marks = &crew.workers[0].marks;
    eventually("it holds", || marks.held() == 1).await;
    let error = client
        .call_worker("who", Vec::new(), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("with_in_flight_max"), "{error}");
    let options = CallOptions::new().wait_for_ready();
    let waiting = client.call_worker_with("who", Vec::new(), None, options);
    let releasing = async {
        tokio::task::yield_now().await;
        marks.release(1);
    };
    let (reply, ()) = tokio::join!(waiting, releasing);
    assert_eq!(reply.unwrap(), b"w-1");
    soon("the held call", holding).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_client_makes_no_calls() {
    let crew = Crew::of(&["w-1"]).await;
    let client = crew.client().await;
    client.call_worker("who", Vec::new(), None).await.unwrap();
    client.clone().close();
    let error = client
        .call_worker("who", Vec::new(), None)
        .await
        .unwrap_err();
    let RpcError::ConnectionError(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), rpcnet::ConnectionErrorKind::ClientClosed);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_the_first_call_says() {
    let crew = Crew::of(&["w-1"]).await;
    let registry = crew.registry(LoadBalancingStrategy::default()).await;
    let missing = rpcnet::RpcConfig::new(crew.cluster.path("none.pem"), "127.0.0.1:0");
    let client = ClusterClient::new(registry, missing);
    let error = client
        .call_worker("who", Vec::new(), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("none.pem"), "{error}");
}
