//! Workers that go while they are called.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::cluster::{ClusterClient, ClusterClientConfig, LoadBalancingStrategy};
use rpcnet::{CallOptions, HandlerRan, RpcError};

use super::crew::{Crew, config};
use crate::pair::{eventually, soon};

/// OV-48: a place is given back by whoever drops the call.
#[tokio::test]
async fn cancelled_calls_leave_every_count_at_zero() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew
        .client_by(LoadBalancingStrategy::LeastConnections)
        .await;
    for round in 0_u64..400 {
        let call = client.call_worker("hold", Vec::new(), None);
        let patience = Duration::from_micros(round * 37 % 3_000);
        let _ = tokio::time::timeout(patience, call).await;
    }
    let workers = client.registry().workers();
    assert!(
        workers.iter().all(|worker| worker.in_flight() == 0),
        "{workers:?}"
    );
    for worker in &crew.workers {
        let server = &worker.node.server;
        eventually("no handler is left", || server.running_calls() == 0).await;
    }
    // Nobody starves: both are chosen as before.
    for _ in 0..20 {
        client.call_worker("who", Vec::new(), None).await.unwrap();
    }
    assert!(crew.workers.iter().all(|worker| worker.marks.entered() > 0));
}

#[tokio::test]
async fn a_call_lost_with_its_worker_is_made_again_only_if_it_is_idempotent() {
    let mut crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    // Warm, so that both are connected.
    for _ in 0..4 {
        client.call_worker("who", Vec::new(), None).await.unwrap();
    }
    let idempotent = CallOptions::new().idempotent();
    let mut calls = Vec::new();
    for _ in 0..2 {
        let options = idempotent.clone();
        calls.push(tokio::spawn(client.call_worker_with(
            "hold",
            Vec::new(),
            None,
            options,
        )));
    }
    let mut plain = Vec::new();
    for _ in 0..2 {
        plain.push(tokio::spawn(client.call_worker("hold", Vec::new(), None)));
    }
    let lost = crew.workers.remove(0);
    let lost_name = lost.node.name().to_owned();
    let kept = &crew.workers[0];
    eventually("each holds two", || {
        lost.marks.held() == 2 && kept.marks.held() == 2
    })
    .await;
    lost.node.vanish().await;

    // The idempotent one of the lost worker comes to the other; the plain one fails.
    eventually("one came over", || kept.marks.held() == 3).await;
    kept.marks.release(3);
    for call in calls {
        let ended = soon("an idempotent call", call).await.unwrap();
        assert!(ended.is_ok(), "an idempotent call was lost: {ended:?}");
    }
    let mut failed = Vec::new();
    for call in plain {
        failed.extend(soon("another call", call).await.unwrap().err());
    }
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].handler_ran(), HandlerRan::Maybe, "{failed:?}");
    let text = failed[0].to_string();
    assert!(
        text.contains(&lost_name),
        "{text} does not say who failed it"
    );
    assert!(client.counters().failovers >= 1);
}

#[tokio::test]
async fn calls_that_a_draining_worker_refuses_go_to_the_others() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client().await;
    for _ in 0..4 {
        client.call_worker("who", Vec::new(), None).await.unwrap();
    }
    let draining = crew.workers[0].node.server.clone();
    let shutdown = tokio::spawn(async move { draining.shutdown(Duration::from_secs(10)).await });
    let mut calls = 0;
    while !shutdown.is_finished() {
        // None of them is declared idempotent.
        let reply = client.call_worker("work", b"x".to_vec(), None).await;
        assert_eq!(reply.unwrap(), b"x", "call {calls} failed");
        calls += 1;
    }
    assert!(calls > 10, "there was hardly a call: {calls}");
    let report = shutdown.await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// A crew whose workers run one call at a time, which is taken.
async fn full_crew(names: &[&str]) -> (Crew, Vec<tokio::task::JoinHandle<()>>) {
    let mut crew = Crew::of(&[]).await;
    let mut holding = Vec::new();
    for name in names {
        let rpc = crew.cluster.rpc(name).with_max_calls(8, 1);
        // They do not ask to be left alone, so that each is asked.
        let mut limits = rpc.limits().clone();
        limits.retry_after = Duration::ZERO;
        let rpc = rpc.with_limits(limits);
        let worker = crew.hire_with(rpc, config()).await;
        let holder = rpcnet::RpcClient::connect(worker.node.addr, crew.cluster.client("holder"));
        let holder = holder.await.unwrap();
        let call = holder.call("hold", Vec::new());
        holding.push(tokio::spawn(async move {
            let _ = call.await;
        }));
        eventually("its place is taken", || worker.marks.held() == 1).await;
        crew.workers.push(worker);
    }
    (crew, holding)
}

