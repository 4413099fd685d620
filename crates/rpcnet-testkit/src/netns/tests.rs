//! Where no namespace can be made these tests have nothing to look at: they say so and end, because a
//! developer's account is not root.

use super::*;
use crate::process::{Process, announce};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn datagrams_pass_and_are_counted() {
    let Some(network) = network(2).await else {
        return;
    };
    let echo = echo(&network, 1).await;
    let before = network.traffic().await.expect("it can be read");
    assert_eq!(echoes(&network, 0, echo.addr(), 10).await, 10);
    let after = network.traffic().await.expect("it can be read");
    let sent = after[0].sent_bytes - before[0].sent_bytes;
    // Ten datagrams of 100 bytes with 42 bytes of headers; address resolution comes on top.
    assert!((1_420..2_000).contains(&sent), "{sent} bytes");
    assert!(after[1].received_packets >= before[1].received_packets + 10);
}

#[tokio::test]
async fn nothing_passes_a_cut_until_it_is_healed() {
    let Some(mut network) = network(3).await else {
        return;
    };
    let echo = echo(&network, 1).await;
    network.cut(&[0], &[1, 2]).await.expect("it can be cut");
    assert_eq!(echoes(&network, 0, echo.addr(), 3).await, 0);
    assert_eq!(echoes(&network, 2, echo.addr(), 3).await, 3, "not cut off");
    network.heal().await.expect("it can be healed");
    assert_eq!(echoes(&network, 0, echo.addr(), 3).await, 3);
}

#[tokio::test]
async fn a_one_way_cut_stops_one_way_only() {
    let Some(mut network) = network(2).await else {
        return;
    };
    let echo = echo(&network, 1).await;
    assert_eq!(echoes(&network, 0, echo.addr(), 1).await, 1);
    network
        .cut_one_way(&[1], &[0])
        .await
        .expect("it can be cut");
    let before = network.traffic().await.expect("it can be read")[1];
    assert_eq!(echoes(&network, 0, echo.addr(), 3).await, 0);
    let after = network.traffic().await.expect("it can be read")[1];
    assert!(
        after.received_packets >= before.received_packets + 3,
        "the way there is open"
    );
    assert!(after.sent_packets >= before.sent_packets + 3, "it answered");
}

#[tokio::test]
async fn an_unplugged_host_is_out_of_reach() {
    let Some(mut network) = network(2).await else {
        return;
    };
    let echo = echo(&network, 1).await;
    network.unplug(1).await.expect("it exists");
    assert_eq!(echoes(&network, 0, echo.addr(), 3).await, 0);
    network.plug(1).await.expect("it exists");
    let back = async { while echoes(&network, 0, echo.addr(), 1).await == 0 {} };
    timeout(PATIENCE, back).await.expect("it comes back");
    assert!(network.unplug(7).await.is_err(), "there is no such host");
}

#[tokio::test]
async fn a_part_of_the_datagrams_is_lost() {
    let Some(mut network) = network(2).await else {
        return;
    };
    let echo = echo(&network, 1).await;
    network.set_loss(50.0).await.expect("it can lose");
    // Each passes the switch twice: a quarter comes back. Fewer than 10 or more than 60 of 100 are
    // farther off than five standard deviations of chance (4.3).
    let back = echoes(&network, 0, echo.addr(), 100).await;
    assert!((10..=60).contains(&back), "{back} of 100");
    network.set_loss(0.0).await.expect("it can stop to lose");
    assert_eq!(echoes(&network, 0, echo.addr(), 20).await, 20);
}

#[tokio::test]
async fn a_loopback_loses_what_it_is_told_to() {
    let Some(mut loopback) = available(Loopback::new().await) else {
        return;
    };
    loopback.set_loss(100.0).await.expect("it can lose");
    let command = loopback.command(&role(&[(ROLE, "self")]));
    assert_eq!(count(command).await, 0);
    loopback.set_loss(0.0).await.expect("it can stop to lose");
    let command = loopback.command(&role(&[(ROLE, "self")]));
    assert_eq!(count(command).await, 5);
}

