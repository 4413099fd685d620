//! The table of members: dense rows, found by name, ordered for probing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::grow;
use super::index::Index;
use super::message::Buckets;
use super::order::{Order, Region};
use super::{Address, Member, MemberState, NodeName, Record};

/// A row of the table. Rows are reused once their member is forgotten.
pub(super) type Id = u32;

/// This node's own row.
pub(super) const ME: Id = 0;

/// Every member that this node knows, itself in row [`ME`].
///
/// Per row, for up to 65,534 of them: a shared record (8 bytes), a state (1), a
/// place in the order (4), a slot in the index (4 to 5). Nothing here walks the
/// rows but [`Self::rows`].
#[derive(Debug)]
pub(super) struct Members {
    records: Vec<Option<Arc<Record>>>,
    states: Vec<MemberState>,
    order: Order,
    index: Index,
    /// Addresses in use where they are not those of the records (M-10).
    addresses: BTreeMap<Id, Address>,
    digests: Box<[u64; Buckets::COUNT_MAX]>,
    quorum_tag: Option<String>,
    voters: Voters,
    rows_max: usize,
}

/// How many voters are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Voters {
    pub(super) alive: usize,
    pub(super) suspects: usize,
    pub(super) failed: usize,
}

impl Members {
    pub(super) fn new(me: Arc<Record>, rows_max: usize, quorum_tag: Option<String>) -> Self {
        let mut members = Self {
            records: Vec::new(),
            states: Vec::new(),
            order: Order::default(),
            index: Index::default(),
            addresses: BTreeMap::new(),
            digests: Box::new([0; Buckets::COUNT_MAX]),
            quorum_tag,
            voters: Voters::default(),
            rows_max: rows_max.min(Index::ROWS_MAX),
        };
        let hash = me.name().hash64();
        members.records.push(Some(me));
        members.states.push(MemberState::Alive);
        members.index.insert(hash, ME, |_| hash);
        members.account(ME, true);
        members
    }

    pub(super) fn find(&self, name: &NodeName) -> Option<Id> {
        self.index.find(name.hash64(), |id| {
            self.record(id).is_some_and(|record| record.name() == name)
        })
    }

    /// The members that are known, this node included.
    pub(super) fn len(&self) -> usize {
        self.records.len() - self.order.len(Region::Free)
    }

    /// Adds an alive member that is not there yet, or `None` where the table is full.
    pub(super) fn insert(&mut self, record: Arc<Record>) -> Option<Id> {
        let free = self.order.at(Region::Free, 0);
        let id = match free {
            Some(id) => id,
            None if self.records.len() >= self.rows_max => return None,
            None => {
                grow(&mut self.records);
                grow(&mut self.states);
                self.records.push(None);
                self.states.push(MemberState::Alive);
                self.order.push()
            }
        };
        let hash = record.name().hash64();
        let records = &self.records;
        self.index.insert(hash, id, |id| hash_in(records, id));
        self.put(id, Some(record), MemberState::Alive);
        self.order.shift(id, Region::Unprobed);
        self.account(id, true);
        Some(id)
    }

    /// Makes room for so many more members at once: growing step by step leaves some unused.
    pub(super) fn reserve(&mut self, more: usize) {
        let more = more.min(self.rows_max.saturating_sub(self.records.len()));
        self.records.reserve_exact(more);
        self.states.reserve_exact(more);
        self.order.reserve(more);
        let records = &self.records;
        self.index.reserve(more, |id| hash_in(records, id));
    }

    /// Forgets a member; its row becomes free.
    pub(super) fn remove(&mut self, id: Id) {
        let Some(hash) = self.record(id).map(|record| record.name().hash64()) else {
            return;
        };
        if id == ME {
            return;
        }
        self.account(id, false);
        let records = &self.records;
        self.index.remove(hash, id, |id| hash_in(records, id));
        self.put(id, None, MemberState::Left);
        self.order.shift(id, Region::Free);
        self.addresses.remove(&id);
    }

    /// Gives a member a newer record and state. The address in use stays; returns
    /// whether it is no longer that of the record.
    pub(super) fn update(&mut self, id: Id, record: Arc<Record>, state: MemberState) -> bool {
        let Some(used) = self.address(id) else {
            return false;
        };
        self.account(id, false);
        let moved = record.address() != used && id != ME;
        if moved {
            self.addresses.insert(id, used);
        } else {
            self.addresses.remove(&id);
        }
        self.put(id, Some(record), state);
        self.place(id, state);
        self.account(id, true);
        moved
    }

