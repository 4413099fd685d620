//! A message on its way out.

use super::{Address, Message, NodeName};

/// A message for the driver to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests")]
pub struct Transmit {
    /// Whom to.
    pub to: Destination,
    /// What.
    pub message: Message,
    /// Whether it needs a stream; otherwise a datagram will do, and the message is
    /// at most `Limits::datagram_bytes` long.
    pub reliable: bool,
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "drivers must handle every one")]
pub enum Destination {
    /// A member; whoever answers at the address must prove to be it.
    Member {
        /// Its name.
        name: NodeName,
        /// Where it is reached.
        address: Address,
    },
    /// Whoever sent the message that was handled last, on the connection on which
    /// it came: the answer goes where the question came from.
    Sender(NodeName),
    /// Whoever answers at this address.
    Seed(Address),
}

impl Destination {
    /// The name, where it is known.
    #[must_use]
    pub const fn name(&self) -> Option<&NodeName> {
        match self {
            Self::Member { name, .. } | Self::Sender(name) => Some(name),
            Self::Seed(_) => None,
        }
    }

    /// The address, where it is known.
    #[must_use]
    pub const fn address(&self) -> Option<Address> {
        match self {
            Self::Member { address, .. } | Self::Seed(address) => Some(*address),
            Self::Sender(_) => None,
        }
    }
}
