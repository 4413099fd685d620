//! Heartbeats between real nodes: who is in reach, and who is not.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::RpcServer;
use rpcnet::cluster::{
    ClusterConfig, ClusterEvent, ClusterEvents, ClusterMembership, HealthChecker, HealthConfig,
    MemberState,
};
use rpcnet_testkit::chaos::{ChaosConfig, ChaosProxy};

use super::nodes::{Cluster, until};
use crate::pair::{eventually, soon};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A member that others reach through a proxy only, and that is so slow to judge that no
/// test waits for its verdict.
async fn member(cluster: &Cluster, name: &str) -> (Arc<ClusterMembership>, ChaosProxy) {
    let mut server = RpcServer::new(cluster.rpc(name));
    let quic = server.bind().unwrap();
    let upstream = server.socket_addr.unwrap();
    let proxy = ChaosProxy::start(upstream, ChaosConfig::default()).unwrap();
    let config = ClusterConfig::wan().with_advertised_address(proxy.addr());
    let member = server.enable_cluster(config).await.unwrap();
    tokio::spawn(async move { server.start(quic).await });
    (member, proxy)
}

/// Two nodes that know each other, each behind a proxy: whoever dialled whom, nothing
/// passes by both.
struct Two {
    a: Arc<ClusterMembership>,
    b: Arc<ClusterMembership>,
    to_a: ChaosProxy,
    to_b: ChaosProxy,
    _cluster: Cluster,
}

impl Two {
    async fn new() -> Self {
        let cluster = Cluster::new();
        let (a, to_a) = member(&cluster, "a").await;
        let (b, to_b) = member(&cluster, "b").await;
        soon("b joins", b.join([to_a.addr()])).await.unwrap();
        let both = a.wait_until(|view| view.get("b").is_some_and(|member| member.is_live()));
        soon("a knows b", both).await;
        Self {
            a,
            b,
            to_a,
            to_b,
            _cluster: cluster,
        }
    }

    fn silence(&self, dark: bool) {
        self.to_a.blackout(dark);
        self.to_b.blackout(dark);
    }

    /// A checker on `a` that has heard `b` a few times.
    async fn watched(&self, config: HealthConfig) -> HealthChecker {
        let health = HealthChecker::new(Arc::clone(&self.a), config);
        health.start().await;
        eventually("b is watched", || !health.watched().is_empty()).await;
        let mut last = 0.0;
        eventually("an answer ends a silence", || {
            let before = std::mem::replace(&mut last, health.phi("b").unwrap_or_default());
            last < before
        })
        .await;
        health
    }
}

fn quick() -> HealthConfig {
    HealthConfig::lan()
        .with_heartbeat_interval(ms(100))
        .with_acceptable_pause(ms(400))
        .with_knock_after(ms(60))
}

/// The next event about reachability, and what came before it.
async fn reachability(events: &mut ClusterEvents) -> (ClusterEvent, Vec<ClusterEvent>) {
    until(events, "an event about reachability", |event| {
        matches!(
            event,
            ClusterEvent::NodeUnreachable { .. } | ClusterEvent::NodeReachable(_)
        )
    })
    .await
}

#[tokio::test]
async fn a_silent_node_is_unreachable_until_it_is_heard_again() {
    let two = Two::new().await;
    let health = two.watched(quick()).await;
    assert!(health.is_reachable("b") && health.unreachable().is_empty());
    let mut events = two.a.subscribe();
    two.silence(true);

    let (event, before) = reachability(&mut events).await;
    let ClusterEvent::NodeUnreachable { member, phi } = event else {
        panic!("{event:?} first");
    };
    assert_eq!(member.name().as_str(), "b");
    assert!(phi >= 8.0 && phi.is_finite(), "{phi}");
    assert!(!health.is_reachable("b"));
    assert_eq!(health.unreachable(), [member]);
    assert!(health.phi("b").unwrap() >= 8.0);
    // Not the membership's verdict, which takes its time.
    let failed = |event: &ClusterEvent| matches!(event, ClusterEvent::NodeFailed(_));
    assert!(!before.iter().any(failed), "{before:?}");
    assert!(two.a.view().get("b").unwrap().is_live());

    two.silence(false);
    let (event, _) = reachability(&mut events).await;
    assert!(matches!(event, ClusterEvent::NodeReachable(_)), "{event:?}");
    assert!(health.is_reachable("b") && health.unreachable().is_empty());
    assert!(health.phi("b").unwrap() < 8.0);
}

/// Phi could not have found out: it would have taken 41 s.
#[tokio::test]
async fn a_closed_port_is_noticed_by_a_knock_and_doubted() {
    let two = Two::new().await;
    let patient = quick()
        .with_acceptable_pause(ms(30_000))
        .with_min_std_deviation(ms(2_000));
    let health = two.watched(patient).await;
    let mut events = two.a.subscribe();
    two.silence(true);
    drop(two.to_b);

    let (event, before) = reachability(&mut events).await;
    let ClusterEvent::NodeUnreachable { member, phi } = event else {
        panic!("{event:?} first");
    };
    assert_eq!(member.name().as_str(), "b");
    assert!(phi < 1.0, "{phi}");
    assert!(!health.is_reachable("b"));
    let failed = |event: &ClusterEvent| matches!(event, ClusterEvent::NodeFailed(_));
    assert!(!before.iter().any(failed), "{before:?}");
    // The membership was asked, and found nobody there either. Its own next probe might be
    // as late as three seconds.
    let suspected = two.a.wait_until(|view| {
        let state = view.get("b").map(|member| member.state());
        state != Some(MemberState::Alive)
    });
    soon("b is suspected", suspected).await;
}

#[tokio::test]
async fn who_left_is_not_watched_and_nothing_is_after_stop() {
    let two = Two::new().await;
    let health = two.watched(quick()).await;
    let handles = Arc::strong_count(&two.a);
    health.start().await;
    assert_eq!(Arc::strong_count(&two.a), handles, "a second start is none");
    assert_eq!(health.phi("nobody"), None);
    assert!(health.is_reachable("nobody"));
    assert_eq!(health.phi("a"), None, "not itself");

    soon("stop", health.stop()).await;
    assert_eq!(Arc::strong_count(&two.a), handles - 1, "its task has ended");
    assert_eq!(health.phi("b"), None);
    assert!(health.watched().is_empty() && health.is_reachable("b"));
    soon("a second stop", health.stop()).await;

    health.start().await;
    eventually("b is watched again", || health.phi("b").is_some()).await;
    soon("b leaves", two.b.leave()).await.unwrap();
    eventually("b is forgotten", || health.phi("b").is_none()).await;
    assert!(health.is_reachable("b"));
}

#[tokio::test]
async fn only_members_that_pass_the_filter_are_watched() {
    let two = Two::new().await;
    let filter = "role=worker".parse().unwrap();
    let health = HealthChecker::new(Arc::clone(&two.a), quick().with_filter(filter));
    health.start().await;
    soon("tag", two.b.set_tag("role", "worker")).await.unwrap();
    eventually("b is watched", || health.phi("b").is_some()).await;
    soon("tag", two.b.set_tag("role", "idle")).await.unwrap();
    eventually("b is not watched", || health.phi("b").is_none()).await;
}

/// The task ends with the checker, although nobody stopped it.
#[tokio::test]
async fn a_dropped_checker_watches_no_longer() {
    let two = Two::new().await;
    let before = Arc::strong_count(&two.a);
    let health = two.watched(quick()).await;
    assert!(Arc::strong_count(&two.a) > before);
    drop(health);
    eventually("its task has ended", || Arc::strong_count(&two.a) == before).await;
}
