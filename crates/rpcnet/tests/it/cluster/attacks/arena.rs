//! Four honest nodes and one that is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpcnet::certs::{DevCa, Identity};
use rpcnet::cluster::{ClusterConfig, ClusterEvent, ClusterEvents, Member, MemberState};
use rpcnet_proto::swim::{Body, Message, Record, Update, Version};
use rpcnet_testkit::gossip::{Forger, Insider};
use rpcnet_testkit::raw::RawIdentity;
use std::sync::Arc;

use crate::cluster::nodes::{Cluster, Node, agree};
use crate::pair::{echo, soon};

/// The cluster's name where nothing else is said.
pub(crate) const CLUSTER: &str = "rpcnet";

/// The honest nodes.
pub(super) const HONEST: [&str; 4] = ["a", "b", "c", "d"];

/// The compromised one.
pub(super) const X: &str = "x";

/// Honest nodes that have found each other, and a compromised one that is their member.
pub(super) struct Arena {
    pub(super) cluster: Cluster,
    pub(super) nodes: Vec<Node>,
    pub(super) insider: Insider,
    before: Vec<Member>,
    events: Vec<ClusterEvents>,
}

impl Arena {
    /// At the quickest preset.
    pub(super) async fn new() -> Self {
        Self::of(ClusterConfig::local()).await
    }

    /// Of nodes that wait four seconds for the answer to a doubt, for attacks that leave a busy
    /// machine little time for anything else: nobody else's slowness is what they are to show.
    pub(super) async fn patient() -> Self {
        Self::of(ClusterConfig::local().with_suspicion(16, 6)).await
    }

    async fn of(config: ClusterConfig) -> Self {
        let cluster = Cluster::new();
        let mut nodes: Vec<Node> = Vec::new();
        for name in HONEST {
            let node = cluster.start_with(cluster.rpc(name), config.clone()).await;
            if let Some(first) = nodes.first() {
                node.join(&[first]).await;
            }
            echo(node.server.clone()).await;
            nodes.push(node);
        }
        agree(&nodes).await;
        let identity = raw(&cluster.ca().node(&["localhost", X]).unwrap());
        let ca = cluster.ca().certificate_pem();
        let mut insider = Insider::new(X, CLUSTER, ca, &identity).unwrap();
        for node in &nodes {
            insider.link(node.addr, "localhost").await.unwrap();
        }
        let record = insider.record();
        let joining = Message::new(Body::Join { nonce: 1, record });
        insider.say(0, &joining).await.unwrap();
        for node in &nodes {
            node.sees(X, MemberState::Alive).await;
        }
        let events = nodes.iter().map(|node| node.membership.subscribe());
        let mut arena = Self {
            events: events.collect(),
            before: Vec::new(),
            cluster,
            nodes,
            insider,
        };
        arena.before = arena.members_of(0);
        // The reply brought the records of all.
        for name in HONEST {
            crate::pair::eventually("the insider hears of everybody", || {
                arena.insider.newest_of(name).is_some()
            })
            .await;
        }
        arena
    }

    /// What signs as the compromised node.
    pub(super) fn forger(&self) -> &Forger {
        self.insider.forger()
    }

    /// Fails where the attacker was shut out: then the attack was that of a stranger.
    pub(super) async fn assert_insider_is_a_member(&self) {
        for node in &self.nodes {
            node.sees(X, MemberState::Alive).await;
        }
    }

    pub(super) fn members_of(&self, node: usize) -> Vec<Member> {
        self.nodes[node].membership.members()
    }

    /// What the compromised node knows of an honest one.
    pub(super) fn newest_of(&self, name: &str) -> Arc<Record> {
        self.insider.newest_of(name).unwrap()
    }

    /// The present version of an honest node, as it says itself.
    pub(super) fn version_of(&self, name: &str) -> Version {
        let node = self.nodes.iter().find(|node| node.name() == name).unwrap();
        let local = node.membership.local();
        Version {
            epoch: local.epoch(),
            incarnation: local.incarnation(),
        }
    }

