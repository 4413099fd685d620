//! A node that is about to go says so first, refuses later, and leaves last.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::cluster::{ClusterConfig, ClusterEvent, ClusterEvents, DRAINING_TAG, MemberState};
use rpcnet::{ConnectionErrorKind, HandlerRan, RpcClient, RpcConfig, RpcError, ShutdownReport};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::nodes::{Cluster, Node, agree, is_about, until};
use crate::pair::{HANG, echo, eventually, soon};
use crate::probe::Probe;

/// Longer than any call here takes, so that a quarter of it is longer than the notices.
const LONG: Duration = HANG;

/// Long enough for a call or two on a busy machine.
const NOTICE: Duration = Duration::from_secs(1);

/// Fails fast where the node takes no connection any more.
fn impatient(config: RpcConfig) -> RpcConfig {
    config.with_connect_timeout(Duration::from_millis(500))
}

/// Two nodes that watch, and `c`, which serves `echo` and `wait` and is about to go.
struct Scene {
    cluster: Cluster,
    watchers: [Node; 2],
    going: Node,
    client: RpcClient,
    probe: Probe,
    release: Arc<Semaphore>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(ClusterConfig::local().with_drain_notice(NOTICE)).await
    }

    async fn with(config: ClusterConfig) -> Self {
        let cluster = Cluster::new();
        let a = cluster.start("a").await;
        let b = cluster.start("b").await;
        let going = cluster.start_with(cluster.rpc("c"), config).await;
        b.join(&[&a]).await;
        going.join(&[&a]).await;
        let mut nodes = vec![a, b, going];
        agree(&nodes).await;
        let going = nodes.pop().unwrap();
        let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
        echo(going.server.clone()).await;
        let (entered, released) = (probe.clone(), release.clone());
        going
            .server
            .register("wait", move |payload| {
                let (stay, released) = (entered.enter(), released.clone());
                async move {
                    released.acquire().await.unwrap().forget();
                    stay.finish();
                    Ok(payload)
                }
            })
            .await;
        let client = RpcClient::connect(going.addr, impatient(cluster.anonymous())).await;
        Self {
            client: client.unwrap(),
            watchers: nodes.try_into().ok().unwrap(),
            cluster,
            going,
            probe,
            release,
        }
    }

    fn shut_down(&self, grace: Duration) -> JoinHandle<ShutdownReport> {
        let server = self.going.server.clone();
        tokio::spawn(async move { server.shutdown(grace).await })
    }

    /// Whether both others know that `c` drains.
    fn is_known(&self) -> bool {
        self.watchers.iter().all(|watcher| {
            let view = watcher.membership.view();
            view.get("c").is_some_and(|member| member.is_draining())
        })
    }

    fn state(&self) -> MemberState {
        let view = self.watchers[0].membership.view();
        view.get("c").unwrap().state()
    }

    /// Calls until the node refuses; returns the refusal, and how many calls it answered
    /// although everybody knew that it drains.
    async fn call_until_refused(&self) -> (RpcError, usize) {
        let mut answered = 0;
        loop {
            let is_known = self.is_known();
            match soon("a call", self.client.call("echo", vec![1])).await {
                Ok(_) => answered += usize::from(is_known),
                Err(error) => return (error, answered),
            }
        }
    }

    /// A call that goes on until it is released.
    async fn wait(&self) -> JoinHandle<Result<Vec<u8>, RpcError>> {
        let call = tokio::spawn(self.client.call("wait", vec![7]));
        self.probe.started(1).await;
        call
    }
}

/// Fails unless the node is seen to leave, without having failed before.
async fn leaves(events: &mut ClusterEvents) -> Vec<ClusterEvent> {
    let is_left = |event: &ClusterEvent| matches!(event, ClusterEvent::NodeLeft(_));
    let (left, before) = until(events, "c leaves", is_left).await;
    assert!(is_about(&left, "c"), "{left:?}");
    let failed = |event: &&ClusterEvent| matches!(event, ClusterEvent::NodeFailed(_));
    assert_eq!(before.iter().find(failed), None);
    before
}

