//! Many members in one process, over real QUIC.

use std::sync::Arc;

use rpcnet::RpcConfig;
use rpcnet::certs::DevCa;
use rpcnet::cluster::{ClusterConfig, ClusterEvent, ClusterMembership};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::pair::soon;

/// Bound by what an unoptimised build and a busy machine can do.
const MEMBERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_members_that_join_at_once_agree_and_take_nobody_for_failed() {
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
    let joined = soon("all join", joins.join_all()).await;
    assert!(joined.iter().all(Result::is_ok), "{joined:?}");
    for member in &members {
        let full = member.wait_until(|view| view.live().count() == MEMBERS);
        let view = soon("a full view", full).await;
        assert_eq!(view.members().len(), MEMBERS, "nobody is there twice");
    }

    // Everybody said so of everybody else, and nothing worse.
    for (member, events) in members.iter().zip(&mut events) {
        let mut known = 1;
        while known < MEMBERS {
            match soon("a join", events.next()).await {
                Some(ClusterEvent::NodeJoined(_)) => known += 1,
                Some(ClusterEvent::NodeFailed(failed)) => {
                    panic!("{} took {failed} for failed", member.name())
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
    let cluster = ClusterConfig::lan().with_node_name(name);
    ClusterMembership::new(rpc, cluster).await.unwrap()
}

fn name(node: usize) -> String {
    format!("n{node}")
}