#[tokio::test]
async fn a_dropped_network_leaves_nothing_behind() {
    let Some(network) = network(2).await else {
        return;
    };
    let path = std::path::Path::new("/run/netns").join(network.hosts[0].name());
    assert!(path.exists());
    drop(network);
    assert!(!path.exists());
}

#[tokio::test]
async fn more_hosts_than_there_are_addresses_are_refused() {
    assert!(Network::new(NODES_MAX + 1).await.is_err());
}

/// Not a claim of its own: what the children of the tests above do.
#[test]
fn role_of_a_child_in_a_namespace() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let bind = |addr: &str| UdpSocket::bind(addr).expect("the address is this host's");
    if role == "echo" {
        let bound = std::env::var(BIND).expect("the parent says where");
        let socket = bind(&bound);
        announce(socket.local_addr().expect("it is bound")).expect("the parent listens");
        let mut buffer = [0; 2048];
        // Bounded, should nobody be left to kill it.
        socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], peer);
        }
        return;
    }
    let (socket, to, wanted) = if role == "self" {
        let socket = bind("127.0.0.1:0");
        let own = socket.local_addr().expect("it is bound");
        (socket, own, 5)
    } else {
        let to: SocketAddr = role.parse().expect("an address");
        let wanted = std::env::var(COUNT).expect("the parent says how many");
        (bind("0.0.0.0:0"), to, wanted.parse().expect("a number"))
    };
    let back = exchange(&socket, to, wanted);
    announce(SocketAddr::from(([127, 0, 0, 1], back))).expect("the parent listens");
}

/// Sends datagrams, and returns how many come back. The first waits for address resolution.
fn exchange(socket: &UdpSocket, to: SocketAddr, wanted: u16) -> u16 {
    let wait = Duration::from_millis(300);
    socket.set_read_timeout(Some(wait)).expect("not zero");
    for _ in 0..wanted {
        // An unreachable host may be told to the sender.
        let _ = socket.send_to(&[7; 100], to);
    }
    let mut buffer = [0; 2048];
    let deadline = Instant::now() + PATIENCE;
    let mut back = 0;
    while back < wanted && Instant::now() < deadline && socket.recv_from(&mut buffer).is_ok() {
        back += 1;
    }
    back
}

const ROLE: &str = "RPCNET_TESTKIT_NETNS_ROLE";
const BIND: &str = "RPCNET_TESTKIT_NETNS_BIND";
const COUNT: &str = "RPCNET_TESTKIT_NETNS_COUNT";

fn role(variables: &[(&str, &str)]) -> Command {
    let mut command = Process::this_executable().expect("this executable has a path");
    command.args(["--exact", "netns::tests::role_of_a_child_in_a_namespace"]);
    command.arg("--nocapture");
    command.envs(variables.iter().copied());
    command
}

async fn network(nodes: usize) -> Option<Network> {
    available(Network::new(nodes).await)
}

fn available<T>(made: Result<T, NetnsUnavailable>) -> Option<T> {
    made.inspect_err(|error| {
        // If nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), "skipped: {error}");
    })
    .ok()
}

async fn echo(network: &Network, node: usize) -> Process {
    let bind = format!("{}:0", network.address(node));
    let command = role(&[(ROLE, "echo"), (BIND, &bind)]);
    let command = network.command(node, &command).expect("the host exists");
    let started = Process::start(command, PATIENCE).await;
    started.expect("the child gets ready")
}

/// How many of so many datagrams from a host come back from an echo.
async fn echoes(network: &Network, node: usize, to: SocketAddr, wanted: u16) -> u16 {
    let (to, wanted) = (to.to_string(), wanted.to_string());
    let command = role(&[(ROLE, &to), (COUNT, &wanted)]);
    count(network.command(node, &command).expect("the host exists")).await
}

/// The child says it as a port.
async fn count(command: Command) -> u16 {
    let child = Process::start(command, PATIENCE).await;
    child.expect("the child counts").addr().port()
}
