//! Workers that are no use: whose certificate is another's, who answer garbage, who are slow.

use std::time::Duration;

use rpcnet::cluster::{ClusterClient, ClusterClientConfig, LoadBalancingStrategy, Worker};
use rpcnet::{CallOptions, RpcServer};

use super::crew::{Crew, config};
use crate::pair::{eventually, soon};

/// A member that says it serves where somebody else does: calls to it would reach another.
#[tokio::test]
async fn a_worker_whose_certificate_is_not_its_own_is_called_by_nobody() {
    let crew = Crew::of(&["w-1"]).await;
    // Serves with the certificate of another name, at the address of the member `w-2`.
    let false_rpc = crew.cluster.rpc("impostor");
    let mut false_server = RpcServer::new(false_rpc);
    false_server
        .register("who", |_| async { Ok(b"impostor".to_vec()) })
        .await;
    let quic = false_server.bind().unwrap();
    let false_addr = false_server.socket_addr.unwrap();
    tokio::spawn(async move { false_server.start(quic).await });
    let advertised = config().with_advertised_address(false_addr);
    let rpc = crew.cluster.rpc("w-2");
    let liar = crew.cluster.start_with(rpc, advertised).await;
    let _ = liar.membership.join([crew.director.addr]).await;

    let client = crew.client().await;
    for _ in 0..10 {
        let reply = client.call_worker("who", Vec::new(), None).await;
        assert_eq!(reply.unwrap(), b"w-1");
    }
}

#[tokio::test]
async fn a_worker_that_refuses_the_clients_certificate_is_passed_over() {
    let mut crew = Crew::of(&["w-1"]).await;
    let strict = crew.cluster.rpc("w-2");
    let strict = strict.with_client_auth(rpcnet::ClientAuth::Required);
    let worker = crew.hire_with(strict, config()).await;
    crew.workers.push(worker);
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    // A client without a certificate is welcome at one of them alone.
    let client = ClusterClient::new(registry, crew.cluster.anonymous());
    for _ in 0..10 {
        let reply = client.call_worker("who", Vec::new(), None).await;
        assert_eq!(reply.unwrap(), b"w-1");
    }
    assert_eq!(crew.workers[1].marks.entered(), 0);
}

#[tokio::test]
async fn a_slow_worker_is_hedged_and_the_loser_is_cancelled() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let config = ClusterClientConfig::new(crew.rpc()).with_hedge_after(Duration::from_millis(20));
    let client = ClusterClient::new(registry, config);
    let options = || CallOptions::new().idempotent();
    let call = tokio::spawn(client.call_worker_with("hold", b"x".to_vec(), None, options()));
    let held = || crew.workers.iter().map(|worker| worker.marks.held());
    eventually("both were asked", || held().sum::<u32>() == 2).await;
    assert!(held().all(|held| held == 1), "two different workers");
    crew.workers[1].marks.release(1);
    let reply = soon("the hedged call", call).await.unwrap();
    assert_eq!(reply.unwrap(), b"x");
    let counters = client.counters();
    assert_eq!(counters.hedges, 1, "{counters:?}");
    for worker in &crew.workers {
        let server = &worker.node.server;
        eventually("no handler is left", || server.running_calls() == 0).await;
    }
    // What is not idempotent is sent to one alone.
    let call = tokio::spawn(client.call_worker("hold", Vec::new(), None));
    eventually("one more was asked", || held().sum::<u32>() == 3).await;
    // One that began later has been hedged, so this one's time has passed too.
    let later = tokio::spawn(client.call_worker_with("hold", Vec::new(), None, options()));
    eventually("the later one is hedged", || client.counters().hedges == 2).await;
    eventually("it was asked twice", || held().sum::<u32>() == 5).await;
    call.abort();
    later.abort();
    assert_eq!(client.counters().hedges, 2);
}

#[tokio::test]
async fn a_hedge_that_is_refused_does_not_hide_that_the_first_may_have_run() {
    let mut crew = Crew::of(&["w-1"]).await;
    let full = crew.cluster.rpc("w-2").with_max_calls(64, 1);
    let full = crew.hire_with(full, config().with_tag("full", "")).await;
    crew.workers.push(full);
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let config = ClusterClientConfig::new(crew.rpc())
        .with_attempts_max(1)
        .with_hedge_after(Duration::from_millis(20))
        .with_attempt_timeout(Duration::from_millis(200));
    let client = ClusterClient::new(registry, config);
    let _filling = tokio::spawn(client.call_worker("hold", Vec::new(), Some("full")));
    eventually("it is full", || crew.workers[1].marks.held() == 1).await;
    for round in 0..4 {
        let before = crew.workers[0].marks.held();
        let options = CallOptions::new().idempotent();
        let call = client.call_worker_with("hold", Vec::new(), None, options);
        let error = soon("the call", call).await.unwrap_err();
        let was_entered = crew.workers[0].marks.held() > before;
        assert!(
            !was_entered || error.handler_ran() == rpcnet::HandlerRan::Maybe,
            "round {round}: {error:?}"
        );
    }
    assert!(crew.workers[0].marks.held() > 0, "it was never asked");
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_made_elsewhere() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::RoundRobin).await;
    let config =
        ClusterClientConfig::new(crew.rpc()).with_attempt_timeout(Duration::from_millis(50));
    let client = ClusterClient::new(registry, config);
    let options = CallOptions::new().idempotent();
    let call = tokio::spawn(client.call_worker_with("hold", b"x".to_vec(), None, options));
    let held = || crew.workers.iter().map(|worker| worker.marks.held());
    eventually("the other one was asked", || held().all(|held| held >= 1)).await;
    crew.workers
        .iter()
        .for_each(|worker| worker.marks.release(1));
    let reply = soon("the call", call).await.unwrap();
    assert_eq!(reply.unwrap(), b"x");
    assert!(client.counters().retries >= 1);
}

/// Not a server of ours at all: what it says is against the protocol.
#[tokio::test]
async fn a_worker_that_answers_garbage_fails_its_calls_and_is_left_out() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let bad = crew.hire_garbage("w-3").await;
    let client = crew.client_by(LoadBalancingStrategy::RoundRobin).await;
    crew.all(client.registry(), 3).await;
    let options = || CallOptions::new().idempotent();
    let mut ok = 0;
    let is_out = |workers: &[Worker]| workers.iter().any(Worker::is_ejected);
    let calling = async {
        while !is_out(&client.registry().workers()) {
            let reply = client
                .call_worker_with("work", b"x".to_vec(), None, options())
                .await;
            assert_eq!(
                reply.unwrap(),
                b"x",
                "an idempotent call finds a good worker"
            );
            ok += 1;
        }
    };
    soon("it is ejected", calling).await;
    assert!(ok > 0);
    drop(bad);
}
