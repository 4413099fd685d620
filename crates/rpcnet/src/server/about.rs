//! [`About`]: what is known about a method beside how to run it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::{CallKind, CodecId, Method};

use super::RpcServer;
use super::router::Route;
use crate::schema::Outline;

/// What a definition says about a method. Kept beside its route, and read by whoever describes
/// the server; calls do not touch it.
pub(crate) struct About {
    /// The service that the method belongs to.
    pub(crate) service: &'static str,
    pub(crate) service_doc: &'static str,
    pub(crate) kind: CallKind,
    pub(crate) doc: &'static str,
    /// The names of the arguments that make up the opening message.
    pub(crate) parameters: &'static [&'static str],
    /// The name of the argument that is the stream of requests.
    pub(crate) requests: Option<&'static str>,
    /// None where only bytes are known.
    pub(crate) typed: Option<&'static dyn Described>,
    /// What was answered to whoever asked for all of it, since that takes a while to find out.
    pub(crate) described: OnceLock<Result<Bytes, usize>>,
}

impl About {
    /// Of a method of which the definition says nothing yet.
    pub(crate) fn new(service: &'static str, kind: CallKind) -> Self {
        Self {
            service,
            service_doc: "",
            kind,
            doc: "",
            parameters: &[],
            requests: None,
            typed: None,
            described: OnceLock::new(),
        }
    }
}

/// What is known about a method that has types.
pub(crate) trait Described: Send + Sync {
    fn is_idempotent(&self) -> bool;

    fn timeout(&self) -> Option<Duration>;

    fn accepts(&self, codec: CodecId) -> bool;

    /// What its messages look like in JSON; learnt anew each time.
    fn outlines(&self) -> Outlines;
}

/// What the messages of a method look like.
#[derive(Debug, Default)]
pub(crate) struct Outlines {
    /// None where nothing is sent, or where the codec describes itself.
    pub(crate) arguments: Option<Outline>,
    pub(crate) items: Option<Outline>,
    pub(crate) reply: Option<Outline>,
    pub(crate) error: Option<Outline>,
}

/// A built-in method: how it is called, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Builtin {
    pub(crate) method: &'static str,
    pub(crate) kind: CallKind,
    pub(crate) doc: &'static str,
}

impl RpcServer {
    /// Says what built-in methods that were registered are, as a definition would.
    pub(crate) fn describe(
        &self,
        service: &'static str,
        service_doc: &'static str,
        methods: &[Builtin],
    ) {
        for builtin in methods {
            let about = About {
                service_doc,
                doc: builtin.doc,
                ..About::new(service, builtin.kind)
            };
            if let Ok(method) = Method::new(builtin.method) {
                self.shared.router.describe(&method, &Arc::new(about));
            }
        }
    }

    /// All methods that pass, in the order of their names.
    pub(crate) fn methods(
        &self,
        passes: impl Fn(&str, Option<&About>) -> bool,
    ) -> Vec<(Method, Arc<Route>)> {
        self.shared.router.list(passes)
    }

    /// Whether a service of this name was added.
    pub(crate) fn offers(&self, service: &str) -> bool {
        self.shared.router.offers(service)
    }
}