    /// Fails unless every honest node sees every other where and as it was, and says so of no
    /// other moment since the arena was built.
    pub(super) async fn assert_unharmed(&mut self) {
        self.assert_unharmed_but(&[]).await;
    }

    /// As [`assert_unharmed`](Self::assert_unharmed), except for those that really went.
    pub(super) async fn assert_unharmed_but(&mut self, gone: &[&str]) {
        for (node, events) in self.nodes.iter().zip(&mut self.events) {
            // Up to now: a mark that comes behind all that was said before it.
            let told = drain(events).await;
            for event in &told {
                let about = event.member().map(|member| member.name().as_str());
                let is_honest = about.is_some_and(|name| HONEST.contains(&name));
                let is_excused = about.is_some_and(|name| gone.contains(&name));
                let is_harm = matches!(
                    event,
                    ClusterEvent::NodeFailed(_)
                        | ClusterEvent::NodeLeft(_)
                        | ClusterEvent::NodeRestarted(_)
                        | ClusterEvent::NodeRecovered(_)
                        | ClusterEvent::NodeTagsUpdated { .. }
                        | ClusterEvent::NodeMoved { .. }
                );
                assert!(
                    !is_harm || !is_honest || is_excused,
                    "{}: {event:?}",
                    node.name()
                );
                assert!(
                    !matches!(
                        event,
                        ClusterEvent::NameConflict { yields: true, .. } | ClusterEvent::MembersFull
                    ),
                    "{}: {event:?}",
                    node.name()
                );
            }
            let view = node.membership.view();
            let names: Vec<&str> = view.members().iter().map(|it| it.name().as_str()).collect();
            for name in &names {
                let is_known = HONEST.contains(name) || [X, "y", "localhost"].contains(name);
                assert!(is_known, "{} made room for {name}", node.name());
            }
            for before in &self.before {
                let name = before.name().as_str();
                if !HONEST.contains(&name) || gone.contains(&name) {
                    continue;
                }
                let after = view.get(name).unwrap();
                assert!(after.is_live(), "{} sees {after}", node.name());
                assert_eq!(after.address(), before.address(), "{after}");
                assert_eq!(after.tags(), before.tags(), "{after}");
                assert_eq!(after.epoch(), before.epoch(), "{after}");
            }
        }
    }

    /// Calls every honest node, to see that it still serves.
    pub(super) async fn assert_serves(&self) {
        for node in &self.nodes {
            let client = rpcnet::RpcClient::connect(node.addr, self.cluster.client("caller"));
            let client = soon("a connection", client).await.unwrap();
            let reply = soon("a call", client.call("echo", b"here".to_vec())).await;
            assert_eq!(reply.unwrap(), b"here");
        }
    }
}

/// Everything that was said so far: it waits in the channel.
async fn drain(events: &mut ClusterEvents) -> Vec<ClusterEvent> {
    let mut told = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        told.push(event);
    }
    told
}

/// An identity as raw peers take it.
pub(crate) fn raw(identity: &Identity) -> RawIdentity {
    RawIdentity {
        cert_pem: identity.certificate_pem().to_owned(),
        key_pem: identity.key_pem().to_owned(),
    }
}

/// The identity in files that a test wrote.
pub(super) fn stolen(cluster: &Cluster, name: &str) -> RawIdentity {
    let read = |name: String| std::fs::read_to_string(cluster.path(&name)).unwrap();
    RawIdentity {
        cert_pem: read(format!("{name}.pem")),
        key_pem: read(format!("{name}-key.pem")),
    }
}

/// Another authority, with the same name as the cluster's.
pub(super) fn other_ca() -> DevCa {
    DevCa::generate("the cluster of a test").unwrap()
}

/// The version of a node that starts now.
pub(super) fn now(incarnation: u64) -> Version {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Version {
        epoch: since.as_millis() as u64,
        incarnation,
    }
}

/// A message of news.
pub(super) fn gossip(updates: Vec<Update>) -> Message {
    Message {
        body: Body::Gossip,
        updates,
    }
}
