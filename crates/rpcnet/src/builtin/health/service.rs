//! [`Health`]: the handle by which an application says how it is, and the methods that tell.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use rpcnet_proto::{CallKind, Code, CodecId};
use serde::{Deserialize, Serialize};

use super::board::Board;
use super::status::HealthStatus;
use super::watch;
use crate::builtin::Access;
use crate::codec;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::RpcServer;
use crate::server::about::Builtin;

/// Says how a server and its services are; made by [`RpcServer::enable_health`].
///
/// Clones are cheap and say the same. Dropping them changes nothing: what was said last stands.
///
/// # Examples
///
/// ```
/// # async fn example(server: rpcnet::RpcServer) -> Result<(), rpcnet::RpcError> {
/// use rpcnet::builtin::{Access, HealthStatus};
///
/// let health = server.enable_health(Access::anyone()).await;
/// health.set("Billing", HealthStatus::NotServing)?;
/// // Once its database is there:
/// health.set("Billing", HealthStatus::Serving)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Health(Arc<Board>);

impl RpcServer {
    /// Adds the methods `rpcnet.health/check` and `rpcnet.health/watch`, by which probes ask
    /// how this server is, and returns the handle to say so.
    ///
    /// The server is [`Serving`](HealthStatus::Serving) until something else is said, and so is
    /// each service that was [added](Self::add_service). All of them are
    /// [`Draining`](HealthStatus::Draining) once the server is told to
    /// [shut down](Self::shutdown), and while its node
    /// [drains](crate::cluster::ClusterMembership::set_draining).
    ///
    /// A server that refuses calls refuses probes too, as `Unavailable`; that is the same
    /// answer. Those who watch are told `DRAINING` last, and their streams end.
    ///
    /// A second call replaces the methods, and the handle of the first one has no effect.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn enable_health(&self, access: Access) -> Health {
        let board = Arc::new(Board::new(self.downgrade()));
        let (asked, may_ask) = (board.clone(), access.clone());
        self.register_bytes(CHECK, move |context, payload| {
            ready(check(&asked, &may_ask, &context, &payload))
        })
        .await;
        let watched = board.clone();
        self.register_streaming_bytes(WATCH, move |context, requests| {
            let (board, access) = (watched.clone(), access.clone());
            async move { watch::follow(board, &access, &context, requests).await }
        })
        .await;
        self.describe(SERVICE, SERVICE_DOC, &METHODS);
        Health(board)
    }
}

impl Health {
    /// Says how a service is. An empty name stands for the server as a whole, whose status is
    /// its own: it does not follow from those of the services, nor they from it.
    ///
    /// The service need not be one that was added to the server.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] where the name has more than 128 bytes, or is not among the
    /// first 1,024.
    pub fn set(&self, service: &str, status: HealthStatus) -> Result<(), RpcError> {
        self.0.set(service, status)
    }

    /// What probes are told of a service, or, without a name, of the server; `None` where it
    /// was neither added nor named before.
    #[must_use]
    pub fn status(&self, service: &str) -> Option<HealthStatus> {
        self.0.status(service)
    }
}

fn check(
    board: &Board,
    access: &Access,
    context: &CallContext,
    payload: &[u8],
) -> Result<Bytes, RpcError> {
    access.check(context)?;
    let question = Question::read(payload)?;
    let status = board.status(&question.service).ok_or_else(unknown)?;
    answer(status)
}

/// What is asked: how this service is, or the server.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Question {
    #[serde(default)]
    pub(super) service: String,
}

impl Question {
    pub(super) fn read(payload: &[u8]) -> Result<Self, RpcError> {
        if payload.is_empty() {
            return Ok(Self::default());
        }
        codec::decode(CodecId::JSON, payload).map_err(|_| {
            RpcError::status(
                Code::InvalidArgument,
                "expected nothing, or JSON such as {\"service\": \"Name\"}",
            )
        })
    }
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
}

pub(super) fn answer(status: HealthStatus) -> Result<Bytes, RpcError> {
    let status = status.name();
    codec::encode(CodecId::JSON, &Answer { status })
}

pub(super) fn unknown() -> RpcError {
    RpcError::status(Code::NotFound, "this server has no service of that name")
}

const SERVICE: &str = "rpcnet.health";
const SERVICE_DOC: &str = "Whether the server, and each of its services, is ready to be called.";
const CHECK: &str = "rpcnet.health/check";
const WATCH: &str = "rpcnet.health/watch";

const METHODS: [Builtin; 2] = [
    Builtin {
        method: CHECK,
        kind: CallKind::Unary,
        doc: "The status now. Takes {\"service\": \"Name\"}, or nothing for the whole server.",
    },
    Builtin {
        method: WATCH,
        kind: CallKind::ServerStreaming,
        doc: "The status now and after every change. Takes what check takes.",
    },
];
