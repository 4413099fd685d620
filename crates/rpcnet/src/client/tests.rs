//! What a client learns of its server's load.

use std::future::{Future, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::CallKind;
use rpcnet_proto::wire::Load;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::request::Request;
use super::unary::{Attempted, attempt};
use super::{ResponseStream, RpcClient};
use crate::call_options::CallOptions;
use crate::certs::dev_certificates;
use crate::config::RpcConfig;
use crate::error::{HandlerRan, RpcError};
use crate::server::RpcServer;

/// What no wait of a test may exceed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it takes too long")
}

/// A server that says it is half full, and a client of it.
struct Pair {
    client: RpcClient,
    _server: JoinHandle<Result<(), RpcError>>,
    _certs: TempDir,
}

impl Pair {
    async fn new() -> Self {
        let certs = tempfile::tempdir().expect("there is room");
        let files = dev_certificates(certs.path()).expect("certificates are made");
        let config =
            RpcConfig::new(files.server(), "127.0.0.1:0").with_key_path(files.server_key());
        let mut server = RpcServer::new(config);
        server
            .register("echo", |payload| async move { Ok(payload) })
            .await;
        server
            .register_streaming("three", |_requests| async {
                futures::stream::iter((0..3).map(|n| Ok(vec![n])))
            })
            .await;
        server.set_utilization(Some(0.5));
        let quic_server = server.bind().expect("the port is free");
        let address = server.socket_addr.expect("it is bound");
        let serving = tokio::spawn(async move { server.start(quic_server).await });
        let config = RpcConfig::new(files.ca(), "127.0.0.1:0");
        let client = in_time(RpcClient::connect(address, config)).await;
        Self {
            client: client.expect("the server answers"),
            _server: serving,
            _certs: certs,
        }
    }

    async fn attempt(&self, method: &str, options: CallOptions) -> Attempted {
        let shared = &*self.client.shared;
        let request = Request::new(method, CallKind::Unary, options, &shared.link.config);
        let request = request.expect("the name is legal");
        in_time(attempt(shared, &request, &Bytes::from_static(b"x"))).await
    }

    async fn three(&self, options: CallOptions) -> ResponseStream {
        let opening = self
            .client
            .call_server_streaming_with("three", vec![], options);
        in_time(opening).await.expect("the method is there")
    }
}

fn asking() -> CallOptions {
    CallOptions {
        load_report: true,
        ..CallOptions::new()
    }
}

const HALF: Option<Load> = Some(Load {
    utilization: 500,
    running: 0,
});

#[tokio::test]
async fn an_attempt_has_the_load_beside_its_reply_where_it_asked() {
    let pair = Pair::new().await;
    let asked = pair.attempt("echo", asking()).await;
    assert_eq!(asked.result.expect("the method is there"), "x");
    assert_eq!(asked.load, HALF);
    let unasked = pair.attempt("echo", CallOptions::new()).await;
    assert!(unasked.result.is_ok());
    assert_eq!(unasked.load, None);
}

#[tokio::test]
async fn an_attempt_that_was_refused_has_the_load_too() {
    let pair = Pair::new().await;
    let refused = pair.attempt("no_such_method", asking()).await;
    let error = refused.result.expect_err("there is no such method");
    assert_eq!(error.handler_ran(), HandlerRan::No, "{error:?}");
    assert_eq!(refused.load, HALF);
}

#[tokio::test]
async fn a_stream_has_the_load_once_it_has_ended() {
    let pair = Pair::new().await;
    for (options, expected) in [(asking(), HALF), (CallOptions::new(), None)] {
        let mut responses = pair.three(options).await;
        let mut items = 0;
        while let Some(item) = in_time(poll_fn(|cx| responses.poll_bytes(cx))).await {
            assert_eq!(item.expect("the handler does not fail"), vec![items]);
            items += 1;
        }
        assert_eq!((items, responses.load()), (3, expected));
    }
}