#[tokio::test]
async fn the_cluster_knows_of_a_drain_before_the_first_call_is_refused() {
    let scene = Scene::new().await;
    let mut events = scene.watchers[1].membership.subscribe();
    let waiting = scene.wait().await;
    let report = scene.shut_down(LONG);
    let (refused, answered) = scene.call_until_refused().await;
    assert!(scene.is_known());
    assert!(answered > 0, "calls are served while the news gets about");
    assert_eq!(refused.handler_ran(), HandlerRan::No, "{refused:?}");
    assert!(refused.is_retryable(), "{refused:?}");
    assert_eq!(scene.state(), MemberState::Alive, "it has a call to finish");
    scene.release.add_permits(1);
    let reply = soon("the call under way", waiting).await.unwrap();
    assert_eq!(reply.unwrap(), [7]);
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (1, 0));
    let before = leaves(&mut events).await;
    let told = before.iter().any(|event| match event {
        ClusterEvent::NodeTagsUpdated { member, before } => {
            member.is_draining() && !before.is_draining()
        }
        _ => false,
    });
    assert!(told, "{before:?}");
}

#[tokio::test]
async fn a_node_that_finishes_its_calls_is_still_a_member_for_old_and_new_ones() {
    let scene = Scene::new().await;
    let mut events = scene.watchers[0].membership.subscribe();
    let waiting = scene.wait().await;
    let report = scene.shut_down(LONG);
    scene.call_until_refused().await;
    // A newcomer that knows nobody else has to be let in by the node that drains.
    let newcomer = scene.cluster.start("d").await;
    newcomer.join(&[&scene.going]).await;
    newcomer.sees("a", MemberState::Alive).await;
    let seen = newcomer.sees("c", MemberState::Alive).await;
    assert!(seen.get("c").unwrap().is_draining());
    // Callers are not let in, members or not.
    let stranger = RpcClient::connect(scene.going.addr, impatient(scene.cluster.anonymous())).await;
    match stranger.unwrap_err() {
        RpcError::ConnectionError(error) => assert_eq!(error.kind(), ConnectionErrorKind::Refused),
        other => panic!("{other:?}"),
    }
    let member = RpcClient::connect(scene.going.addr, scene.cluster.rpc("a")).await;
    let member = member.unwrap();
    let refused = soon("a member's call", member.call("echo", vec![])).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, RpcError::Unavailable(_)), "{refused:?}");
    assert!(refused.is_retryable(), "{refused:?}");
    // Time enough for everybody to have asked it whether it is alive.
    let probed = |node: &Node| node.membership.counters().protocol.probes;
    let nodes = [&scene.watchers[0], &scene.watchers[1], &newcomer];
    let before = nodes.map(probed);
    eventually("probes", || {
        nodes
            .map(probed)
            .iter()
            .zip(before)
            .all(|(now, before)| *now >= before + 6)
    })
    .await;
    assert_eq!(scene.state(), MemberState::Alive);
    scene.release.add_permits(1);
    assert!(soon("the call", waiting).await.unwrap().is_ok());
    assert!(soon("the shutdown", report).await.unwrap().is_clean());
    leaves(&mut events).await;
    newcomer.sees("c", MemberState::Left).await;
}

#[tokio::test]
async fn a_node_leaves_before_its_calls_are_cut_and_returns_in_time() {
    let scene = Scene::with(ClusterConfig::local()).await;
    let mut events = scene.watchers[0].membership.subscribe();
    let waiting = scene.wait().await;
    let grace = Duration::from_secs(3);
    let report = scene.shut_down(grace);
    leaves(&mut events).await;
    assert!(!waiting.is_finished(), "the grace period is not over");
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (0, 1));
    assert!(report.took >= grace, "{report:?}");
    assert!(report.took <= grace + Duration::from_secs(2), "{report:?}");
    let cut = soon("the call", waiting).await.unwrap().unwrap_err();
    assert!(matches!(cut, RpcError::Unavailable(_)), "{cut:?}");
}

