//! Deadlines end calls on both sides, travel with them, and bound what they call.

use std::future::pending;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use rpcnet::{CallContext, CallOptions, RpcClient, RpcError, RpcServer};
use rpcnet_proto::wire::ResponseEvent;
use rpcnet_proto::{Code, Origin};

use crate::bare::{self, BareClient};
use crate::pair::{Running, echo, eventually, soon};
use crate::probe::Probe;

/// Short against any test's patience, long against a call on loopback.
const SHORT: Duration = Duration::from_millis(300);

fn timeout(timeout: Duration) -> CallOptions {
    CallOptions::new().with_timeout(timeout)
}

/// `never` waits for ever, `remaining` replies how many microseconds it has left.
async fn register(server: RpcServer, probe: Probe) {
    echo(server.clone()).await;
    let of = probe.clone();
    server
        .register("never", move |_| {
            let stay = of.enter();
            async move {
                pending::<()>().await;
                stay.finish();
                Ok(vec![])
            }
        })
        .await;
    server
        .register_with_context("remaining", |context: CallContext, _| async move {
            Ok((context.remaining().as_micros() as u64)
                .to_be_bytes()
                .to_vec())
        })
        .await;
    let of = probe.clone();
    server
        .register_streaming("silent", move |_requests| {
            let stay = of.enter();
            async move {
                stream::once(async move {
                    pending::<()>().await;
                    stay.finish();
                    Ok(vec![])
                })
            }
        })
        .await;
    server
        .register_streaming("three_and_never", move |_requests| {
            let stay = probe.enter();
            async move {
                let never = stream::once(async move {
                    pending::<()>().await;
                    stay.finish();
                    Ok(vec![])
                });
                stream::iter((0..3u8).map(|n| Ok(vec![n]))).chain(never)
            }
        })
        .await;
}

async fn scene() -> (Running, RpcClient, Probe) {
    let probe = Probe::new();
    let running = Running::new(|server| register(server, probe.clone())).await;
    let client = running.client().await;
    (running, client, probe)
}

fn micros(reply: &[u8]) -> Duration {
    Duration::from_micros(u64::from_be_bytes(reply.try_into().unwrap()))
}

