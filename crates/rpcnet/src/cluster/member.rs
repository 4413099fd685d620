//! [`Member`]: another node, as this one sees it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcnet_proto::swim::{MemberState, NodeName, Tags, Version};

/// A node as this one saw it at one moment; it does not change when the cluster does.
///
/// Clones are cheap and share their content.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    name: NodeName,
    address: SocketAddr,
    state: MemberState,
    tags: Tags,
    version: Version,
    is_self: bool,
}

impl Member {
    pub(crate) fn new(member: &rpcnet_proto::swim::Member<'_>, is_self: bool) -> Self {
        Self(Arc::new(Inner {
            name: member.name().clone(),
            address: member.address(),
            state: member.state(),
            tags: member.tags().clone(),
            version: member.version(),
            is_self,
        }))
    }

    /// Its name: unique in the cluster, and one of the names of its certificate.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.0.name
    }

    /// Where it serves: the newest address at which it has proven its certificate.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// What it is: alive, suspect, failed or left.
    #[must_use]
    pub fn state(&self) -> MemberState {
        self.0.state
    }

    /// What it says that it offers.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.0.tags
    }

    /// The value of one tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.0.tags.get(key)
    }

    /// Its tag `label`, which is there for people to read.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.tag("label")
    }

    /// Whether it wants no more work: it has the tag [`DRAINING_TAG`]. It still answers
    /// what it is asked.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.tag(DRAINING_TAG).is_some()
    }

    /// Which start of the node this is; greater for a later one.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.version.epoch
    }

    /// Which statement of the node since it started; it grows with every change and
    /// with every doubt that it answers.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.0.version.incarnation
    }

    /// Whether it is this node itself.
    #[must_use]
    pub fn is_self(&self) -> bool {
        self.0.is_self
    }

    /// Whether it may be called: alive or suspect.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.state.is_live()
    }
}

/// Name, state and address.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{} ({}, {})", inner.name, inner.state, inner.address)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Member")
            .field("name", &inner.name)
            .field("address", &inner.address)
            .field("state", &inner.state)
            .field("tags", &inner.tags)
            .field("version", &inner.version)
            .finish_non_exhaustive()
    }
}

/// The tag of a member that wants no more work, whatever its value: it is about to shut
/// down, or its application has said so.
pub const DRAINING_TAG: &str = "draining";
