//! Questions about the cluster, of clients that are no members.

use std::collections::BTreeMap;

use futures::StreamExt;
use rpcnet::cluster::{ClusterConfig, ClusterLimits, Tags};
use rpcnet::{Code, CodecId, RpcClient, RpcError, codec};
use serde::Deserialize;

use super::nodes::Cluster;
use crate::pair::soon;

#[derive(Debug, Deserialize)]
struct View {
    cluster: String,
    node: String,
    revision: u64,
    quorum: Quorum,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Quorum {
    known: usize,
    reachable: usize,
    side: String,
}

#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    address: String,
    state: String,
    tags: BTreeMap<String, String>,
    epoch: u64,
    #[serde(rename = "self")]
    is_self: bool,
}

#[derive(Debug, Deserialize)]
struct Event {
    event: String,
    member: Option<Member>,
    before: Option<Member>,
    missed: Option<u64>,
}

fn read<T: serde::de::DeserializeOwned>(payload: &[u8]) -> T {
    codec::decode(CodecId::JSON, payload).unwrap()
}

#[tokio::test]
async fn a_client_with_a_certificate_is_told_who_is_there_and_what_happens() {
    let (cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    let client = RpcClient::connect(nodes[0].addr, cluster.client("operator"))
        .await
        .unwrap();
    let answer = client.call("rpcnet.cluster/members", vec![]).await.unwrap();
    let view: View = read(&answer);
    assert_eq!((&*view.cluster, &*view.node), ("rpcnet", "a"));
    assert!(view.revision > 0);
    assert_eq!((view.quorum.known, view.quorum.reachable), (2, 2));
    assert_eq!(view.quorum.side, "Whole");
    for (member, node) in view.members.iter().zip(&nodes) {
        assert_eq!(member.name, node.name());
        assert_eq!(member.address, node.addr.to_string());
        assert_eq!(member.state, "alive");
        assert_eq!(member.is_self, node.name() == "a");
        assert_eq!(member.epoch, node.membership.local().epoch());
    }

    let watch = client
        .call_server_streaming("rpcnet.cluster/watch", vec![])
        .await;
    let mut watch = std::pin::pin!(watch.unwrap());
    let first: View = read(&soon("the view", watch.next()).await.unwrap().unwrap());
    assert_eq!(first.members.len(), 2);
    nodes[1].membership.set_tag("role", "worker").await.unwrap();
    let next: Event = read(&soon("an event", watch.next()).await.unwrap().unwrap());
    assert_eq!(next.event, "NodeTagsUpdated");
    let (member, before) = (next.member.unwrap(), next.before.unwrap());
    assert_eq!((&*member.name, &*member.tags["role"]), ("b", "worker"));
    assert!(before.tags.is_empty());
    assert_eq!(next.missed, None);
    soon("leaving", nodes[0].membership.leave()).await.unwrap();
    while let Some(event) = soon("the end", watch.next()).await {
        event.unwrap();
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    let client = RpcClient::connect(node.addr, cluster.anonymous())
        .await
        .unwrap();
    let refused = client.call("rpcnet.cluster/members", vec![]).await;
    let Err(RpcError::Status(status)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(status.code, Code::Unauthenticated);
    let watch = client
        .call_server_streaming("rpcnet.cluster/watch", vec![])
        .await;
    let refused = match watch {
        Ok(watch) => std::pin::pin!(watch).next().await.unwrap().unwrap_err(),
        Err(error) => error,
    };
    let RpcError::Status(status) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(status.code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_watcher_that_lags_is_told_so_and_gets_the_view_again() {
    let cluster = Cluster::new();
    let mut limits = ClusterLimits::default();
    limits.events_max = 1;
    // Every event tells all of them twice.
    let long = "x".repeat(Tags::VALUE_BYTES_MAX);
    let config = (0..7).fold(ClusterConfig::local(), |config, n| {
        config.with_tag(format!("long-{n}"), &long)
    });
    let config = config.with_limits(limits);
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    let client = RpcClient::connect(node.addr, cluster.client("operator"))
        .await
        .unwrap();
    let watch = client
        .call_server_streaming("rpcnet.cluster/watch", vec![])
        .await;
    let mut watch = std::pin::pin!(watch.unwrap());
    soon("the view", watch.next()).await.unwrap().unwrap();
    // Nobody reads: the stream's window and the send buffer hold a fraction of this.
    for n in 0..500 {
        let value = n.to_string();
        node.membership.set_tag("count", &value).await.unwrap();
    }
    let lagged = async {
        loop {
            let payload = watch.next().await.unwrap().unwrap();
            let event: Event = read(&payload);
            if event.event == "Lagged" {
                assert!(event.missed.unwrap() > 0);
                return read::<View>(&watch.next().await.unwrap().unwrap());
            }
        }
    };
    let view = soon("a lag", lagged).await;
    assert_eq!(view.members.len(), 1);
    assert!(node.membership.counters().events_lost > 0);
}
