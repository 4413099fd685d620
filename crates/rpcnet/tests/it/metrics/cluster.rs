//! What a client of a cluster counts, and what is told of members.

use futures::StreamExt;
use rpcnet::cluster::ClusterClientConfig;
use rpcnet::metrics::Exporter;
use rpcnet::{CallOptions, Code};

use crate::pair::eventually;
use crate::workers::crew::Crew;

#[tokio::test]
async fn a_call_counts_once_whatever_attempts_it_takes() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    for _ in 0..10 {
        client.call_worker("who", vec![], None).await.unwrap();
    }
    // Its worker dies under it, and another one answers.
    let options = CallOptions::new().idempotent();
    let call = client.call_worker_with("hold", vec![], None, options);
    let call = tokio::spawn(call);
    let held = || crew.workers.iter().position(|it| it.marks.held() == 1);
    eventually("the call is there", || held().is_some()).await;
    let holder = held().expect("it is held");
    for worker in &crew.workers {
        worker
            .marks
            .release(usize::from(!std::ptr::eq(worker, &crew.workers[holder])));
    }
    let mut workers = crew.workers;
    workers.swap_remove(holder).node.vanish().await;
    call.await.unwrap().unwrap();
    let metrics = client.metrics();
    let hold = metrics.client.method("hold").expect("it was called");
    assert_eq!(
        (hold.started, hold.ok, hold.in_flight),
        (1, 1, 0),
        "{hold:?}"
    );
    assert_eq!(metrics.counters.calls, 11);
    assert!(metrics.client.retries >= 1, "{metrics:?}");
    let who = metrics.client.method("who").expect("it was called");
    assert_eq!((who.started, who.ok), (10, 10));
    assert!(metrics.client.transport.bytes_sent > 0);
}

#[tokio::test]
async fn streams_and_failures_of_workers_are_counted_by_method() {
    let crew = Crew::of(&["w-1"]).await;
    let client = crew.client().await;
    crew.workers[0]
        .marks
        .failing
        .store(1, std::sync::atomic::Ordering::SeqCst);
    client.call_worker("work", vec![1], None).await.unwrap_err();
    crew.workers[0].marks.release(1);
    let stream = client
        .call_worker_server_streaming("count", vec![3], None)
        .await;
    let mut stream = stream.unwrap();
    let mut bytes = 0;
    while let Some(item) = stream.next().await {
        bytes += item.unwrap().len() as u64;
    }
    let metrics = client.metrics();
    let work = metrics.client.method("work").expect("it was called");
    assert_eq!((work.failed, work.ok), (1, 0), "{work:?}");
    let count = metrics.client.method("count").expect("it was called");
    assert_eq!((count.ok, count.in_flight), (1, 0), "{count:?}");
    assert_eq!((count.request_bytes, count.response_bytes), (1, bytes));
}

#[tokio::test]
async fn a_call_that_finds_nobody_counts_as_unavailable() {
    let crew = Crew::of(&[]).await;
    let client = crew.client().await;
    client.call_worker("who", vec![], None).await.unwrap_err();
    let metrics = client.metrics();
    let who = metrics.client.method("who").expect("it was called");
    assert_eq!(who.failed_with(Code::Unavailable), 1, "{who:?}");
    assert_eq!(metrics.counters.without_worker, 1);
}

#[tokio::test]
async fn members_workers_and_their_phi_are_told() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew
        .registry(rpcnet::cluster::LoadBalancingStrategy::PeakEwma)
        .await;
    let config = ClusterClientConfig::new(crew.rpc());
    let client = rpcnet::cluster::ClusterClient::new(registry, config);
    client.call_worker("who", vec![], None).await.unwrap();
    let watched = || client.metrics().workers.iter().all(|it| it.phi.is_some());
    eventually("the workers are watched", watched).await;
    let exporter = Exporter::new()
        .with_cluster_client("pool", &client)
        .with_cluster(&crew.director.membership);
    let text = exporter.render_prometheus();
    for line in [
        "rpcnet_cluster_members{node=\"director\",state=\"alive\"} 3",
        "rpcnet_worker_reachable{client=\"pool\",worker=\"w-1\"} 1",
        "rpcnet_worker_ejected{client=\"pool\",worker=\"w-2\"} 0",
        "rpcnet_cluster_client_attempts_total{client=\"pool\"} 1",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} in\n{text}");
    }
    assert!(text.contains("rpcnet_worker_phi{client=\"pool\",worker=\"w-1\"} "));
}
