//! Which nodes there are to call.

use std::sync::Arc;

use rpcnet::cluster::{ClusterConfig, MemberState, NodeRegistry, TagFilter};

use super::nodes::{Cluster, agree};
use crate::pair::soon;

#[tokio::test]
async fn the_registry_finds_live_nodes_by_tag_and_by_filter() {
    let cluster = Cluster::new();
    let mut nodes = Vec::new();
    for (name, tags) in [
        ("a", &[("role", "director")][..]),
        ("b", &[("role", "worker"), ("gpu", "a100")]),
        ("c", &[("role", "worker"), ("draining", "")]),
    ] {
        let config = tags
            .iter()
            .fold(ClusterConfig::local(), |config, (key, value)| {
                config.with_tag(*key, *value)
            });
        nodes.push(cluster.start_with(cluster.rpc(name), config).await);
    }
    nodes[1].join(&[&nodes[0]]).await;
    nodes[2].join(&[&nodes[0]]).await;
    agree(&nodes).await;

    let registry = NodeRegistry::new(Arc::clone(&nodes[0].membership));
    let names = |members: Vec<rpcnet::cluster::Member>| -> Vec<String> {
        members.iter().map(|it| it.name().to_string()).collect()
    };
    assert_eq!(names(registry.nodes_with_tag("gpu").await), ["b"]);
    assert_eq!(
        names(registry.nodes_with_tag("role").await),
        ["a", "b", "c"]
    );
    let idle: TagFilter = "role=worker,!draining".parse().unwrap();
    assert_eq!(names(registry.nodes_matching(&idle).await), ["b"]);
    assert_eq!(registry.node("c").unwrap().address(), nodes[2].addr);
    assert_eq!(registry.len(), 3);

    let held = registry.nodes();
    soon("leaving", nodes[1].membership.leave()).await.unwrap();
    nodes[0].sees("b", MemberState::Left).await;
    assert!(registry.nodes_with_tag("gpu").await.is_empty());
    assert_eq!(registry.len(), 2);
    assert_eq!(registry.node("b").unwrap().state(), MemberState::Left);
    let still = held.get("b").unwrap();
    assert_eq!(
        still.state(),
        MemberState::Alive,
        "what a reader holds stays"
    );
    assert!(registry.nodes().revision() > held.revision());
}
