//! The state machine: what goes in, what comes out, and what is due when.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::agenda::{Agenda, Key};
use super::awareness::Awareness;
use super::gone::Gone;
use super::join::Seeds;
use super::me::{Me, Phase};
use super::members::{Id, ME, Members};
use super::partition::Partition;
use super::precedence::{Precedence, precedence};
use super::probe::{Cause, Probe};
use super::queue::Queue;
use super::relay::Relay;
use super::rtt::Rtt;
use super::suspicion::Suspicions;
use super::sweep::Sweep;
use super::sync::SyncAsked;
use super::{
    Address, Body, Config, Counters, Event, Identity, Member, MemberState, Message, NodeName,
    QuorumView, Record, Sign, TagError, Tags, Time, Transmit, Update,
};
use crate::chance::Chance;

/// One member's view of its cluster, and what it does about it.
///
/// Four kinds of method: `handle_*` take what happened, commands (`join`, `leave`,
/// `set_tag`, ...) take what the application wants, `poll_*` hand out what to do,
/// and the rest only look. After any of the first two, drain `poll_transmit` and
/// `poll_event` until they return `None`, then sleep until `poll_timeout` or the
/// next message. After a pause, read what has arrived before anything else (M-22).
///
/// Total: any calls with any arguments in any order, `now` going backwards
/// included, neither panic nor hold more than [`Limits`](super::Limits) says. The
/// same calls with the same seed have the same results.
#[derive(Debug)]
pub struct Swim {
    pub(super) config: Config,
    pub(super) now: Time,
    pub(super) chance: Chance,
    pub(super) me: Me,
    pub(super) members: Members,
    pub(super) agenda: Agenda,
    pub(super) queue: Queue,
    pub(super) suspicions: Suspicions,
    pub(super) probes: Vec<Probe>,
    pub(super) relays: Vec<Relay>,
    pub(super) awareness: Awareness,
    pub(super) rtt: Rtt,
    pub(super) seeds: Seeds,
    pub(super) syncs: Vec<SyncAsked>,
    pub(super) gone: Gone,
    pub(super) partition: Partition,
    pub(super) sweep: Sweep,
    pub(super) counters: Counters,
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) events: VecDeque<Event>,
    /// Until then nobody is found to have failed (M-22).
    pub(super) guard_until: Time,
    /// The timer whose small lateness was counted, so that it is counted once.
    pub(super) late_counted: Option<Time>,
    pub(super) gossiped_at: Option<Time>,
    pub(super) healed_at: Option<Time>,
    pub(super) served_since: Time,
    pub(super) served: usize,
    pub(super) proves_since: Time,
    pub(super) proves: usize,
    /// Whether the next message is to carry this node's own record.
    pub(super) owes_record: bool,
    /// Who came back in the message that is being handled.
    pub(super) recovered: Option<Id>,
    pub(super) is_full: bool,
    /// When doubted and failed members were last told so.
    pub(super) told: BTreeMap<Id, Time>,
    pub(super) conflicts: BTreeMap<Id, Time>,
}

impl Swim {
    /// Makes a node that knows nobody yet. Values of `config` that cannot work are
    /// brought into range; equal seeds give equal behaviour.
    #[must_use]
    pub fn new(now: Time, me: Identity, config: Config, seed: u64) -> Self {
        let config = config.checked();
        let mut chance = Chance::new(seed);
        let me = Me::new(me);
        let record = me.record(&config.cluster);
        let rows_max = config.limits.members;
        let awareness_max = if config.lifeguard {
            config.awareness_max
        } else {
            0
        };
        Self {
            now,
            members: Members::new(record, rows_max, config.quorum_tag.clone()),
            me,
            agenda: Agenda::default(),
            queue: Queue::default(),
            suspicions: Suspicions::default(),
            probes: Vec::new(),
            relays: Vec::new(),
            awareness: Awareness::new(awareness_max),
            rtt: Rtt::default(),
            seeds: Seeds::default(),
            syncs: Vec::new(),
            gone: Gone::new(chance.fraction()),
            partition: Partition::new(now),
            sweep: Sweep::new(now),
            counters: Counters::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            guard_until: now,
            late_counted: None,
            gossiped_at: None,
            healed_at: None,
            served_since: now,
            served: 0,
            proves_since: now,
            proves: 0,
            owes_record: false,
            recovered: None,
            is_full: false,
            told: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            chance,
            config,
        }
    }

    // ---- what happened ----

