//! One call to all workers.

use rpcnet::cluster::LoadBalancingStrategy;
use rpcnet::{CallOptions, RpcError};

use super::crew::Crew;
use crate::pair::{eventually, soon};

#[tokio::test]
async fn every_worker_answers_once_and_one_that_fails_is_one_result() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    crew.workers[1]
        .marks
        .failing
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let client = crew.client_by(LoadBalancingStrategy::default()).await;
    let results = client.call_all("work", b"x".to_vec(), None, CallOptions::new());
    let results = results.await.unwrap();
    let ended: Vec<_> = results
        .iter()
        .map(|result| (result.worker.name().as_str(), result.result.is_ok()))
        .collect();
    assert_eq!(ended, [("w-1", true), ("w-2", false), ("w-3", true)]);
    assert!(
        crew.workers
            .iter()
            .all(|worker| worker.marks.entered() == 1)
    );
    let error = client.call_all("work", Vec::new(), Some("gpu"), CallOptions::new());
    assert!(matches!(error.await, Err(RpcError::NoWorker(_))));
}

#[tokio::test]
async fn the_first_successes_are_enough_and_the_others_are_cancelled() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    let client = crew.client_by(LoadBalancingStrategy::default()).await;
    let call = client.call_first(1, "hold", Vec::new(), None, CallOptions::new());
    let releasing = async {
        let all = || crew.workers.iter().all(|worker| worker.marks.held() == 1);
        eventually("all hold", all).await;
        crew.workers[2].marks.release(1);
    };
    let (results, ()) = soon("the first", async { tokio::join!(call, releasing) }).await;
    let results = results.unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].worker.name().as_str(), "w-3");
    for worker in &crew.workers {
        let server = &worker.node.server;
        eventually("the handlers are gone", || server.running_calls() == 0).await;
    }
    let workers = client.registry().workers();
    assert!(
        workers.iter().all(|worker| worker.in_flight() == 0),
        "{workers:?}"
    );
}