#[tokio::test]
async fn retries_are_bounded_by_attempts_and_by_the_budget() {
    let (crew, _holding) = full_crew(&["w-1", "w-2", "w-3", "w-4"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    for (attempts_max, ratio, attempts, exhausted) in
        [(1, 1.0, 1, 0), (3, 1.0, 3, 0), (4, 0.0, 1, 1)]
    {
        let config = ClusterClientConfig::new(crew.rpc())
            .with_attempts_max(attempts_max)
            .with_retry_budget(ratio, if ratio > 0.0 { 100 } else { 0 });
        let client = ClusterClient::new(Arc::clone(&registry), config);
        let error = client
            .call_worker("who", Vec::new(), None)
            .await
            .unwrap_err();
        assert!(matches!(error, RpcError::ResourceExhausted(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
        let counters = client.counters();
        assert_eq!(counters.attempts, attempts, "{counters:?}");
        assert_eq!(counters.budget_exhausted, exhausted, "{counters:?}");
        assert_eq!(counters.refused, attempts, "{counters:?}");
    }
    // No handler was entered by any of it.
    assert!(
        crew.workers
            .iter()
            .all(|worker| worker.marks.entered() == 1)
    );
}

#[tokio::test]
async fn a_call_that_all_refuse_for_overload_fails_without_a_pause() {
    let (crew, _holding) = full_crew(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let config = ClusterClientConfig::new(crew.rpc())
        .with_retry_backoff(Duration::from_secs(600), Duration::from_secs(600));
    let client = ClusterClient::new(registry, config);
    let refused = client.call_worker("who", Vec::new(), None);
    let error = soon("the refusal", refused).await.unwrap_err();
    assert!(matches!(error, RpcError::ResourceExhausted(_)), "{error:?}");
    assert_eq!(client.counters().attempts, 2, "each was asked once");
}

#[tokio::test]
async fn who_is_refused_by_one_worker_is_served_by_another() {
    let (mut crew, _holding) = full_crew(&["w-1"]).await;
    let free = crew.hire("w-2").await;
    crew.workers.push(free);
    let client = crew.client().await;
    for _ in 0..8 {
        let reply = client.call_worker("who", Vec::new(), None).await;
        assert_eq!(reply.unwrap(), b"w-2");
    }
    assert!(client.counters().refused >= 1);
}

/// The first worker may have executed it and the second refused it: together that is a maybe.
#[tokio::test]
async fn a_call_that_may_have_run_at_one_worker_is_not_said_not_to_by_the_next() {
    let (mut crew, _holding) = full_crew(&["w-2"]).await;
    let holds = crew.hire("w-1").await;
    crew.workers.push(holds);
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let config = ClusterClientConfig::new(crew.rpc())
        .with_attempts_max(2)
        .with_attempt_timeout(Duration::from_millis(100));
    let client = ClusterClient::new(registry, config);
    let marks = &crew.workers[1].marks;
    for round in 0..4 {
        let before = marks.held();
        let options = CallOptions::new().idempotent();
        let call = client.call_worker_with("hold", Vec::new(), None, options);
        let error = soon("the call", call).await.unwrap_err();
        let was_entered = marks.held() > before;
        assert!(
            !was_entered || error.handler_ran() == HandlerRan::Maybe,
            "round {round}: {error:?}"
        );
    }
    assert!(marks.held() > 0, "it was never asked");
}

/// A worker whose connection takes no more calls is no reason to wait while another is free.
#[tokio::test]
async fn a_call_goes_where_there_is_a_place_on_the_connection() {
    let mut crew = Crew::of(&["w-1"]).await;
    let narrow = crew.cluster.rpc("w-2").with_max_calls(1, 64);
    let narrow = crew.hire_with(narrow, config()).await;
    crew.workers.push(narrow);
    let client = crew.client().await;
    let holding = tokio::spawn(client.call_worker("hold", Vec::new(), Some("role=worker")));
    let held = || crew.workers.iter().map(|worker| worker.marks.held());
    eventually("one is held", || held().sum::<u32>() == 1).await;
    let second = tokio::spawn(client.call_worker("hold", Vec::new(), Some("role=worker")));
    eventually("both are held", || held().all(|held| held == 1)).await;
    // By turns, every other call would wait for the one that is held on the narrow one.
    for _ in 0..6 {
        let reply = soon("a call", client.call_worker("who", Vec::new(), None)).await;
        assert_eq!(reply.unwrap(), b"w-1");
    }
    crew.workers
        .iter()
        .for_each(|worker| worker.marks.release(1));
    for call in [holding, second] {
        soon("a held call", call).await.unwrap().unwrap();
    }
}