    /// Takes a message of `from`, the sender that the connection has proven. The
    /// driver has dropped every record whose proof does not verify
    /// ([`Message::retain_records`]); [`Self::is_news`] tells which need not be verified.
    pub fn handle_message(&mut self, now: Time, from: &NodeName, message: Message) {
        let now = self.enter(now);
        if self.me.phase == Phase::Departed {
            return;
        }
        self.owes_record = false;
        self.recovered = None;
        if *from == self.me.statement.name {
            // Itself through a seed, or another node of the same name.
            if let Body::Join { record, .. } = &message.body {
                self.on_record_of_me(now, record, MemberState::Alive);
            }
            return;
        }
        if let Some(id) = self.members.find(from) {
            self.heard(now, id);
        }
        for update in &message.updates {
            match update {
                Update::Record(record) => {
                    self.learn(now, record, MemberState::Alive);
                }
                Update::Vote(vote) => self.hear_vote(now, vote),
            }
        }
        let id = self.members.find(from);
        let is_ping = matches!(message.body, Body::Ping { .. });
        let is_about_joining = matches!(message.body, Body::Join { .. } | Body::JoinReply { .. });
        self.on_body(now, id, from, message.body);
        if id.is_none() && !is_about_joining {
            self.ask_stranger(now, from);
        }
        if let Some(id) = id {
            if !is_ping {
                self.tell_doubt(now, id);
            }
            if self.recovered == Some(id) {
                self.heal_with(now, id);
            }
        }
        self.owes_record = false;
    }

    /// Does what is due. Calling early does nothing; calling late is noticed.
    pub fn handle_timeout(&mut self, now: Time) {
        let now = self.enter(now);
        // At the end of time a timer re-arms at once: bounded all the same.
        for _ in 0..self.agenda.len().saturating_mul(2).saturating_add(64) {
            let Some(key) = self.agenda.take_due(now) else {
                return;
            };
            self.on_due(now, key);
        }
    }

    /// A member was heard directly by other means than a message of this protocol,
    /// such as the answer to a call.
    pub fn handle_reachable(&mut self, now: Time, name: &NodeName) {
        let now = self.enter(now);
        if let Some(id) = self.members.find(name) {
            self.heard(now, id);
        }
    }

    /// Something makes the driver doubt a member: it is probed out of turn. The
    /// verdict stays with the probes (M-12).
    pub fn handle_doubt(&mut self, now: Time, name: &NodeName) {
        let now = self.enter(now);
        if let Some(id) = self.members.find(name).filter(|id| *id != ME)
            && self.members.is_live(id)
        {
            self.begin_probe(now, id, Cause::Doubt);
        }
    }

    /// The driver dialled the address of an [`Event::Prove`] and found the member
    /// there: from now on it is used (M-10).
    pub fn handle_proven(&mut self, now: Time, name: &NodeName, address: Address) {
        self.enter(now);
        let Some(id) = self.members.find(name) else {
            return;
        };
        let Some(member) = self.members.member(id) else {
            return;
        };
        if member.record().address() == address && member.address() != address {
            let name = name.clone();
            self.members.prove(id);
            self.emit(Event::Updated { name });
        }
    }

    /// The driver found that it ran `late`, such as after a pause of the process
    /// (M-22). The core notices late timers by itself; this is for other evidence.
    pub fn handle_lateness(&mut self, now: Time, late: Duration) {
        let now = self.enter(now);
        self.on_late(now, late);
    }

    // ---- what the application wants ----

    /// Joins the cluster of the seeds, now and until each has answered once; with
    /// nobody left it asks all of them again. After [`Self::leave`] it begins a new epoch.
    pub fn join(&mut self, now: Time, seeds: &[Address]) {
        let now = self.enter(now);
        self.come_back(now);
        self.seeds.add(seeds, self.config.limits.seeds);
        self.agenda.arm(Key::Join, now);
    }

    /// Forgets the seeds that do not pass `keep`, such as addresses that a name no longer
    /// stands for; an answer that is still on its way is then ignored.
    pub fn retain_seeds(&mut self, keep: impl FnMut(&Address) -> bool) {
        self.seeds.retain(keep);
    }

    /// Takes members as known and alive, without a word to anybody: those of a view that
    /// was kept. Whoever is known already stays as it is.
    pub fn restore(&mut self, now: Time, records: impl IntoIterator<Item = Arc<Record>>) {
        let now = self.enter(now);
        let records = records.into_iter();
        self.members.reserve(records.size_hint().0);
        for record in records {
            if !record.is_left() && self.members.find(record.name()).is_none() {
                self.members.insert(record);
            }
        }
        self.wake(now);
    }

    /// Leaves for good: [`Event::Departed`] tells when the driver may stop.
    pub fn leave(&mut self, now: Time) {
        let now = self.enter(now);
        self.begin_leave(now);
    }

    /// Replaces all tags.
    pub fn set_tags(&mut self, now: Time, tags: Tags) {
        let now = self.enter(now);
        if self.me.statement.tags == tags || self.me.phase != Phase::Here {
            return;
        }
        self.restate(now, |statement| {
            statement.tags = tags;
            statement.tags_changed = statement.version.incarnation;
        });
    }

