//! What this node says of itself, and how it answers doubts.

use std::sync::Arc;

use bytes::Bytes;

use super::agenda::Key;
use super::members::ME;
use super::queue::{About, Kind};
use super::record::signed_bytes;
use super::{
    Address, Conflict, Event, Identity, MemberState, Record, Sign, Standing, Statement, Swim, Time,
    Update, Version,
};

/// This node's own statement, and what it has to do about it.
#[derive(Debug)]
pub(super) struct Me {
    pub(super) statement: Statement,
    signer: Option<Arc<dyn Sign>>,
    pub(super) phase: Phase,
    refuted_at: Option<Time>,
    /// The version of another node that has this node's name now.
    rival: Option<Version>,
}

/// How far this node has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes part.
    Here,
    /// It spreads the word that it leaves.
    Leaving,
    /// It is gone.
    Departed,
}

impl Me {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            statement: Statement {
                name: identity.name,
                version: Version {
                    epoch: identity.epoch,
                    incarnation: 0,
                },
                standing: Standing::Here,
                address: identity.address,
                tags: identity.tags,
                tags_changed: 0,
                key: fitting(identity.key),
            },
            signer: identity.signer,
            phase: Phase::Here,
            refuted_at: None,
            rival: None,
        }
    }

    /// From now on this key verifies what this signer signs.
    pub(super) fn take_credentials(&mut self, key: Bytes, signer: Option<Arc<dyn Sign>>) {
        self.statement.key = fitting(key);
        self.signer = signer;
    }

    pub(super) const fn is_yielding(&self) -> bool {
        self.rival.is_some()
    }

    pub(super) fn record(&self, cluster: &str) -> Arc<Record> {
        let sign = |signer: &Arc<dyn Sign>| signer.sign(&signed_bytes(&self.statement, cluster));
        let proof = self.signer.as_ref().map_or_else(Bytes::new, sign);
        Arc::new(Record::new(self.statement.clone(), proof))
    }
}

/// A record has no longer key, so none may be signed.
fn fitting(key: Bytes) -> Bytes {
    if key.len() > Record::KEY_BYTES_MAX {
        return Bytes::new();
    }
    key
}

impl Swim {
    /// Makes a newer statement of this node's own and spreads it (M-5). After the
    /// last version there is, nothing changes.
    pub(super) fn restate(&mut self, now: Time, change: impl FnOnce(&mut Statement)) -> bool {
        let Some(version) = self.me.statement.version.next() else {
            return false;
        };
        self.me.statement.version = version;
        change(&mut self.me.statement);
        self.publish(now);
        true
    }

    /// M-9: somebody doubts this node. Only a doubt of its newest version needs
    /// an answer; only this node can give it, by a newer version.
    pub(super) fn on_doubt_of_me(&mut self, now: Time, version: Version) {
        if !self.takes_part() {
            return;
        }
        if version < self.me.statement.version {
            // Who still says so has not heard the answer.
            self.owes_record = true;
            return;
        }
        if version > self.me.statement.version {
            return;
        }
        // M-20: at most one answer per gossip interval, so that nobody can make
        // this node sign and spread without end.
        let next = self
            .me
            .refuted_at
            .map(|at| at + self.config.gossip_interval);
        match next.filter(|next| *next > now) {
            Some(next) => self.agenda.arm(Key::Refute, next),
            None => self.refute(now),
        }
    }

    pub(super) fn refute(&mut self, now: Time) {
        if !self.takes_part() || !self.restate(now, |_| {}) {
            return;
        }
        self.me.refuted_at = Some(now);
        // An answer that was put off is given with this one.
        self.agenda.disarm(Key::Refute);
        self.owes_record = true;
        self.counters.refuted += 1;
        if self.config.lifeguard {
            self.awareness.worsen(1);
        }
        let incarnation = self.me.statement.version.incarnation;
        self.emit(Event::Refuted { incarnation });
    }

    /// M-11: a record in this node's name that this node did not make just now.
    pub(super) fn on_record_of_me(&mut self, now: Time, record: &Record, seen: MemberState) {
        let mine = (self.me.statement.version, self.my_digest());
        let theirs = (record.version(), record.digest());
        if mine == theirs {
            if !seen.is_live() || seen == MemberState::Suspect {
                self.on_doubt_of_me(now, record.version());
            }
            return;
        }
        if theirs.0 < mine.0 {
            // An older statement of this node's own.
            self.owes_record = true;
            return;
        }
        // Its version may even be the same, where the clock went back to when that life began.
        let is_earlier_life = record.address() == self.me.statement.address || record.is_left();
        if theirs < mine && !is_earlier_life {
            // A rival that gives way.
            self.report_conflict(now, record.address(), false);
            return;
        }
        let is_failed = matches!(seen, MemberState::Failed | MemberState::Left);
        if is_earlier_life || is_failed {
            self.outbid(now, record.version());
            return;
        }
        // Another process has the name. To go beyond it would begin a fight.
        if self.me.rival.is_none_or(|rival| rival < record.version()) {
            self.me.rival = Some(record.version());
            self.report_conflict(now, record.address(), true);
        }
    }

    /// M-11: members say that the rival has failed: the name is free.
    pub(super) fn on_rival_failed(&mut self, now: Time, version: Version) {
        if self.me.rival.is_some_and(|rival| rival <= version) {
            self.outbid(now, version);
        }
    }

    /// Claims this node's name from whoever has it now.
    pub(super) fn outbid_rival(&mut self, now: Time) {
        if let Some(rival) = self.me.rival {
            self.outbid(now, rival);
        }
    }

    /// Begins an epoch beyond `version`.
    pub(super) fn outbid(&mut self, now: Time, version: Version) {
        let highest = version.epoch.max(self.me.statement.version.epoch);
        let Some(epoch) = highest.checked_add(1) else {
            return;
        };
        self.me.rival = None;
        self.me.statement.version = Version {
            epoch,
            incarnation: 0,
        };
        self.me.statement.tags_changed = 0;
        self.publish(now);
        self.owes_record = true;
    }

    /// Signs the statement, holds it and spreads it.
    pub(super) fn publish(&mut self, now: Time) {
        let record = self.me.record(&self.config.cluster);
        let state = match self.me.statement.standing {
            Standing::Here => MemberState::Alive,
            Standing::Left => MemberState::Left,
        };
        self.members.update(ME, record.clone(), state);
        self.spread(
            now,
            About {
                member: ME,
                kind: Kind::Record,
            },
            Update::Record(record),
        );
    }

    pub(super) fn takes_part(&self) -> bool {
        self.me.phase == Phase::Here
    }

    fn my_digest(&self) -> u64 {
        self.members.record(ME).map_or(0, |record| record.digest())
    }

    fn report_conflict(&mut self, now: Time, theirs: Address, yields: bool) {
        let mine = self.me.statement.address;
        let (address, other) = if yields {
            (theirs, mine)
        } else {
            (mine, theirs)
        };
        let name = self.me.statement.name.clone();
        self.conflict(
            now,
            ME,
            Conflict {
                name,
                address,
                other,
                yields,
            },
        );
    }
}