    pub(super) fn set_state(&mut self, id: Id, state: MemberState) {
        self.account(id, false);
        if let Some(held) = self.states.get_mut(id as usize) {
            *held = state;
        }
        self.place(id, state);
        self.account(id, true);
    }

    /// From now on the address of the record is used.
    pub(super) fn prove(&mut self, id: Id) {
        self.addresses.remove(&id);
    }

    pub(super) fn record(&self, id: Id) -> Option<&Arc<Record>> {
        self.records.get(id as usize)?.as_ref()
    }

    /// What the member is, or `None` where the row is free.
    pub(super) fn state(&self, id: Id) -> Option<MemberState> {
        self.record(id)?;
        self.states.get(id as usize).copied()
    }

    pub(super) fn is_live(&self, id: Id) -> bool {
        self.state(id).is_some_and(MemberState::is_live)
    }

    /// The address in use.
    pub(super) fn address(&self, id: Id) -> Option<Address> {
        let held = self.addresses.get(&id).copied();
        held.or_else(|| self.record(id).map(|record| record.address()))
    }

    pub(super) fn member(&self, id: Id) -> Option<Member<'_>> {
        Some(Member {
            record: self.record(id)?,
            state: self.state(id)?,
            address: self.address(id)?,
        })
    }

    /// All rows that are not free, this node's first. Walks the table.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Id, &Arc<Record>, MemberState)> {
        let states = self.states.iter().copied();
        let rows = self.records.iter().zip(states).zip(0..);
        rows.filter_map(|((record, state), id)| Some((id, record.as_ref()?, state)))
    }

    pub(super) const fn order(&self) -> &Order {
        &self.order
    }

    pub(super) const fn order_mut(&mut self) -> &mut Order {
        &mut self.order
    }

    /// The live members, this node not counted.
    pub(super) const fn live(&self) -> usize {
        self.order.live()
    }

    pub(super) const fn voters(&self) -> Voters {
        self.voters
    }

    pub(super) fn digests(&self) -> &[u64] {
        &*self.digests
    }

    fn put(&mut self, id: Id, record: Option<Arc<Record>>, state: MemberState) {
        if let Some(row) = self.records.get_mut(id as usize) {
            *row = record;
        }
        if let Some(row) = self.states.get_mut(id as usize) {
            *row = state;
        }
    }

    fn place(&mut self, id: Id, state: MemberState) {
        let is_live = matches!(
            self.order.region(id),
            Some(Region::Probed | Region::Unprobed)
        );
        match state {
            MemberState::Failed => self.order.shift(id, Region::Failed),
            MemberState::Left => self.order.shift(id, Region::Left),
            // Whoever comes back is probed within this round.
            MemberState::Alive | MemberState::Suspect if !is_live => {
                self.order.shift(id, Region::Unprobed);
            }
            MemberState::Alive | MemberState::Suspect => {}
        }
    }

    /// Whether the member counts in the quorum view, where it is there.
    pub(super) fn is_voter(&self, id: Id) -> bool {
        self.record(id).is_some_and(|record| self.votes(record))
    }

    fn votes(&self, record: &Record) -> bool {
        let tag = self.quorum_tag.as_deref();
        tag.is_none_or(|tag| record.statement().tags.get(tag).is_some())
    }

    /// Counts a row in, or out before it changes.
    fn account(&mut self, id: Id, counts: bool) {
        let (Some(record), Some(state)) = (self.record(id), self.state(id)) else {
            return;
        };
        let (hash, digest) = (record.name().hash64(), record.digest());
        let votes = self.votes(record);
        if state.is_live()
            && let Some(bucket) = self.digests.get_mut((hash >> 56) as usize)
        {
            *bucket ^= digest;
        }
        let count = match state {
            _ if !votes => return,
            MemberState::Alive => &mut self.voters.alive,
            MemberState::Suspect => &mut self.voters.suspects,
            MemberState::Failed => &mut self.voters.failed,
            MemberState::Left => return,
        };
        *count = if counts {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
    }
}

fn hash_in(records: &[Option<Arc<Record>>], id: Id) -> u64 {
    let record = records.get(id as usize).and_then(Option::as_ref);
    record.map_or(0, |record| record.name().hash64())
}
