//! Which worker is selected, and what is said where there is none.

use std::collections::BTreeMap;
use std::time::Duration;

use rpcnet::RpcError;
use rpcnet::cluster::{LoadBalancingStrategy, WorkerConfig, WorkerError, WorkerRegistry};

use super::crew::{Crew, config};
use crate::pair::soon;

#[tokio::test]
async fn a_selected_worker_shows_itself_and_holds_its_place_until_it_is_dropped() {
    let crew = Crew::of(&["w-1"]).await;
    let membership = &crew.workers[0].node.membership;
    membership.set_tag("label", "the first").await.unwrap();
    let registry = crew.registry(LoadBalancingStrategy::LeastConnections).await;
    let labelled = registry.wait_until(|workers| workers[0].label() == Some("the first"));
    soon("the label", labelled).await;

    let worker = registry.select_worker(Some("role=worker")).await.unwrap();
    assert_eq!(worker.name().as_str(), "w-1");
    assert_eq!(worker.address(), crew.workers[0].node.addr);
    assert_eq!(worker.label(), Some("the first"));
    assert_eq!(worker.tag("role"), Some("worker"));
    assert_eq!(worker.in_flight(), 1);
    let again = registry.select_worker(None).await.unwrap();
    assert_eq!(again.in_flight(), 2);
    drop(worker);
    assert_eq!(registry.workers()[0].in_flight(), 1);
    drop(again);
    assert_eq!(registry.workers()[0].in_flight(), 0);
}

#[tokio::test]
async fn round_robin_takes_every_worker_in_turn_and_a_filter_those_that_fit() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    let gpu = &crew.workers[1].node.membership;
    gpu.set_tag("gpu", "a100").await.unwrap();
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let tagged = registry.wait_until(|workers| workers.iter().any(|w| w.tag("gpu").is_some()));
    soon("the tag", tagged).await;

    let mut counts = BTreeMap::new();
    for _ in 0..30 {
        let worker = registry.select_worker(None).await.unwrap();
        *counts.entry(worker.name().to_string()).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == 10), "{counts:?}");
    for _ in 0..5 {
        let worker = registry.select_worker(Some("gpu=a100")).await.unwrap();
        assert_eq!(worker.name().as_str(), "w-2");
    }
    // A tag that goes takes its worker out of the filter at once.
    gpu.remove_tag("gpu").await.unwrap();
    let bare = registry.wait_until(|workers| workers.iter().all(|w| w.tag("gpu").is_none()));
    soon("the tag is gone", bare).await;
    let error = registry.select_worker(Some("gpu=a100")).await.unwrap_err();
    assert!(matches!(error, WorkerError::NoWorker(_)), "{error:?}");
}

#[tokio::test]
async fn who_finds_no_worker_is_told_which_filter_and_what_is_there() {
    let crew = Crew::of(&["w-1"]).await;
    let registry = crew.registry(LoadBalancingStrategy::default()).await;
    let error = registry.select_worker(Some("gpu")).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`gpu`") && text.contains("w-1: role=worker"),
        "{text}"
    );
    assert!(RpcError::from(error).is_retryable());
    let error = registry.select_worker(Some("a b")).await.unwrap_err();
    assert!(matches!(error, WorkerError::Filter(_)), "{error:?}");
    assert!(!RpcError::from(error).is_retryable());
}

#[tokio::test]
async fn a_registry_that_is_not_started_says_so_and_one_that_is_stopped_too() {
    let crew = Crew::of(&["w-1"]).await;
    let membership = std::sync::Arc::clone(&crew.director.membership);
    let registry = WorkerRegistry::new(membership, LoadBalancingStrategy::Random);
    let error = registry.select_worker(None).await.unwrap_err();
    assert_eq!(error, WorkerError::NotStarted);
    registry.start().await;
    assert_eq!(
        registry.worker_count().await,
        1,
        "known as soon as it is started"
    );
    registry.start().await;
    assert!(registry.select_worker(None).await.is_ok());
    registry.stop().await;
    let error = registry.select_worker(None).await.unwrap_err();
    assert_eq!(error, WorkerError::NotStarted);
    registry.start().await;
    assert!(registry.select_worker(None).await.is_ok());
}

