//! [`RpcServer::enable_introspection`]: the methods that tell what there is to call.

use std::future::ready;

use bytes::Bytes;
use rpcnet_proto::{CallKind, Code, CodecId};
use serde::Deserialize;

use super::catalogue::{Catalogue, Detail};
use crate::builtin::Access;
use crate::codec;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::about::{About, Builtin};
use crate::server::{RpcServer, WeakServer};

impl RpcServer {
    /// Adds the methods `rpcnet.introspection/methods` and `rpcnet.introspection/describe`,
    /// which tell what can be called here: names, shapes, codecs, doc comments, and what the
    /// messages of typed methods look like.
    ///
    /// Nothing of it is done for calls of other methods: what a message looks like is learnt
    /// when somebody asks for it first.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(server: rpcnet::RpcServer) {
    /// use rpcnet::builtin::Access;
    ///
    /// server.enable_introspection(Access::verified()).await;
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn enable_introspection(&self, access: Access) {
        for (method, detail) in [(METHODS, Detail::Line), (DESCRIBE, Detail::Full)] {
            let (server, access) = (self.downgrade(), access.clone());
            self.register_bytes(method, move |context, payload| {
                ready(answer(&server, &access, &context, &payload, detail))
            })
            .await;
        }
        self.describe(SERVICE, SERVICE_DOC, &BUILTINS);
    }
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
struct Question {
    /// A method or a service; all of them where there is none.
    #[serde(default)]
    name: String,
    /// Only methods that come after this one.
    #[serde(default)]
    after: String,
}

fn answer(
    server: &WeakServer,
    access: &Access,
    context: &CallContext,
    payload: &[u8],
    detail: Detail,
) -> Result<Bytes, RpcError> {
    access.check(context)?;
    let question: Question = match payload.is_empty() {
        true => Question::default(),
        false => codec::decode(CodecId::JSON, payload).map_err(|_| {
            let message = "expected nothing, or JSON such as {\"name\": \"Service\"}";
            RpcError::status(Code::InvalidArgument, message)
        })?,
    };
    let Question { name, after } = question;
    let is_asked_for = |method: &str, about: Option<&About>| {
        let is_in = |about: &About| about.service == name;
        name.is_empty() || method == name || about.is_some_and(is_in)
    };
    let server = server
        .upgrade()
        .ok_or_else(|| RpcError::status(Code::Unavailable, "the server is gone"))?;
    let methods = server.methods(is_asked_for);
    if methods.is_empty() {
        let message = "this server has no method and no service of that name";
        return Err(RpcError::status(Code::NotFound, message));
    }
    let mut catalogue = Catalogue::new(detail);
    let rest = methods
        .iter()
        .filter(|(method, _)| after.is_empty() || method.as_str() > after.as_str());
    for (method, route) in rest {
        if !catalogue.add(method, route)? {
            break;
        }
    }
    catalogue.finish()
}

const SERVICE: &str = "rpcnet.introspection";
const SERVICE_DOC: &str = "What can be called on this server.";
const METHODS: &str = "rpcnet.introspection/methods";
const DESCRIBE: &str = "rpcnet.introspection/describe";

const BUILTINS: [Builtin; 2] = [
    Builtin {
        method: METHODS,
        kind: CallKind::Unary,
        doc: "The methods, in the order of their names. Takes nothing, or {\"name\": \"Service\", \
              \"after\": \"Service.method\"}: those of a service, and after a method.",
    },
    Builtin {
        method: DESCRIBE,
        kind: CallKind::Unary,
        doc: "As methods, with what the messages look like in JSON.",
    },
];
