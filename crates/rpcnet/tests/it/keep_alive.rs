//! Quiet connections: kept with keep-alive, let go and replaced without it.

use std::time::Duration;

use futures::{StreamExt, stream};
use rpcnet::{RpcClient, RpcConfig, RpcServer};
use rpcnet_proto::wire::{self, Settings};

use crate::bare::{self, BareClient, BareServer};
use crate::pair::{Certs, HANG, Running, echo, eventually, soon};
use crate::probe::Probe;

/// A connection lapses after this much silence; long against the pauses of a busy machine.
const IDLE: Duration = Duration::from_secs(1);

/// Short enough for several heartbeats in [`IDLE`].
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Longer than any silence that the connections below survive by themselves.
const QUIET: Duration = Duration::from_millis(3500);

fn short_idle(config: RpcConfig) -> RpcConfig {
    let mut limits = config.limits().clone();
    limits.idle_timeout = IDLE;
    config.with_limits(limits)
}

/// Lets time pass with nothing to do, which is what these tests are about.
async fn stay_quiet() {
    tokio::time::sleep(QUIET).await;
}

/// Calls, stays quiet, calls again; returns how many connections that took.
///
/// The server keeps to its long idle timeout: the client's decides.
async fn connections_over_a_quiet_time(
    ours: Settings,
    configure: impl FnOnce(RpcConfig) -> RpcConfig,
) -> usize {
    let certs = Certs::new();
    let server = BareServer::start(&certs, wire::ALPN, ours, HANG);
    let client = RpcClient::connect(server.address, configure(certs.client()))
        .await
        .unwrap();
    assert_eq!(
        soon("a call", client.call("echo", vec![1])).await.unwrap(),
        [1]
    );
    stay_quiet().await;
    assert_eq!(
        soon("the next call", client.call("echo", vec![2]))
            .await
            .unwrap(),
        [2]
    );
    server.probe.seen().started
}

#[tokio::test]
async fn a_quiet_connection_with_keep_alive_is_kept() {
    let configure = |config| short_idle(config).with_keep_alive_interval(HEARTBEAT);
    assert_eq!(
        connections_over_a_quiet_time(Settings::default(), configure).await,
        1
    );
}

#[tokio::test]
async fn a_quiet_connection_without_keep_alive_lapses_and_the_next_call_reconnects() {
    assert_eq!(
        connections_over_a_quiet_time(Settings::default(), short_idle).await,
        2
    );
}

#[tokio::test]
async fn a_client_mirrors_the_keep_alive_that_its_server_announces() {
    let ours = Settings {
        keep_alive: Some(HEARTBEAT),
        ..Settings::default()
    };
    assert_eq!(connections_over_a_quiet_time(ours, short_idle).await, 1);
}

#[tokio::test]
async fn a_server_announces_and_keeps_its_keep_alive() {
    let running = Running::with(|config| config.with_keep_alive_interval(HEARTBEAT), echo).await;
    let ca = running.certs.path("ca.pem");
    // This client does nothing by itself, and has the transport's own idle timeout.
    let mut silent = BareClient::ready(running.addr, &ca).await;
    assert_eq!(silent.control.settings.keep_alive, Some(HEARTBEAT));
    stay_quiet().await;
    let mut call = silent.open(&bare::header(1, "echo", HANG)).await;
    call.send(bare::message_and_end(b"still here"))
        .await
        .unwrap();
    let (replies, _) = bare::read_response(&mut call).await;
    assert_eq!(replies, ["still here"]);
}

#[tokio::test]
async fn a_client_knows_that_its_connection_has_lapsed() {
    let running = Running::with(short_idle, echo).await;
    let client = running.client().await;
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
    assert!(client.local_addr().is_some());
    eventually("the connection lapses", || client.local_addr().is_none()).await;
    assert_eq!(
        soon("the next call", client.call("echo", vec![2]))
            .await
            .unwrap(),
        [2]
    );
    assert!(client.local_addr().is_some());
}

/// `wait` replies, and `wait_stream` yields, after several idle timeouts.
async fn register_slow(server: RpcServer, probe: Probe) {
    let of = probe.clone();
    server
        .register("wait", move |payload| {
            let stay = of.enter();
            async move {
                stay_quiet().await;
                stay.finish();
                Ok(payload)
            }
        })
        .await;
    server
        .register_streaming("wait_stream", move |_requests| {
            let stay = probe.enter();
            async move {
                stream::once(async move {
                    stay_quiet().await;
                    stay.finish();
                    Ok(vec![3])
                })
            }
        })
        .await;
}

#[tokio::test]
async fn calls_longer_than_the_idle_timeout_survive_without_keep_alive() {
    let probe = Probe::new();
    let running = Running::with(short_idle, |server| register_slow(server, probe.clone())).await;
    for is_streaming in [false, true] {
        let client = running.client_with(short_idle).await;
        let reply = if is_streaming {
            let mut responses = client
                .call_server_streaming("wait_stream", vec![3])
                .await
                .unwrap();
            soon("an item", responses.next()).await.unwrap()
        } else {
            soon("the call", client.call("wait", vec![3])).await
        };
        assert_eq!(reply.unwrap(), [3]);
    }
    let seen = probe.seen();
    assert_eq!((seen.started, seen.finished, seen.dropped), (2, 2, 0));
}
