//! [`Service`]: the methods of one typed service, bound to what handles them.

use std::fmt;

use rpcnet_proto::Method;

use super::router::Route;

/// A typed service with its handler: made by the generated server, and given to
/// [`RpcServer::add_service`](super::RpcServer::add_service) or
/// [`InProcess`](crate::InProcess).
pub struct Service {
    name: &'static str,
    routes: Vec<(Method, Route)>,
}

impl Service {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            routes: Vec::new(),
        }
    }

    /// Adds a method. The generator has checked the name.
    pub(crate) fn push(&mut self, method: &'static str, route: Route) {
        match Method::new(method) {
            Ok(method) => self.routes.push((method, route)),
            Err(error) => {
                tracing::error!(method = %method.escape_debug(), %error, "method not registered");
            }
        }
    }

    /// The method that was added last.
    pub(crate) fn last(&mut self) -> Option<&mut Route> {
        self.routes.last_mut().map(|(_, route)| route)
    }

    pub(crate) fn into_routes(self) -> Vec<(Method, Route)> {
        self.routes
    }

    /// The name of the service, as its definition has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The names of its methods on the wire, in the order of the definition.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|(method, _)| method.as_str())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("methods", &self.methods().collect::<Vec<_>>())
            .finish()
    }
}
