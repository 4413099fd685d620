//! A call that ends in the middle of a message never passes its last frames off as a
//! part of that message.

use std::time::Duration;

use futures::{StreamExt, stream};
use rpcnet::{HandlerRan, Limits, RpcError};

use crate::pair::Running;

/// Far beyond what the transport takes in one go.
const LONG: usize = 3 << 20;

async fn long_replies(server: rpcnet::RpcServer) {
    server
        .register("long", |_| async { Ok(vec![7; LONG]) })
        .await;
    server
        .register_streaming("long_stream", |_| async {
            stream::iter([Ok(vec![7; LONG]), Ok(vec![8; LONG])])
        })
        .await;
}

fn small_windows(config: rpcnet::RpcConfig) -> rpcnet::RpcConfig {
    let mut limits = Limits::default();
    limits.stream_window = 16 << 10;
    config.with_limits(limits)
}

#[tokio::test]
async fn a_shutdown_inside_a_message_is_an_error_and_no_message() {
    let running = Running::new(long_replies).await;
    let client = running.client_with(small_windows).await;
    let mut responses = client
        .call_server_streaming("long_stream", vec![])
        .await
        .unwrap();
    while running.server.running_calls() == 0 {
        tokio::task::yield_now().await;
    }
    // Nothing is read, so the first message is still on its way when the grace is over.
    let report = running.server.shutdown(Duration::from_millis(100)).await;
    assert_eq!(report.cut, 1);
    let error = responses.next().await.unwrap().unwrap_err();
    assert_eq!(error.handler_ran(), HandlerRan::Maybe, "{error}");
    assert!(responses.next().await.is_none());
}

#[tokio::test]
async fn a_deadline_inside_a_message_is_a_timeout_and_no_message() {
    let running = Running::new(long_replies).await;
    let client = running.client_with(small_windows).await;
    let options = rpcnet::CallOptions::new().with_timeout(Duration::from_millis(100));
    let mut responses = client
        .call_server_streaming_with("long_stream", vec![], options)
        .await
        .unwrap();
    while running.server.running_calls() > 0 {
        tokio::task::yield_now().await;
    }
    let mut items = 0;
    let error = loop {
        match responses.next().await.unwrap() {
            Ok(item) => {
                assert_eq!(item.len(), LONG);
                items += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RpcError::Timeout), "{error} after {items}");
}
