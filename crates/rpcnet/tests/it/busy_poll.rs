//! Whether a socket's task looks for answers before its thread sleeps or not, calls are answered
//! as they are, and those that wait hold up nobody.

use std::time::Duration;

use futures::future::join_all;
use rpcnet::{CallOptions, Limits, RpcClient, RpcConfig, RpcError};

use crate::pair::{Running, echo, soon};

/// More than it takes to find out that answers come soon.
const CALLS: u32 = 1_500;

fn looking(config: RpcConfig, time: Duration) -> RpcConfig {
    let mut limits = config.limits().clone();
    limits.busy_poll = time;
    config.with_limits(limits)
}

async fn call(client: &RpcClient, number: u32) {
    let payload = number.to_be_bytes().to_vec();
    let reply = client.call("echo", payload.clone()).await;
    assert_eq!(reply.unwrap(), payload);
}

async fn calls_are_answered(time: Duration) {
    let running = Running::with(
        |config| looking(config, time),
        |server| async move {
            echo(server.clone()).await;
            let wait = |_| async { std::future::pending::<Result<Vec<u8>, RpcError>>().await };
            server.register("wait", wait).await;
        },
    )
    .await;
    let configure = |config| looking(config, time).with_own_socket();
    let client = running.client_with(configure).await;
    // One call that is never answered ends at its own time, whatever goes on beside it.
    let options = CallOptions::new().with_timeout(Duration::from_millis(100));
    let late = client.call_with("wait", Vec::new(), options);
    let one_by_one = async {
        for number in 0..CALLS {
            call(&client, number).await;
        }
    };
    let (late, ()) = soon("all answers", async { tokio::join!(late, one_by_one) }).await;
    assert!(matches!(late, Err(RpcError::Timeout)), "{late:?}");
    for _ in 0..20 {
        let at_once = (0..64).map(|number| call(&client, number));
        soon("answers at once", join_all(at_once)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered_where_nobody_looks() {
    calls_are_answered(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered_where_everybody_looks() {
    calls_are_answered(Duration::from_millis(1)).await;
}

#[tokio::test]
async fn calls_are_answered_where_client_and_server_share_a_thread() {
    calls_are_answered(Duration::from_millis(1)).await;
}

#[test]
fn a_look_may_not_hold_a_thread_for_longer_than_a_millisecond() {
    let limits = |busy_poll| {
        let mut limits = Limits::default();
        limits.busy_poll = busy_poll;
        limits
    };
    let most = Duration::from_millis(1);
    limits(most).validate().unwrap();
    let refused = limits(most + Duration::from_nanos(1)).validate();
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("busy_poll") && error.contains("1 ms"),
        "{error}"
    );
}
