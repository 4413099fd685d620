//! [`RpcServer::enable_admin`]: the methods, and what they share.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bytes::Bytes;
use rpcnet_proto::{Code, CodecId};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::access::AdminAccess;
use super::act::Action;
use super::{about, snapshot, watch};
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::{RpcServer, WeakServer};
use crate::{clock, codec};

/// One server's admin service.
#[derive(Debug)]
pub(super) struct Admin {
    /// The server holds this.
    server: WeakServer,
    access: AdminAccess,
    enabled: Instant,
    pub(super) watchers: Arc<Semaphore>,
    pub(super) is_leaving: AtomicBool,
}

impl RpcServer {
    /// Adds the methods of `rpcnet.admin`, by which operators see what this server is doing, and
    /// those whom [`AdminAccess::with_acting`] names have its node act.
    ///
    /// | method | takes | does |
    /// |---|---|---|
    /// | `snapshot` | nothing | tells of connections, calls that run, limits, metrics, members, workers, and the latest calls and handshakes that failed |
    /// | `watch` | `{"interval_ms": 1000}` | streams a snapshot each interval of 200 to 60,000 ms |
    /// | `set-tag` | `{"key": "zone", "value": "a"}` | sets a tag of the node |
    /// | `remove-tag` | `{"key": "zone"}` | removes it |
    /// | `drain` | `{"draining": true}` | says to all members that the node wants no more work, or that it does |
    /// | `leave` | nothing | says that it drains, and leaves the cluster; the server goes on |
    ///
    /// All answer in JSON. Of connections and calls up to 256 are shown, of members and workers
    /// up to 1,024, of failed calls the latest 128 and of failed handshakes the latest 32; how
    /// many are left out is said. Up to 32 callers may watch at once. From now on the server keeps calls that fail;
    /// those that succeed cost nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(server: rpcnet::RpcServer) {
    /// use rpcnet::builtin::Access;
    ///
    /// server.enable_admin(Access::names(["alice"])).await;
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn enable_admin(&self, access: impl Into<AdminAccess>) {
        self.keep_failures();
        let admin = Arc::new(Admin {
            server: self.downgrade(),
            access: access.into(),
            enabled: clock::now(),
            watchers: Arc::new(Semaphore::new(watch::WATCHERS_MAX)),
            is_leaving: AtomicBool::new(false),
        });
        let looked = admin.clone();
        self.register_bytes(SNAPSHOT, move |context, _| {
            let allowed = looked.check_looking(&context);
            ready(allowed.and_then(|()| looked.snapshot()))
        })
        .await;
        let watched = admin.clone();
        self.register_streaming_bytes(WATCH, move |context, requests| {
            watch::follow(watched.clone(), context, requests)
        })
        .await;
        for (method, action) in ACTIONS {
            let admin = admin.clone();
            self.register_bytes(method, move |context, payload| {
                action.run(admin.clone(), context, payload)
            })
            .await;
        }
        self.describe(SERVICE, SERVICE_DOC, &about::METHODS);
    }
}

impl Admin {
    pub(super) fn check_looking(&self, context: &CallContext) -> Result<(), RpcError> {
        self.access.looking.check(context)
    }

    pub(super) fn check_acting(&self, context: &CallContext) -> Result<(), RpcError> {
        self.access.acting.check(context)
    }

    pub(super) fn server(&self) -> Result<RpcServer, RpcError> {
        let gone = || RpcError::status(Code::Unavailable, "this server is gone");
        self.server.upgrade().ok_or_else(gone)
    }

    pub(super) fn snapshot(&self) -> Result<Bytes, RpcError> {
        snapshot::take(&self.server()?, self.enabled)
    }
}

/// What a caller asks for; `example` says what it may look like. An empty payload stands for
/// an object without fields.
pub(super) fn asked<T: DeserializeOwned>(payload: &[u8], example: &str) -> Result<T, RpcError> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    codec::decode(CodecId::JSON, payload).map_err(|_| {
        RpcError::status(
            Code::InvalidArgument,
            format!("expected JSON such as {example}"),
        )
    })
}

const SERVICE: &str = "rpcnet.admin";
const SERVICE_DOC: &str = "What the server is doing, and how to have its node act.";
pub(super) const SNAPSHOT: &str = "rpcnet.admin/snapshot";
pub(super) const WATCH: &str = "rpcnet.admin/watch";

const ACTIONS: [(&str, Action); 4] = [
    ("rpcnet.admin/set-tag", Action::SetTag),
    ("rpcnet.admin/remove-tag", Action::RemoveTag),
    ("rpcnet.admin/drain", Action::Drain),
    ("rpcnet.admin/leave", Action::Leave),
];
