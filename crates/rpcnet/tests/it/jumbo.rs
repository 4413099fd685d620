//! Packets larger than Ethernet's: taken where they arrive, given up where they do not.

use rpcnet::{Profile, RpcClient, RpcConfig};
use rpcnet_testkit::chaos::{ChaosConfig, ChaosProxy, ChaosStats};

use crate::pair::{Running, echo, soon};

/// What an Ethernet packet has room for beside the headers of IPv4 and UDP.
const ETHERNET_PAYLOAD: usize = 1500 - 28;

const MESSAGE_BYTES: usize = 1 << 20;

fn jumbo(config: RpcConfig) -> RpcConfig {
    config
        .with_profile(Profile::Throughput)
        .with_jumbo_packets()
}

/// A server and its client, which reach each other by a path that carries no more than this.
async fn pair(datagram_bytes_max: Option<usize>) -> (Running, ChaosProxy, RpcClient) {
    let server = Running::with(jumbo, echo).await;
    let path = ChaosConfig {
        datagram_bytes_max,
        ..ChaosConfig::default()
    };
    let proxy = ChaosProxy::start(server.addr, path).unwrap();
    let config = jumbo(server.certs.client());
    let client = RpcClient::connect(proxy.addr(), config).await.unwrap();
    (server, proxy, client)
}

/// Echoes a long message; what the proxy has seen so far, there and back.
async fn echoed(client: &RpcClient, proxy: &ChaosProxy) -> [ChaosStats; 2] {
    let before = proxy.stats();
    let call = client.call("echo", vec![7; MESSAGE_BYTES]);
    let reply = soon("the echo", call).await.unwrap();
    assert_eq!(reply.len(), MESSAGE_BYTES);
    [before, proxy.stats()]
}

#[tokio::test]
async fn a_path_that_carries_jumbo_packets_gets_them_in_both_directions() {
    let (_server, proxy, client) = pair(None).await;
    let has_large_packets = async {
        loop {
            let [before, after] = echoed(&client, &proxy).await;
            let there = after.to_upstream.received - before.to_upstream.received;
            let back = after.to_client.received - before.to_client.received;
            // Acknowledgements included, fewer than packets of Ethernet's would have to be.
            if there.max(back) < (MESSAGE_BYTES / ETHERNET_PAYLOAD) as u64 / 2 {
                return;
            }
        }
    };
    soon("large packets", has_large_packets).await;
    let known = client.path_mtu().unwrap();
    assert!(usize::from(known) > ETHERNET_PAYLOAD, "{known}");
}

#[tokio::test]
async fn a_path_that_does_not_costs_a_few_probes_and_no_call() {
    let (_server, proxy, client) = pair(Some(ETHERNET_PAYLOAD)).await;
    let is_probed_in_vain = async {
        loop {
            let [_, after] = echoed(&client, &proxy).await;
            if after.to_upstream.oversized > 0 && after.to_client.oversized > 0 {
                return;
            }
        }
    };
    soon("probes that do not arrive", is_probed_in_vain).await;
    for _ in 0..3 {
        echoed(&client, &proxy).await;
    }
    let stats = proxy.stats();
    let known = client.path_mtu().unwrap();
    assert!(
        (1200..=ETHERNET_PAYLOAD).contains(&usize::from(known)),
        "{known}"
    );
    for direction in [stats.to_upstream, stats.to_client] {
        assert!(direction.oversized < 64, "{direction:?}");
    }
}
