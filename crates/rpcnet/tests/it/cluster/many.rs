//! Many members in one process, over real QUIC.

use std::collections::BTreeSet;
use std::sync::Arc;

use rpcnet::RpcConfig;
use rpcnet::certs::DevCa;
use rpcnet::cluster::{ClusterConfig, ClusterEvent, ClusterMembership};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::pair::{HANG, soon};

/// Every pair of them makes a connection within seconds, which is what an unoptimised build on a busy
/// machine can still do.
const MEMBERS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn many_members_that_join_at_once_through_one_of_them_all_see_all() {
    let certs = certificates();
    let mut members = Vec::new();
    for node in 0..MEMBERS {
        members.push(member(&certs, node).await);
    }
    let mut events: Vec<_> = members.iter().map(|member| member.subscribe()).collect();
    let seed = members[0].local_addr();

    let mut joins = JoinSet::new();
    for member in &members {
        let member = Arc::clone(member);
        joins.spawn(async move { member.join([seed]).await });
    }
    for joined in soon("all join", joins.join_all()).await {
        joined.unwrap();
    }
    for member in &members {
        let full = member.wait_until(|view| view.live().count() == MEMBERS);
        let view = soon("a full view", full).await;
        assert_eq!(view.members().len(), MEMBERS, "nobody is there twice");
    }

    // Everybody was told of everybody else.
    for (member, events) in members.iter().zip(&mut events) {
        let mut known = BTreeSet::from([member.name().clone()]);
        while known.len() < MEMBERS {
            match soon("a join", events.next()).await {
                Some(ClusterEvent::NodeJoined(joined)) => {
                    assert!(known.insert(joined.name().clone()), "{joined} joined twice");
                }
                Some(_) => {}
                None => panic!("the events of {} ended", member.name()),
            }
        }
    }
}

fn certificates() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ca = DevCa::generate("many").unwrap();
    ca.write(dir.path()).unwrap();
    for node in 0..MEMBERS {
        let name = name(node);
        let identity = ca.node(&[&name]).unwrap();
        identity.write(dir.path(), &name).unwrap();
    }
    dir
}

async fn member(certs: &TempDir, node: usize) -> Arc<ClusterMembership> {
    let (dir, name) = (certs.path(), name(node));
    let rpc = RpcConfig::new(dir.join(format!("{name}.pem")), "127.0.0.1:0")
        .with_key_path(dir.join(format!("{name}-key.pem")))
        .with_ca_path(dir.join("ca.pem"));
    let cluster = ClusterConfig::lan()
        .with_node_name(name)
        .with_join_timeout(HANG);
    ClusterMembership::new(rpc, cluster).await.unwrap()
}

fn name(node: usize) -> String {
    format!("n{node}")
}
