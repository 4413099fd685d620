//! Workers that come back: on the same port, on another one, with other tags.

use std::time::Duration;

use rpcnet::cluster::LoadBalancingStrategy;
use rpcnet::{CallOptions, RpcError};

use super::crew::{Crew, config};
use crate::pair::{eventually, soon};

async fn name_of_who_answers(client: &rpcnet::cluster::ClusterClient) -> Result<String, RpcError> {
    let options = CallOptions::new().idempotent().wait_for_ready();
    let reply = client
        .call_worker_with("who", Vec::new(), None, options)
        .await?;
    Ok(String::from_utf8(reply).unwrap())
}

/// OV-46: the connection to the one that died is not kept for the one that came.
#[tokio::test]
async fn a_worker_restarted_on_the_same_port_is_called_again() {
    let mut crew = Crew::of(&["w-1"]).await;
    let client = crew.client_by(LoadBalancingStrategy::default()).await;
    assert_eq!(name_of_who_answers(&client).await.unwrap(), "w-1");
    let address = crew.workers.remove(0).node.vanish().await;
    eventually("the port is free", || {
        std::net::UdpSocket::bind(address).is_ok()
    })
    .await;
    let rpc = crew.cluster.rpc_at("w-1", address);
    let again = crew.hire_with(rpc, config()).await;
    let answer = soon("the answer", name_of_who_answers(&client)).await;
    assert_eq!(answer.unwrap(), "w-1");
    assert!(again.marks.entered() >= 1);
}

#[tokio::test]
async fn a_worker_restarted_on_another_port_is_called_there() {
    let mut crew = Crew::of(&["w-1"]).await;
    let client = crew.client_by(LoadBalancingStrategy::default()).await;
    assert_eq!(name_of_who_answers(&client).await.unwrap(), "w-1");
    let before = crew.workers.remove(0).node.vanish().await;
    // Somebody else has the port meanwhile.
    let _taken = std::net::UdpSocket::bind(before);
    let again = crew.hire("w-1").await;
    assert_ne!(again.node.addr, before);
    let answer = soon("the answer", name_of_who_answers(&client)).await;
    assert_eq!(answer.unwrap(), "w-1");
    let workers = client.registry().workers();
    assert_eq!(workers[0].address(), again.node.addr);
}

/// OV-47: what the registry knows of a worker is what the worker said last.
#[tokio::test]
async fn a_worker_that_changes_its_tags_is_seen_with_them() {
    let mut crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client_by(LoadBalancingStrategy::RoundRobin).await;
    let membership = &crew.workers[0].node.membership;
    membership.set_tag("gpu", "h100").await.unwrap();
    let has_gpu = |workers: &[rpcnet::cluster::Worker]| {
        workers
            .iter()
            .any(|worker| worker.tag("gpu") == Some("h100"))
    };
    soon("the tag", client.registry().wait_until(has_gpu)).await;
    let call = client.call_worker("who", Vec::new(), Some("gpu"));
    assert_eq!(call.await.unwrap(), b"w-1");

    // Restarted without it, it is a worker like the others.
    let address = crew.workers.remove(0).node.vanish().await;
    eventually("the port is free", || {
        std::net::UdpSocket::bind(address).is_ok()
    })
    .await;
    let rpc = crew.cluster.rpc_at("w-1", address);
    let _again = crew.hire_with(rpc, config()).await;
    let is_bare = |workers: &[rpcnet::cluster::Worker]| {
        workers.len() == 2 && workers.iter().all(|worker| worker.tag("gpu").is_none())
    };
    soon("the tag is gone", client.registry().wait_until(is_bare)).await;
    let call = client.call_worker("who", Vec::new(), Some("gpu"));
    assert!(matches!(call.await, Err(RpcError::NoWorker(_))));
    // A call may find that the connection is still to be made, and go on to the other.
    soon("the one that came again", async {
        while name_of_who_answers(&client).await.unwrap() != "w-1" {}
    })
    .await;
    // The order of the workers is fixed, and so is that of round robin.
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(name_of_who_answers(&client).await.unwrap());
    }
    assert_ne!(names[0], names[1], "{names:?}");
    assert_eq!(names[..2], names[2..], "{names:?}");
}

#[tokio::test]
async fn a_member_that_stops_being_a_worker_is_called_no_more() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client_by(LoadBalancingStrategy::RoundRobin).await;
    let membership = &crew.workers[0].node.membership;
    membership.set_tag("role", "archive").await.unwrap();
    crew.all(client.registry(), 1).await;
    for _ in 0..4 {
        assert_eq!(name_of_who_answers(&client).await.unwrap(), "w-2");
    }
    crew.workers[1].node.membership.leave().await.unwrap();
    crew.all(client.registry(), 0).await;
    let options = CallOptions::new().with_timeout(Duration::from_secs(5));
    let call = client.call_worker_with("who", Vec::new(), None, options);
    assert!(matches!(call.await, Err(RpcError::NoWorker(_))));
}
