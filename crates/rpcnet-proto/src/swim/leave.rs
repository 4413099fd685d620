//! Leaving, so that nobody takes it for a failure.

use super::agenda::Key;
use super::me::Phase;
use super::members::ME;
use super::{Body, Event, Message, Standing, Swim, Time, Version};

impl Swim {
    /// M-32: says that it leaves, to a few members at once and reliably, then to
    /// others as any news, and answers pings until it has departed.
    pub(super) fn begin_leave(&mut self, now: Time) {
        if !self.takes_part() {
            return;
        }
        self.drop_probes();
        self.drop_relays();
        let suspects: Vec<_> = self.suspicions.keys().copied().collect();
        for id in suspects {
            // Nobody waits for this node's verdict any more.
            self.agenda.disarm(Key::Suspicion(id));
        }
        for key in [Key::Probe, Key::Sync, Key::Retry, Key::Join, Key::Refute] {
            self.agenda.disarm(key);
        }
        self.restate(now, |statement| statement.standing = Standing::Left);
        self.me.phase = Phase::Leaving;
        let told = self.draw_live(self.config.gossip_fanout, ME);
        let wait = if told.is_empty() {
            std::time::Duration::ZERO
        } else {
            self.config.leave_delay
        };
        self.agenda.arm(Key::Depart, now + wait);
        for to in told {
            self.owes_record = true;
            self.send(to, Message::new(Body::Gossip), true);
        }
        self.owes_record = false;
    }

    pub(super) fn depart(&mut self) {
        self.me.phase = Phase::Departed;
        self.agenda.clear();
        self.queue.clear();
        self.suspicions.clear();
        self.emit(Event::Departed);
    }

    /// M-32: who left comes back in a new epoch.
    pub(super) fn come_back(&mut self, now: Time) {
        if self.takes_part() {
            return;
        }
        let left = self.me.statement.version;
        let Some(epoch) = left.epoch.checked_add(1) else {
            return;
        };
        self.agenda.disarm(Key::Depart);
        self.me.phase = Phase::Here;
        self.me.statement.standing = Standing::Here;
        self.me.statement.version = Version {
            epoch,
            incarnation: 0,
        };
        self.me.statement.tags_changed = 0;
        self.publish(now);
        self.forget_everybody();
    }

    /// A node that was away knows nothing: what it held may be long outdated.
    fn forget_everybody(&mut self) {
        let ids: Vec<_> = self.members.rows().map(|(id, ..)| id).collect();
        for id in ids.into_iter().filter(|id| *id != ME) {
            self.forget_member(id);
        }
    }
}
