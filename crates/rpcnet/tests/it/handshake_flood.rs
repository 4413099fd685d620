//! What a server does when more handshakes begin than it wants to keep state for.

use rpcnet::Limits;

use crate::pair::{Running, echo};

#[tokio::test]
async fn beyond_the_limit_of_handshakes_clients_prove_their_address_first() {
    let mut limits = Limits::default();
    limits.handshakes_before_retry = 0;
    let running = Running::with(|config| config.with_limits(limits), echo).await;
    let client = running.client().await;
    assert_eq!(client.call("echo", b"a".to_vec()).await.unwrap(), b"a");
    assert!(running.server.counters().handshakes_retried >= 1);
}

#[tokio::test]
async fn below_the_limit_no_client_pays_for_a_retry() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    assert_eq!(client.call("echo", b"a".to_vec()).await.unwrap(), b"a");
    assert_eq!(running.server.counters().handshakes_retried, 0);
    assert_eq!(running.server.counters().connections, 1);
}