    /// Sets one tag.
    ///
    /// # Errors
    /// [`TagError`] says which limit it breaks; the tags are unchanged.
    pub fn set_tag(&mut self, now: Time, key: &str, value: &str) -> Result<(), TagError> {
        let mut tags = self.me.statement.tags.clone();
        if tags.set(key, value)? {
            self.set_tags(now, tags);
        }
        Ok(())
    }

    /// Removes one tag, where it is there.
    pub fn remove_tag(&mut self, now: Time, key: &str) {
        let mut tags = self.me.statement.tags.clone();
        if tags.remove(key) {
            self.set_tags(now, tags);
        }
    }

    /// Tells the others a new address of this node; they prove it before they use it.
    pub fn set_address(&mut self, now: Time, address: Address) {
        let now = self.enter(now);
        if self.me.statement.address != address && self.me.phase == Phase::Here {
            self.restate(now, |statement| statement.address = address);
        }
    }

    /// Takes over new credentials, such as a renewed certificate: says everything about
    /// this node anew, with `key` and signed by `signer`. `key` is what
    /// [`Identity::key`] is; a longer one than
    /// [`Record::KEY_BYTES_MAX`] counts as none.
    ///
    /// Records that were signed before hold until others have heard the new one. A node
    /// that is leaving or has left says nothing anew before it joins again.
    pub fn set_signer(&mut self, now: Time, key: Bytes, signer: Option<Arc<dyn Sign>>) {
        let now = self.enter(now);
        self.me.take_credentials(key, signer);
        if self.me.phase == Phase::Here {
            self.restate(now, |_| {});
        }
    }

    /// Claims this node's name from another that has it, after an
    /// [`Event::Conflict`] that said so; otherwise does nothing.
    pub fn take_over(&mut self, now: Time) {
        let now = self.enter(now);
        if self.me.phase == Phase::Here {
            self.outbid_rival(now);
        }
    }

    /// Forgets a member that failed or left: it no longer counts in the quorum
    /// view. Returns whether there was one. Others are not told.
    pub fn forget(&mut self, now: Time, name: &NodeName) -> bool {
        let now = self.enter(now);
        let Some(id) = self.members.find(name).filter(|id| *id != ME) else {
            return false;
        };
        if self.members.is_live(id) {
            return false;
        }
        self.forget_member(id);
        self.assess_partition(now);
        true
    }

    // ---- what to do ----

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.transmits.pop_front()?;
        self.counters.transmits += 1;
        Some(transmit)
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called, or `None` where nothing is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.agenda.next()
    }

    // ---- what it looks like ----

    /// Every member, gone ones and this node included, in no particular order.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let ids = self.members.rows().map(|(id, ..)| id);
        ids.filter_map(|id| self.members.member(id))
    }

    /// The member of this name.
    #[must_use]
    pub fn member(&self, name: &NodeName) -> Option<Member<'_>> {
        self.members.member(self.members.find(name)?)
    }

    /// This node's own name.
    #[must_use]
    pub const fn name(&self) -> &NodeName {
        &self.me.statement.name
    }

    /// What this node says of itself, signed.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.members.record(ME).map(AsRef::as_ref)
    }

    /// Whether the record would change anything; one that would not need not be verified.
    #[must_use]
    pub fn is_news(&self, record: &Record) -> bool {
        let Some(held) = self
            .members
            .find(record.name())
            .and_then(|id| self.held(id))
        else {
            return !record.is_left();
        };
        !matches!(
            precedence(held, record),
            Precedence::Same | Precedence::Stale
        )
    }

    /// The members in reach, alive or suspect, this node not counted.
    #[must_use]
    pub const fn live_count(&self) -> usize {
        self.members.live()
    }

    /// Every member that is remembered, gone ones and this node included: as many as
    /// [`Self::members`] has.
    #[must_use]
    pub fn known_count(&self) -> usize {
        self.members.len()
    }

    /// The local health score: 0 is healthy (M-15).
    #[must_use]
    pub const fn awareness(&self) -> u32 {
        self.awareness.score()
    }

    /// Updates that are still to be spread.
    #[must_use]
    pub fn updates_pending(&self) -> usize {
        self.queue.len()
    }

    /// Timers that are set.
    #[must_use]
    pub fn timers_pending(&self) -> usize {
        self.agenda.len()
    }

    /// What happened so far, in numbers.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How much of the cluster is in reach, as of the last call that took a time.
    #[must_use]
    pub fn quorum(&self) -> QuorumView {
        self.quorum_view()
    }

    // ---- inside ----

    pub(super) fn name_of(&self, id: Id) -> Option<NodeName> {
        self.members.record(id).map(|record| record.name().clone())
    }

    pub(super) fn emit(&mut self, event: Event) {
        if self.events.len() >= self.config.limits.events {
            self.events.pop_front();
            self.counters.events_dropped += 1;
        }
        self.events.push_back(event);
    }
}
