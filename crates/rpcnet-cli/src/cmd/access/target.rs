//! [`Target`]: one address, and who is expected there.

use std::net::SocketAddr;

/// What an address was given as, which is what a hint speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of the nodes of a cluster, by `--seed`.
    Node,
    /// A server, by the argument `ADDR`.
    Server,
}

impl Place {
    /// The option or argument that says where.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Node => "--seed",
            Self::Server => "ADDR",
        }
    }

    /// What answers there.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Server => "server",
        }
    }
}

/// One address to ask, and the names that may be in the certificate there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    place: Place,
    address: SocketAddr,
    names: Vec<String>,
}

impl Target {
    pub(super) fn new(place: Place, address: SocketAddr, names: Vec<String>) -> Self {
        Self {
            place,
            address,
            names,
        }
    }

    /// A member: its certificate carries its name.
    pub(crate) fn member(address: SocketAddr, name: &str) -> Self {
        Self::new(Place::Node, address, vec![name.to_owned()])
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}
