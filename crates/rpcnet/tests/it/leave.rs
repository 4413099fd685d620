//! How a client leaves a server that drains.

use std::time::Duration;

use crate::pair::{Running, echo};

/// The server gives its peers a second to leave, and closes their connections then.
const LINGER: Duration = Duration::from_secs(1);

#[tokio::test]
async fn regression_an_idle_client_leaves_a_draining_server_of_its_own_accord() {
    // The client kept hold of its retired connection, so that every graceful shutdown took
    // a second longer than its calls. Any one of several shows that it need not.
    let mut took = Vec::new();
    for _ in 0..5 {
        let running = Running::new(echo).await;
        let client = running.client().await;
        client.call("echo", vec![]).await.unwrap();
        let report = running.server.shutdown(Duration::from_secs(10)).await;
        took.push(report.took);
        if report.took < LINGER {
            return;
        }
    }
    panic!("the client did not leave by itself: {took:?}");
}
