//! Which links there are.

use std::collections::HashMap;
use std::net::SocketAddr;

use rpcnet_proto::swim::NodeName;
use tokio::time::Instant;

/// Links kept of one member: one that each side has dialled.
pub(super) const LINKS_PER_MEMBER_MAX: usize = 2;

/// What the table has to know of a link.
pub(super) trait Tied {
    /// When the member was last heard on it.
    fn heard(&self) -> Instant;

    /// Where the member was dialled, if this side did.
    fn dialled(&self) -> Option<SocketAddr>;
}

/// Names a link for as long as it is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkId(u64);

/// The links, by the member at their other end.
#[derive(Debug)]
pub(super) struct Table<L> {
    /// Oldest first; no list is empty.
    members: HashMap<NodeName, Vec<(LinkId, L)>>,
    len: usize,
    max: usize,
    made: u64,
}

impl<L: Tied> Table<L> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            members: HashMap::new(),
            len: 0,
            max,
            made: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a link; returns those that have to give way to it: the member's oldest, or
    /// whichever was silent longest.
    pub(super) fn insert(&mut self, name: &NodeName, link: L) -> (LinkId, Vec<L>) {
        let mut gone = Vec::new();
        if self.members.get(name).map_or(0, Vec::len) >= LINKS_PER_MEMBER_MAX {
            let oldest = self.members.get(name).and_then(|links| links.first());
            let oldest = oldest.map(|(id, _)| *id);
            gone.extend(oldest.and_then(|id| self.remove(name, id)));
        }
        while self.len >= self.max {
            let Some((name, id)) = self.most_silent() else {
                break;
            };
            gone.extend(self.remove(&name, id));
        }
        self.made += 1;
        let id = LinkId(self.made);
        self.members
            .entry(name.clone())
            .or_default()
            .push((id, link));
        self.len += 1;
        (id, gone)
    }

    /// Takes a link out, if it still is in.
    pub(super) fn remove(&mut self, name: &NodeName, id: LinkId) -> Option<L> {
        let links = self.members.get_mut(name)?;
        let position = links.iter().position(|(other, _)| *other == id)?;
        let (_, link) = links.remove(position);
        if links.is_empty() {
            self.members.remove(name);
        }
        self.len -= 1;
        Some(link)
    }

    /// Takes all links out.
    pub(super) fn clear(&mut self) -> Vec<L> {
        self.len = 0;
        let members = std::mem::take(&mut self.members);
        let links = members.into_values().flatten();
        links.map(|(_, link)| link).collect()
    }

    /// The link on which the member was heard last; the newer one of equals.
    pub(super) fn best(&self, name: &NodeName) -> Option<&L> {
        self.of(name).max_by_key(|link| link.heard())
    }

    /// The member's links.
    pub(super) fn of(&self, name: &NodeName) -> impl Iterator<Item = &L> {
        let links = self.members.get(name).into_iter().flatten();
        links.map(|(_, link)| link)
    }

    /// The link that was dialled at this address on which somebody was heard last.
    pub(super) fn dialled(&self, address: SocketAddr) -> Option<&L> {
        let links = self.members.values().flatten().map(|(_, link)| link);
        links
            .filter(|link| link.dialled() == Some(address))
            .max_by_key(|link| link.heard())
    }

    fn most_silent(&self) -> Option<(NodeName, LinkId)> {
        let links = self.members.iter().flat_map(|(name, links)| {
            links
                .iter()
                .map(move |(id, link)| (link.heard(), id.0, name))
        });
        let (_, id, name) = links.min()?;
        Some((name.clone(), LinkId(id)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Debug)]
    struct Wire {
        label: u32,
        heard: Rc<Cell<Instant>>,
        dialled: Option<SocketAddr>,
    }

    impl Tied for Wire {
        fn heard(&self) -> Instant {
            self.heard.get()
        }

        fn dialled(&self) -> Option<SocketAddr> {
            self.dialled
        }
    }

    fn wire(label: u32, heard: Instant) -> Wire {
        Wire {
            label,
            heard: Rc::new(Cell::new(heard)),
            dialled: None,
        }
    }

    fn name(index: usize) -> NodeName {
        NodeName::new(&format!("node-{index}")).expect("the name is legal")
    }

    fn labels(wires: &[Wire]) -> Vec<u32> {
        wires.iter().map(|wire| wire.label).collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_third_link_of_a_member_replaces_its_oldest() {
        let start = Instant::now();
        let mut table = Table::new(10);
        for label in 1..=2 {
            assert_eq!(
                labels(&table.insert(&name(0), wire(label, start)).1),
                [0; 0]
            );
        }
        let (_, gone) = table.insert(&name(0), wire(3, start));
        assert_eq!((labels(&gone), table.len()), (vec![1], 2));
        assert_eq!(table.best(&name(0)).map(|wire| wire.label), Some(3));
    }

    #[test]
    fn the_link_that_was_heard_last_is_the_best_and_of_equals_the_newer() {
        let start = Instant::now();
        let mut table = Table::new(10);
        let old = wire(1, start);
        table.insert(&name(0), old.clone());
        table.insert(&name(0), wire(2, start));
        assert_eq!(table.best(&name(0)).map(|wire| wire.label), Some(2));
        old.heard.set(start + SECOND);
        assert_eq!(table.best(&name(0)).map(|wire| wire.label), Some(1));
        assert!(table.best(&name(1)).is_none());
    }

    #[test]
    fn the_most_silent_link_gives_way_where_there_is_no_room() {
        let start = Instant::now();
        let mut table = Table::new(4);
        for index in 0..4 {
            let silent = u32::try_from((index + 2) % 4).expect("it is small");
            let label = u32::try_from(index).expect("it is small");
            let (_, gone) = table.insert(&name(index), wire(label, start + silent * SECOND));
            assert!(gone.is_empty());
        }
        let (_, gone) = table.insert(&name(9), wire(9, start));
        assert_eq!((labels(&gone), table.len()), (vec![2], 4));
        assert!(table.best(&name(2)).is_none());
        assert_eq!(table.best(&name(9)).map(|wire| wire.label), Some(9));
    }

    #[test]
    fn a_link_that_was_removed_or_replaced_is_removed_once() {
        let start = Instant::now();
        let mut table = Table::new(4);
        let (id, _) = table.insert(&name(0), wire(1, start));
        assert!(table.remove(&name(1), id).is_none());
        assert_eq!(table.remove(&name(0), id).map(|wire| wire.label), Some(1));
        assert!(table.remove(&name(0), id).is_none());
        assert_eq!((table.len(), table.clear().len()), (0, 0));
    }

    #[test]
    fn a_dialled_address_is_found_again() {
        let start = Instant::now();
        let mut table = Table::new(4);
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let mut dialled = wire(1, start);
        dialled.dialled = Some(address);
        table.insert(&name(0), dialled);
        table.insert(&name(1), wire(2, start));
        assert_eq!(table.dialled(address).map(|wire| wire.label), Some(1));
        assert!(table.dialled(([127, 0, 0, 1], 8).into()).is_none());
    }
}
