//! Engines that break one rule each, to show that the checker sees it.

use std::rc::Rc;
use std::time::Duration;

use super::{Change, Engine, Outgoing, Rank, Row, Setup, Side, What};
use crate::clock::Time;

/// How a mutant is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// It is not.
    None,
    /// It takes an older incarnation for a newer one after a while.
    StepsBack,
    /// It raises the incarnation of others.
    RaisesOthers,
    /// It raises the tag version of others.
    TagsOthers,
    /// It takes who failed for somebody who left.
    InventsGoodbyes,
    /// It forgets members while they are there.
    Forgets,
    /// It thinks that a healthy node failed.
    Slanders,
    /// It does not take up what a member says of itself any more.
    Ignores,
    /// It wants to be woken at once, always.
    Spins,
    /// It takes who left back in.
    Revives,
}

/// The node that is lied about, and when it begins.
const VICTIM: u32 = 1;
const AFTER: Duration = Duration::from_secs(20);

/// An engine whose node 0 gets one thing wrong. `DEFECT` is a [`Defect`]'s number.
#[derive(Debug)]
pub struct Mutant<E, const DEFECT: u8> {
    inner: E,
    node: u32,
    began: Time,
    now: Time,
    told: bool,
    remembered: Option<Row>,
}

impl<E: Engine, const DEFECT: u8> Mutant<E, DEFECT> {
    fn pass(&mut self, now: Time) {
        self.now = now;
        if self.remembered.is_none() && self.defect() == Defect::Ignores {
            self.remembered = self.inner.row(VICTIM);
        }
    }

    fn defect(&self) -> Defect {
        let is_time = self.now.since(self.began) >= AFTER;
        if self.node == 0 && is_time {
            of_number(DEFECT)
        } else {
            Defect::None
        }
    }
}

fn of_number(number: u8) -> Defect {
    let all = [
        Defect::None,
        Defect::StepsBack,
        Defect::RaisesOthers,
        Defect::TagsOthers,
        Defect::InventsGoodbyes,
        Defect::Forgets,
        Defect::Slanders,
        Defect::Ignores,
        Defect::Spins,
        Defect::Revives,
    ];
    all[usize::from(number)]
}

impl<E: Engine, const DEFECT: u8> Engine for Mutant<E, DEFECT> {
    type Message = E::Message;
    type Card = E::Card;
    type World = E::World;

    const NAME: &'static str = "mutant";
    const KINDS: &'static [&'static str] = E::KINDS;

    fn world(nodes: u32) -> E::World {
        E::world(nodes)
    }

    fn start(now: Time, setup: &Setup, world: &Rc<E::World>) -> Self {
        Self {
            inner: E::start(now, setup, world),
            node: setup.node,
            began: now,
            now,
            told: false,
            remembered: None,
        }
    }

    fn card(&self) -> E::Card {
        self.inner.card()
    }

    fn preload(&mut self, now: Time, cards: &[E::Card]) {
        self.inner.preload(now, cards);
    }

    fn join(&mut self, now: Time, seeds: &[u32]) {
        self.inner.join(now, seeds);
    }

    fn leave(&mut self, now: Time) {
        self.inner.leave(now);
    }

    fn set_tag(&mut self, now: Time, value: u64) {
        self.inner.set_tag(now, value);
    }

    fn receive(&mut self, now: Time, from: u32, message: E::Message) {
        self.pass(now);
        self.inner.receive(now, from, message);
    }

    fn wake(&mut self, now: Time) {
        self.pass(now);
        self.inner.wake(now);
    }

    fn late(&mut self, now: Time, by: Duration) {
        self.inner.late(now, by);
    }

    fn poll_outgoing(&mut self) -> Option<Outgoing<E::Message>> {
        self.inner.poll_outgoing()
    }

    fn poll_change(&mut self) -> Option<Change> {
        if self.defect() == Defect::Slanders && !self.told {
            self.told = true;
            return Some(Change {
                about: VICTIM,
                what: What::Failed,
            });
        }
        self.inner.poll_change()
    }

    fn poll_wake(&self) -> Option<Time> {
        if self.defect() == Defect::Spins {
            return Some(self.now);
        }
        self.inner.poll_wake()
    }

    fn row(&self, about: u32) -> Option<Row> {
        let row = self.inner.row(about)?;
        if about != VICTIM {
            return Some(row);
        }
        let row = match self.defect() {
            Defect::StepsBack => Row {
                incarnation: row.incarnation.saturating_sub(1),
                ..row
            },
            Defect::Ignores => self.remembered.unwrap_or(row),
            Defect::RaisesOthers => Row {
                incarnation: row.incarnation + 1,
                ..row
            },
            Defect::TagsOthers => Row {
                tag: row.tag + 1,
                ..row
            },
            Defect::InventsGoodbyes if row.rank == Rank::Failed => Row {
                rank: Rank::Left,
                ..row
            },
            Defect::Slanders => Row {
                rank: Rank::Failed,
                ..row
            },
            Defect::Revives if row.rank == Rank::Left => Row {
                rank: Rank::Alive,
                ..row
            },
            Defect::Forgets => return None,
            _ => row,
        };
        Some(row)
    }

    fn each_row(&self, each: &mut dyn FnMut(u32, Row)) {
        self.inner.each_row(each);
    }

    fn live(&self) -> usize {
        self.inner.live()
    }

    fn rejoins(&self) -> u64 {
        self.inner.rejoins()
    }

    fn side(&self) -> Option<Side> {
        self.inner.side()
    }

    fn suspects_partition(&self) -> Option<bool> {
        self.inner.suspects_partition()
    }

    fn kind(message: &E::Message) -> usize {
        E::kind(message)
    }

    fn subjects(message: &E::Message, into: &mut Vec<u32>) {
        E::subjects(message, into);
    }
}