#[tokio::test]
async fn a_call_past_its_deadline_times_out_and_its_handler_is_dropped() {
    let (running, client, probe) = scene().await;
    let began = Instant::now();
    let outcome = soon(
        "the call",
        client.call_with("never", vec![], timeout(SHORT)),
    )
    .await;
    assert!(matches!(outcome, Err(RpcError::Timeout)), "{outcome:?}");
    assert!(began.elapsed() >= SHORT, "not before its deadline");
    probe.dropped(1).await;
    eventually("the call ends", || running.server.running_calls() == 0).await;
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn the_configured_timeout_holds_where_a_call_names_none() {
    let probe = Probe::new();
    let running = Running::new(|server| register(server, probe.clone())).await;
    let client = running
        .client_with(|config| config.with_timeout(SHORT))
        .await;
    let outcome = soon("the call", client.call("never", vec![])).await;
    assert!(matches!(outcome, Err(RpcError::Timeout)), "{outcome:?}");
    probe.dropped(1).await;
}

#[tokio::test]
async fn the_deadline_travels_to_the_server() {
    let (_running, client, _probe) = scene().await;
    let given = Duration::from_secs(7);
    let reply = client
        .call_with("remaining", vec![], timeout(given))
        .await
        .unwrap();
    let remaining = micros(&reply);
    assert!(
        remaining <= given && remaining > Duration::ZERO,
        "{remaining:?}"
    );
}

#[tokio::test]
async fn a_nested_call_has_the_earlier_of_both_deadlines() {
    let (_inner, nested, _probe) = scene().await;
    let outer = Running::new(|server| async move {
        server
            .register("nested", move |own: Vec<u8>| {
                let options = match own.first() {
                    Some(seconds) => timeout(Duration::from_secs(u64::from(*seconds))),
                    None => CallOptions::new(),
                };
                nested.call_with("remaining", vec![], options)
            })
            .await;
    })
    .await;
    let client = outer.client().await;
    let cases: [(&[u8], u64); 3] = [(&[], 5), (&[100], 5), (&[2], 2)];
    for (own, least) in cases {
        let options = timeout(Duration::from_secs(5));
        let reply = client
            .call_with("nested", own.to_vec(), options)
            .await
            .unwrap();
        assert!(
            micros(&reply) <= Duration::from_secs(least),
            "{own:?}: {:?}",
            micros(&reply)
        );
    }
}

#[tokio::test]
async fn a_spawned_task_passes_the_deadline_on_within_the_calls_scope_only() {
    let (_inner, nested, _probe) = scene().await;
    let outer = Running::new(|server| async move {
        server
            .register_with_context("spawns", move |context: CallContext, scoped: Vec<u8>| {
                let nested = nested.clone();
                let task = async move {
                    // The future is made in the task that it is for.
                    let call = async move { nested.call("remaining", vec![]).await };
                    match scoped.as_slice() {
                        [1] => context.scope(call).await,
                        _ => call.await,
                    }
                };
                async move { tokio::spawn(task).await.unwrap() }
            })
            .await;
    })
    .await;
    let client = outer.client().await;
    let given = Duration::from_secs(5);
    let scoped = client
        .call_with("spawns", vec![1], timeout(given))
        .await
        .unwrap();
    assert!(micros(&scoped) <= given);
    let detached = client
        .call_with("spawns", vec![0], timeout(given))
        .await
        .unwrap();
    assert!(
        micros(&detached) > given,
        "a task of its own has the default"
    );
}

#[tokio::test]
async fn a_timeout_of_zero_fails_before_anything_is_sent() {
    let (running, _client, probe) = scene().await;
    let lazy = RpcClient::new(running.addr, running.certs.client()).unwrap();
    let zero = || timeout(Duration::ZERO);
    let unary = lazy.call_with("never", vec![], zero()).await;
    assert!(matches!(unary, Err(RpcError::Timeout)), "{unary:?}");
    let streaming = lazy
        .call_server_streaming_with("never", vec![], zero())
        .await;
    assert!(matches!(streaming, Err(RpcError::Timeout)), "{streaming:?}");
    let upload = lazy
        .call_client_streaming_with("never", stream::empty(), zero())
        .await;
    assert!(matches!(upload, Err(RpcError::Timeout)), "{upload:?}");
    assert_eq!(lazy.local_addr(), None, "not even a connection was made");
    assert_eq!(probe.seen().started, 0);
}

#[tokio::test]
async fn the_server_ends_a_call_whose_client_never_gives_up() {
    let (running, _client, probe) = scene().await;
    let mut patient = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
    let mut call = patient.open(&bare::header(1, "never", SHORT)).await;
    call.send(bare::message_and_end(b"")).await.unwrap();
    let (_, answer) = bare::read_response(&mut call).await;
    let Some(ResponseEvent::Failed(status, origin)) = answer else {
        panic!("expected a status, not {answer:?}");
    };
    assert_eq!(
        (status.code, origin),
        (Code::DeadlineExceeded, Origin::Server)
    );
    probe.dropped(1).await;
    eventually("the call ends", || running.server.running_calls() == 0).await;
}

#[tokio::test]
async fn a_deadline_passes_while_the_call_waits_for_a_place() {
    let probe = Probe::new();
    let running = Running::with(
        |config| config.with_max_calls(1, 10),
        |server| register(server, probe.clone()),
    )
    .await;
    let client = running.client().await;
    let first = client.call("never", vec![]);
    let others = async {
        probe.started(1).await;
        let unary = client.call_with("never", vec![], timeout(SHORT)).await;
        let streaming = client
            .call_streaming_with("three_and_never", stream::pending(), timeout(SHORT))
            .await
            .map(|_| ());
        (unary, streaming)
    };
    let (unary, streaming) = tokio::select! {
        _ = first => panic!("the first call holds the only place"),
        outcomes = soon("the others", others) => outcomes,
    };
    assert!(matches!(unary, Err(RpcError::Timeout)), "{unary:?}");
    assert!(matches!(streaming, Err(RpcError::Timeout)), "{streaming:?}");
    assert_eq!(probe.seen().started, 1);
}

#[tokio::test]
async fn a_deadline_passes_while_the_call_waits_for_a_connection() {
    let certs = crate::pair::Certs::new();
    // Bound, so that nobody else gets the port, and silent.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = certs
        .client()
        .with_connect_timeout(Duration::from_secs(600));
    let client = RpcClient::new(nobody.local_addr().unwrap(), config).unwrap();
    let unary = soon("unary", client.call_with("m", vec![], timeout(SHORT))).await;
    assert!(matches!(unary, Err(RpcError::Timeout)), "{unary:?}");
    let streaming = client.call_server_streaming_with("m", vec![], timeout(SHORT));
    let streaming = soon("streaming", streaming).await.map(|_| ());
    assert!(matches!(streaming, Err(RpcError::Timeout)), "{streaming:?}");
}

#[tokio::test]
async fn opening_a_stream_is_bounded_by_the_unary_timeout() {
    let certs = crate::pair::Certs::new();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = certs
        .client()
        .with_connect_timeout(Duration::from_secs(600))
        .with_timeout(SHORT);
    let client = RpcClient::new(nobody.local_addr().unwrap(), config).unwrap();
    let opened = soon("opening", client.call_streaming("m", stream::pending()))
        .await
        .map(|_| ());
    assert!(matches!(opened, Err(RpcError::Timeout)), "{opened:?}");
}

#[tokio::test]
async fn a_stream_past_its_deadline_ends_with_a_timeout_as_its_last_item() {
    let (running, client, probe) = scene().await;
    let responses = client
        .call_server_streaming_with("three_and_never", vec![], timeout(SHORT))
        .await
        .unwrap();
    let items: Vec<_> = soon("the stream", responses.collect()).await;
    assert_eq!(items.len(), 4);
    for (n, item) in items.iter().take(3).enumerate() {
        assert_eq!(item.as_deref().unwrap(), [n as u8]);
    }
    assert!(matches!(items[3], Err(RpcError::Timeout)), "{:?}", items[3]);
    probe.dropped(1).await;
    eventually("the call ends", || running.server.running_calls() == 0).await;
}

#[tokio::test]
async fn what_has_arrived_is_delivered_after_the_deadline_has_passed() {
    let (_running, client, probe) = scene().await;
    let responses = client
        .call_server_streaming_with("three_and_never", vec![], timeout(SHORT))
        .await
        .unwrap();
    // The server drops the handler at the deadline: from then on it is late here too.
    probe.dropped(1).await;
    let items: Vec<_> = soon("the stream", responses.collect()).await;
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 3);
    assert!(matches!(items[3], Err(RpcError::Timeout)), "{:?}", items[3]);
}

#[tokio::test]
async fn a_client_streaming_call_past_its_deadline_times_out() {
    let (running, client, probe) = scene().await;
    let call = client.call_client_streaming_with("silent", stream::pending(), timeout(SHORT));
    let outcome = soon("the call", call).await;
    assert!(matches!(outcome, Err(RpcError::Timeout)), "{outcome:?}");
    probe.dropped(1).await;
    eventually("the call ends", || running.server.running_calls() == 0).await;
}
