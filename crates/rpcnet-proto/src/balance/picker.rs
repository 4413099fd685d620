//! [`Picker`]: a strategy, made ready for one set of candidates.

use super::alias::{AliasTable, weight};
use super::ask::Ask;
use super::candidate::Candidate;
use super::pick::Pick;
use super::slots::SlotTable;
use super::strategy::Strategy;
use super::turns::Turns;
use crate::swim::Time;

/// What a strategy has to know about one fixed set of candidates.
///
/// Made anew with [`succeed`](Self::succeed) when the set changes, and shared by all
/// threads until then. Where several kinds of calls have their own sets, each needs a
/// picker of its own: two kinds that take turns from one count can miss each other's.
#[derive(Debug)]
pub struct Picker {
    way: Way,
}

/// A strategy with its tables.
#[derive(Debug)]
enum Way {
    RoundRobin(Turns),
    Random,
    LeastConnections,
    PowerOfTwoChoices,
    PeakEwma,
    Weighted(AliasTable),
    LeastLoaded,
    Rendezvous(SlotTable),
}

impl Picker {
    /// For a first set of candidates. [`Strategy::Rendezvous`] costs 16,384 hashes per
    /// candidate, the others at most a pass over the set.
    #[must_use]
    pub fn new<C: Candidate>(strategy: Strategy, candidates: &[C]) -> Self {
        let way = match strategy {
            Strategy::RoundRobin => Way::RoundRobin(Turns::new(candidates)),
            Strategy::Random => Way::Random,
            Strategy::LeastConnections => Way::LeastConnections,
            Strategy::PowerOfTwoChoices => Way::PowerOfTwoChoices,
            Strategy::PeakEwma => Way::PeakEwma,
            Strategy::Weighted => Way::Weighted(AliasTable::new(candidates)),
            Strategy::LeastLoaded => Way::LeastLoaded,
            Strategy::Rendezvous => Way::Rendezvous(SlotTable::new(candidates)),
        };
        Self { way }
    }

    /// For the next set of candidates: whose turn it is stays as it is, and no key moves
    /// but those of a leaver and those that a joiner gets.
    #[must_use]
    pub fn succeed<C: Candidate>(&self, candidates: &[C]) -> Self {
        let way = match &self.way {
            Way::RoundRobin(turns) => Way::RoundRobin(turns.succeed(candidates)),
            Way::Random => Way::Random,
            Way::LeastConnections => Way::LeastConnections,
            Way::PowerOfTwoChoices => Way::PowerOfTwoChoices,
            Way::PeakEwma => Way::PeakEwma,
            Way::Weighted(_) => Way::Weighted(AliasTable::new(candidates)),
            Way::LeastLoaded => Way::LeastLoaded,
            Way::Rendezvous(slots) => Way::Rendezvous(slots.succeed(candidates)),
        };
        Self { way }
    }

    /// The strategy that it picks by.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        match &self.way {
            Way::RoundRobin(_) => Strategy::RoundRobin,
            Way::Random => Strategy::Random,
            Way::LeastConnections => Strategy::LeastConnections,
            Way::PowerOfTwoChoices => Strategy::PowerOfTwoChoices,
            Way::PeakEwma => Strategy::PeakEwma,
            Way::Weighted(_) => Strategy::Weighted,
            Way::LeastLoaded => Strategy::LeastLoaded,
            Way::Rendezvous(_) => Strategy::Rendezvous,
        }
    }

    /// The index of the candidate that the call goes to, or `None` where none is accepted.
    ///
    /// `candidates` is the set that the picker was made for. With another one it still
    /// picks an accepted candidate, if not by the rules. `accept` should only look: it may
    /// be asked about candidates that are not picked, and about one more than once.
    pub fn pick<C: Candidate>(
        &self,
        candidates: &[C],
        ask: Ask<'_>,
        accept: impl FnMut(&C) -> bool,
    ) -> Option<usize> {
        let Ask { now, key, draw } = ask;
        let mut pick = Pick {
            candidates,
            accept,
            draw,
        };
        match &self.way {
            Way::RoundRobin(turns) => pick.next_in_turn(turns),
            Way::Random => pick.any(),
            Way::LeastConnections => pick.least_busy(),
            Way::PowerOfTwoChoices => pick.better_of_two(is_less_busy),
            Way::PeakEwma => pick.better_of_two(|a, b| cost(a, now) < cost(b, now)),
            Way::Weighted(table) => {
                pick.better_of_sampled(|draw, _| table.draw(draw), is_less_busy_for_its_weight)
            }
            Way::LeastLoaded => pick.better_of_two(|a, b| is_less_loaded(a, b, now)),
            Way::Rendezvous(slots) => match key {
                Some(key) => pick.owner(slots.owners(key), key),
                None => pick.any(),
            },
        }
    }
}

fn is_less_busy<C: Candidate>(a: &C, b: &C) -> bool {
    a.in_flight() < b.in_flight()
}

/// How long the call may take there: as long as others, once per call that shares.
fn cost<C: Candidate>(candidate: &C, now: Time) -> f64 {
    candidate.latency_us(now) * (f64::from(candidate.in_flight()) + 1.0)
}

/// Calls per weight are compared without the call to be made: with it the heavier of two
/// idle ones would always win, and get more than its share.
fn is_less_busy_for_its_weight<C: Candidate>(a: &C, b: &C) -> bool {
    let busy = |one: &C, other: &C| u64::from(one.in_flight()) * u64::from(weight(other));
    busy(a, b) < busy(b, a)
}

fn is_less_loaded<C: Candidate>(a: &C, b: &C, now: Time) -> bool {
    match (a.utilization(now), b.utilization(now)) {
        (Some(one), Some(other)) if (one - other).abs() >= LOAD_DIFFERENCE_MIN => one < other,
        _ => is_less_busy(a, b),
    }
}

/// Reports are up to seconds old: what differs by less is as good as equal.
const LOAD_DIFFERENCE_MIN: f32 = 0.05;
