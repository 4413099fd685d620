//! [`ClusterView`]: all members at one moment.

use std::sync::Arc;

use rpcnet_proto::swim::{NodeName, QuorumView};

use super::filter::TagFilter;
use super::member::Member;

/// All members as this node saw them at one moment, itself included, sorted by name.
///
/// Immutable: a reader keeps what it has while the cluster goes on, takes no lock and
/// copies nothing. Clones share their content.
#[derive(Clone, Debug)]
pub struct ClusterView {
    members: Arc<[Member]>,
    quorum: QuorumView,
    revision: u64,
}

impl ClusterView {
    pub(crate) fn new(mut members: Vec<Member>, quorum: QuorumView, revision: u64) -> Self {
        members.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        Self {
            members: members.into(),
            quorum,
            revision,
        }
    }

    /// Every member that is remembered, gone ones and this node included.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this name, whatever its state.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Member> {
        let found = self
            .members
            .binary_search_by(|member| member.name().as_str().cmp(name));
        found.ok().and_then(|at| self.members.get(at))
    }

    /// This node itself.
    #[must_use]
    pub fn local(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_self())
    }

    /// The members that may be called: alive or suspect, this node included.
    pub fn live(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_live())
    }

    /// The live members whose tags pass the filter.
    pub fn matching(&self, filter: &TagFilter) -> impl Iterator<Item = &Member> {
        self.live().filter(|member| filter.matches(member.tags()))
    }

    /// How much of the cluster is in reach, and how sure that is.
    #[must_use]
    pub fn quorum(&self) -> &QuorumView {
        &self.quorum
    }

    /// Grows with every change of any member, and of the quorum view.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a node of this name is alive or suspect.
    #[must_use]
    pub fn is_live(&self, name: &NodeName) -> bool {
        self.get(name.as_str()).is_some_and(Member::is_live)
    }
}