#[tokio::test]
async fn a_selection_can_wait_for_the_first_worker() {
    let crew = Crew::of(&[]).await;
    let registry = crew.registry(LoadBalancingStrategy::default()).await;
    let within = Duration::from_millis(50);
    let error = registry
        .select_worker_within(None, within)
        .await
        .unwrap_err();
    assert!(matches!(error, WorkerError::TimedOut { .. }), "{error:?}");

    let waiting = registry.select_worker_within(None, crate::pair::HANG);
    let (selected, _worker) = tokio::join!(waiting, crew.hire("w-1"));
    assert_eq!(selected.unwrap().name().as_str(), "w-1");
}

#[tokio::test]
async fn at_its_limit_a_worker_is_passed_over_and_below_it_is_taken() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let config = WorkerConfig::new(LoadBalancingStrategy::RoundRobin).with_in_flight_max(2);
    let registry = crew.registry(config).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(registry.select_worker(None).await.unwrap());
    }
    assert!(
        registry
            .workers()
            .iter()
            .all(|worker| worker.in_flight() == 2)
    );
    let error = registry.select_worker(None).await.unwrap_err();
    assert!(
        matches!(
            error,
            WorkerError::AllBusy {
                workers: 2,
                in_flight_max: 2
            }
        ),
        "{error:?}"
    );
    let freed = held.swap_remove(1).name().clone();
    assert_eq!(*registry.select_worker(None).await.unwrap().name(), freed);
    // And who waits gets the place that becomes free.
    let freed = registry.select_worker(None).await.unwrap();
    let waiting = registry.select_worker_within(None, crate::pair::HANG);
    let freeing = async {
        tokio::task::yield_now().await;
        drop(freed);
    };
    let (selected, ()) = tokio::join!(waiting, freeing);
    assert!(selected.is_ok());
}

#[tokio::test]
async fn a_worker_of_the_own_zone_is_preferred_until_it_is_twice_as_busy() {
    let crew = Crew::of(&[]).await;
    let mut workers = Vec::new();
    for (name, zone) in [("w-1", "a"), ("w-2", "b")] {
        let config = config().with_tag("zone", zone);
        workers.push(crew.hire_with(crew.cluster.rpc(name), config).await);
    }
    let config = WorkerConfig::new(LoadBalancingStrategy::LeastConnections).with_zone("b");
    let registry = crew.registry(config).await;
    crew.all(&registry, 2).await;
    let first = registry.select_worker(None).await.unwrap();
    assert!(first.is_local() && first.name().as_str() == "w-2");
    let mut held = vec![first];
    let overflowed = loop {
        let next = registry.select_worker(None).await.unwrap();
        if next.name().as_str() == "w-1" {
            break next;
        }
        held.push(next);
        assert!(held.len() < 100, "it never overflows");
    };
    assert!(held.len() >= 2 && !overflowed.is_local());
}

#[tokio::test]
async fn a_draining_worker_is_chosen_by_nobody() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let membership = &crew.workers[0].node.membership;
    membership.set_draining(true).await.unwrap();
    let drains = registry.wait_until(|workers| workers.iter().any(|w| w.is_draining()));
    soon("one drains", drains).await;
    for _ in 0..10 {
        let worker = registry.select_worker(None).await.unwrap();
        assert_eq!(worker.name().as_str(), "w-2");
    }
    assert_eq!(registry.worker_count().await, 2, "it is still a worker");
    membership.set_draining(false).await.unwrap();
    let back = registry.wait_until(|workers| workers.iter().all(|w| !w.is_draining()));
    soon("it is back", back).await;
}

#[tokio::test]
async fn a_worker_out_of_reach_is_selected_by_nobody() {
    let mut crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    crew.workers.remove(0).node.vanish().await;
    let is_lost = |workers: &[rpcnet::cluster::Worker]| {
        workers
            .iter()
            .all(|worker| worker.name().as_str() == "w-2" || !worker.is_reachable())
    };
    soon("one is out of reach", registry.wait_until(is_lost)).await;
    for _ in 0..4 {
        let worker = registry.select_worker(None).await.unwrap();
        assert_eq!(worker.name().as_str(), "w-2");
    }
    crew.workers.remove(0).node.vanish().await;
    let none = |workers: &[rpcnet::cluster::Worker]| workers.iter().all(|w| !w.is_reachable());
    soon("all are out of reach", registry.wait_until(none)).await;
    let error = registry.select_worker(None).await.unwrap_err();
    assert!(matches!(error, WorkerError::NoWorker(_)), "{error:?}");
}
