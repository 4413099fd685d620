//! Raw peers against one another, over real UDP.

use super::*;
use std::time::Duration;

mod attacks;
mod certificates;
mod connections;
mod impaired;
mod scripts;

use certificates::Authority;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test watches that something does not happen. A slow machine cannot make such a test
/// fail, only a broken peer can.
const WATCH: Duration = Duration::from_millis(100);

/// More than any test sends.
const ANY_LEN: usize = usize::MAX;

/// A server with this script and a client connected to it.
async fn pair(script: Vec<ServerStep>) -> (RawServer, RawClient) {
    let authority = Authority::new();
    let server = RawServer::bind(&authority.server(), script).expect("the server starts");
    let client = RawClient::connect(server.addr(), &authority.anonymous()).await;
    (server, client.expect("the client connects"))
}

/// What the client receives on one stream after sending `request` and its end.
async fn call(client: &RawClient, request: &[u8], within: Duration) -> Received {
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream.sender.write(request).await.expect("there is room");
    // A server that has refused the request already makes this fail, which is its right.
    let _ = stream.sender.finish();
    stream.receiver.read(ANY_LEN, within).await
}
