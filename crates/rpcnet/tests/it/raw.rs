//! Raw peers against this crate's server and client.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpcnet::{CallKind, RpcClient, RpcConfig};
use rpcnet_proto::wire::{RequestEvent, RequestReader, Settings};
use rpcnet_testkit::scripted::{RawCall, RawClient, RawPeer, RawServer, Received, Windows, frames};
use tokio::task::JoinHandle;

use crate::pair::{Certs, Running, soon};

/// A raw client's connection to a server, and the socket under it.
pub(crate) struct Raw {
    pub(crate) peer: RawPeer,
    _client: RawClient,
}

impl Raw {
    /// Connects and sends default settings.
    pub(crate) async fn new(running: &Running) -> Self {
        Self::with(running, Windows::default()).await
    }

    /// As [`new`](Self::new), granting the server these windows.
    pub(crate) async fn with(running: &Running, windows: Windows) -> Self {
        let mut raw = Self::silent(running, windows).await;
        raw.peer.send_settings(&Settings::default()).await.unwrap();
        raw
    }

    /// Connects and sends nothing.
    pub(crate) async fn silent(running: &Running, windows: Windows) -> Self {
        let client = RawClient::new(&running.certs.path("ca.pem"), windows).unwrap();
        let peer = soon("a handshake", client.connect(running.addr))
            .await
            .unwrap();
        Self {
            peer,
            _client: client,
        }
    }

    /// Sends a whole request and reads what comes back to its end.
    pub(crate) async fn call(&self, request: Bytes) -> Received {
        let mut call = self.peer.open().await.unwrap();
        call.send_all(request).await;
        soon("an answer to a raw call", call.read()).await
    }

    /// Sends bytes and leaves the request open.
    pub(crate) async fn begin(&self, bytes: Bytes) -> RawCall {
        let mut call = self.peer.open().await.unwrap();
        call.send(bytes).await.unwrap();
        call
    }

    /// Fails unless the server still answers on this connection.
    pub(crate) async fn assert_alive(&self, id: u64) {
        let received = self.call(frames::unary(id, "echo", b"alive")).await;
        assert_eq!(received.message().as_deref(), Some(&b"alive"[..]));
    }
}

/// A server that does on each connection what its script says.
pub(crate) struct Scripted {
    pub(crate) certs: Certs,
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Runs the script, given the number of the connection from 0, for each of them.
    pub(crate) fn new<F, Fut>(windows: Windows, script: F) -> Self
    where
        F: Fn(usize, RawPeer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let certs = Certs::new();
        let files = (certs.path("server.pem"), certs.path("server-key.pem"));
        let mut server = RawServer::new(&files.0, &files.1, windows).unwrap();
        let addr = server.address();
        let connections = Arc::<AtomicUsize>::default();
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            let mut scripts = tokio::task::JoinSet::new();
            while let Some(peer) = server.accept().await {
                scripts.spawn(script(counter.fetch_add(1, Ordering::Relaxed), peer));
            }
        });
        Self {
            certs,
            addr,
            connections,
            task,
        }
    }

    /// A server that is well behaved but for what `script` does with its calls, given the
    /// number of the call on its connection from 0.
    pub(crate) fn calls<F, Fut>(script: F) -> Self
    where
        F: Fn(usize, RawCall) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::new(Windows::default(), move |_, peer| {
            serve(peer, script.clone())
        })
    }

    /// Makes a client that has not connected yet.
    pub(crate) fn client(&self, configure: impl FnOnce(RpcConfig) -> RpcConfig) -> RpcClient {
        // Nothing here is lost, so that a second attempt beside a slow first one would only
        // spoil the count of connections.
        let once = Duration::from_secs(10);
        let config = self.certs.client().with_reconnect_backoff(once, once);
        RpcClient::new(self.addr, configure(config)).unwrap()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends settings, then runs the script for every call.
pub(crate) async fn serve<F, Fut>(mut peer: RawPeer, script: F)
where
    F: Fn(usize, RawCall) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let settings = Settings {
        concurrent_calls_max: 1000,
        ..Settings::default()
    };
    // A client that is gone already is not this script's concern.
    let _ = peer.send_settings(&settings).await;
    serve_calls(peer, script).await;
}

/// Runs the script for every call of a connection whose settings are dealt with.
pub(crate) async fn serve_calls<F, Fut>(mut peer: RawPeer, script: F)
where
    F: Fn(usize, RawCall) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut calls = tokio::task::JoinSet::new();
    let mut count = 0;
    while let Ok(Some(call)) = peer.accept().await {
        calls.spawn(script(count, call));
        count += 1;
    }
}

/// Answers a call with what its only message was.
pub(crate) async fn echo_call(mut call: RawCall) {
    let received = call.read().await;
    let mut reader = RequestReader::new(Default::default());
    reader.push(received.bytes.slice(1..));
    let mut kind = CallKind::Unary;
    let mut messages = Vec::new();
    while let Ok(Some(event)) = reader.next_event() {
        match event {
            RequestEvent::Header(header) => kind = header.kind,
            RequestEvent::Message(message) => messages.push(message),
            RequestEvent::End => {}
        }
    }
    assert_eq!(kind, CallKind::Unary, "only unary calls are echoed");
    let messages: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    call.send_all(frames::response(&messages)).await;
}
