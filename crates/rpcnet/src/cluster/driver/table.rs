//! The members as they were shown last, and what has changed since.

use std::collections::BTreeMap;

use rpcnet_proto::swim::{self, NodeName, QuorumView, Swim};

use crate::cluster::member::Member;
use crate::cluster::view::ClusterView;

/// Every member as it was looked at last. What the state machine changes without an event
/// is found by looking at those that a message was about.
#[derive(Debug)]
pub(super) struct Table {
    me: NodeName,
    known: BTreeMap<NodeName, Member>,
    quorum: QuorumView,
    revision: u64,
    is_changed: bool,
}

/// A member before and after it was looked at.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) before: Option<Member>,
    pub(super) now: Option<Member>,
}

impl Table {
    pub(super) fn new(swim: &Swim) -> Self {
        let mut table = Self {
            me: swim.name().clone(),
            known: BTreeMap::new(),
            quorum: swim.quorum(),
            revision: 0,
            is_changed: false,
        };
        table.refresh_all(swim);
        table
    }

    /// The view of what was seen last.
    pub(super) fn view(&self) -> ClusterView {
        let members = self.known.values().cloned().collect();
        ClusterView::new(members, self.quorum, self.revision)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.known.values()
    }

    /// Looks at one member.
    pub(super) fn refresh(&mut self, swim: &Swim, name: &NodeName) -> Seen {
        let before = self.known.get(name).cloned();
        let now = swim.member(name);
        let now = match (now, &before) {
            (Some(seen), Some(before)) if is_same(before, &seen) => before.clone(),
            (Some(seen), _) => {
                let member = Member::new(&seen, *name == self.me);
                self.known.insert(name.clone(), member.clone());
                self.is_changed = true;
                member
            }
            (None, _) => {
                self.is_changed |= self.known.remove(name).is_some();
                return Seen { before, now: None };
            }
        };
        let now = Some(now);
        Seen { before, now }
    }

    /// Looks at everybody, where some were forgotten.
    fn refresh_all(&mut self, swim: &Swim) {
        self.known.retain(|name, _| swim.member(name).is_some());
        self.is_changed = true;
        for seen in swim.members() {
            let is_known = self.known.get(seen.name());
            if !is_known.is_some_and(|known| is_same(known, &seen)) {
                let member = Member::new(&seen, *seen.name() == self.me);
                self.known.insert(seen.name().clone(), member);
            }
        }
    }

    /// The view, where it is another than the last one.
    pub(super) fn next_view(&mut self, swim: &Swim) -> Option<ClusterView> {
        if self.known.len() != swim.known_count() {
            self.refresh_all(swim);
        }
        let quorum = swim.quorum();
        if !self.is_changed && quorum == self.quorum {
            return None;
        }
        self.is_changed = false;
        self.quorum = quorum;
        self.revision += 1;
        Some(self.view())
    }
}

fn is_same(known: &Member, seen: &swim::Member<'_>) -> bool {
    let version = seen.version();
    known.state() == seen.state()
        && known.address() == seen.address()
        && (known.epoch(), known.incarnation()) == (version.epoch, version.incarnation)
        && known.tags() == seen.tags()
}