#[tokio::test]
async fn a_shutdown_without_grace_announces_nothing_and_leaves_all_the_same() {
    let scene = Scene::new().await;
    let mut events = scene.watchers[0].membership.subscribe();
    let waiting = scene.wait().await;
    let report = soon("the shutdown", scene.shut_down(Duration::ZERO));
    let report = report.await.unwrap();
    assert_eq!((report.completed, report.cut), (0, 1));
    assert!(report.took <= Duration::from_secs(2), "{report:?}");
    assert!(soon("the call", waiting).await.unwrap().is_err());
    let before = leaves(&mut events).await;
    let tags = |event: &&ClusterEvent| matches!(event, ClusterEvent::NodeTagsUpdated { .. });
    assert_eq!(before.iter().find(tags), None);
}

#[tokio::test]
async fn the_notice_takes_no_more_than_a_quarter_of_the_grace_period() {
    let scene = Scene::with(ClusterConfig::local().with_drain_notice(LONG * 10)).await;
    let waiting = scene.wait().await;
    let report = scene.shut_down(Duration::from_secs(8));
    let (refused, _) = scene.call_until_refused().await;
    assert!(refused.is_retryable(), "{refused:?}");
    scene.release.add_permits(1);
    assert!(soon("the call", waiting).await.unwrap().is_ok());
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (1, 0));
    assert!(report.took >= Duration::from_secs(2), "{report:?}");
}

#[tokio::test]
async fn a_shutdown_that_nobody_waits_for_goes_on_and_a_second_one_waits_for_it() {
    let mut scene = Scene::new().await;
    let mut events = scene.watchers[0].membership.subscribe();
    {
        let mut shutdown = std::pin::pin!(scene.going.server.shutdown(LONG));
        assert!(futures::poll!(shutdown.as_mut()).is_pending());
    }
    assert_eq!(scene.client.call("echo", vec![1]).await.unwrap(), [1]);
    // Its own grace does not count: that of the first would take a minute to be over.
    let second = scene.shut_down(Duration::ZERO);
    let (refused, answered) = scene.call_until_refused().await;
    assert!(refused.is_retryable(), "{refused:?}");
    assert!(answered > 0);
    assert!(soon("the second", second).await.unwrap().is_clean());
    leaves(&mut events).await;
    scene.going.stopped().await;
}

#[tokio::test]
async fn a_node_that_leaves_during_the_notice_is_not_waited_for() {
    let scene = Scene::with(ClusterConfig::local().with_drain_notice(LONG)).await;
    let report = scene.shut_down(LONG * 10);
    eventually("everybody knows", || scene.is_known()).await;
    soon("leaving", scene.going.membership.leave())
        .await
        .unwrap();
    let report = soon("the shutdown", report).await.unwrap();
    assert!(report.is_clean() && report.took < LONG, "{report:?}");
}

#[tokio::test]
async fn an_application_may_say_itself_that_it_drains_and_take_it_back() {
    let scene = Scene::new().await;
    let membership = &scene.going.membership;
    for is_draining in [true, true, false, false, true] {
        membership.set_draining(is_draining).await.unwrap();
        assert_eq!(membership.local().is_draining(), is_draining);
        assert_eq!(membership.local().tag(DRAINING_TAG).is_some(), is_draining);
        eventually("everybody knows", || scene.is_known() == is_draining).await;
        // It says so, and nothing else.
        assert_eq!(scene.client.call("echo", vec![1]).await.unwrap(), [1]);
    }
    soon("leaving", membership.leave()).await.unwrap();
    assert!(membership.set_draining(false).await.is_err());
}
