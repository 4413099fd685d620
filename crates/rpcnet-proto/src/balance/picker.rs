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

#[cfg(test)]
mod tests {
    use super::super::draw::Draw;
    use super::super::fake::{Fake, fakes};
    use super::*;

    /// How often each was picked.
    fn counts(strategy: Strategy, candidates: &[Fake], picks: usize) -> Vec<usize> {
        let picker = Picker::new(strategy, candidates);
        let mut draw = Draw::new(picks as u64);
        let mut counts = vec![0; candidates.len()];
        for _ in 0..picks {
            let ask = Ask {
                now: Time::default(),
                key: None,
                draw: &mut draw,
            };
            let at = picker.pick(candidates, ask, |_| true);
            counts[at.expect("all are accepted")] += 1;
        }
        counts
    }

    fn keyed(picker: &Picker, candidates: &[Fake], key: u64, refused: &[usize]) -> Option<usize> {
        let ask = Ask {
            now: Time::default(),
            key: Some(key),
            draw: &mut Draw::new(key),
        };
        let accept = |one: &Fake| !refused.iter().any(|at| candidates[*at].id == one.id);
        picker.pick(candidates, ask, accept)
    }

    #[test]
    fn the_least_busy_of_32_is_found_and_of_more_one_of_the_least() {
        let mut candidates = fakes(32);
        candidates.iter_mut().for_each(|one| one.in_flight = 9);
        candidates[17].in_flight = 8;
        assert_eq!(
            counts(Strategy::LeastConnections, &candidates, 500)[17],
            500
        );
        let mut candidates = fakes(320);
        for (at, one) in candidates.iter_mut().enumerate() {
            one.in_flight = at as u32;
        }
        let counts = counts(Strategy::LeastConnections, &candidates, 5_000);
        // One in ten is looked at: the least of them lies in the first tenth mostly.
        let first_tenth: usize = counts[..32].iter().sum();
        assert!(first_tenth > 4_700, "{first_tenth}");
    }

    #[test]
    fn of_two_the_less_busy_the_sooner_done_and_the_less_loaded_is_picked() {
        let mut pair = fakes(2);
        pair[0].in_flight = 1;
        assert_eq!(counts(Strategy::PowerOfTwoChoices, &pair, 100), [0, 100]);
        // Twice as long, but for one call instead of three.
        pair[0].in_flight = 0;
        pair[1].in_flight = 2;
        pair[0].latency_us = 2_000.0;
        assert_eq!(counts(Strategy::PeakEwma, &pair, 100), [100, 0]);
        pair[0].latency_us = 3_001.0;
        assert_eq!(counts(Strategy::PeakEwma, &pair, 100), [0, 100]);
        pair[0].utilization = Some(0.2);
        pair[1].utilization = Some(0.1);
        assert_eq!(counts(Strategy::LeastLoaded, &pair, 100), [0, 100]);
    }

    #[test]
    fn where_loads_are_unknown_or_about_the_same_calls_under_way_decide() {
        for loads in [[None, Some(0.0)], [Some(0.5), Some(0.46)], [None, None]] {
            let mut pair = fakes(2);
            pair[0].utilization = loads[0];
            pair[1].utilization = loads[1];
            pair[1].in_flight = 1;
            assert_eq!(counts(Strategy::LeastLoaded, &pair, 100), [100, 0]);
        }
    }

    #[test]
    fn weights_are_shares_where_nothing_waits_and_the_overloaded_gets_less() {
        let mut pair = fakes(2);
        pair[0].weight = 300;
        let idle = counts(Strategy::Weighted, &pair, 10_000);
        assert!((7_300..7_700).contains(&idle[0]), "{idle:?}");
        // In proportion to the weights they are equally busy.
        pair[0].in_flight = 6;
        pair[1].in_flight = 2;
        let busy = counts(Strategy::Weighted, &pair, 10_000);
        assert!((7_300..7_700).contains(&busy[0]), "{busy:?}");
        pair[1].in_flight = 1;
        let busier = counts(Strategy::Weighted, &pair, 10_000);
        assert!((5_400..5_800).contains(&busier[0]), "{busier:?}");
    }

    #[test]
    fn a_key_stays_where_it_is_and_without_its_owner_others_share_its_keys() {
        let candidates = fakes(8);
        let picker = Picker::new(Strategy::Rendezvous, &candidates);
        let mut moved = [0; 8];
        for key in 0..4_000 {
            let owner = keyed(&picker, &candidates, key, &[]).expect("somebody");
            assert_eq!(keyed(&picker, &candidates, key, &[]), Some(owner));
            let other = keyed(&picker, &candidates, key, &[3]).expect("somebody");
            if owner == 3 {
                moved[other] += 1;
            } else {
                assert_eq!(other, owner, "it was not the owner that was refused");
            }
        }
        assert_eq!(moved[3], 0);
        assert!(
            moved.iter().filter(|count| **count > 40).count() == 7,
            "{moved:?}"
        );
    }

    #[test]
    fn an_owner_far_above_the_mean_is_passed_over_for_the_same_other_each_time() {
        let mut candidates = fakes(8);
        let picker = Picker::new(Strategy::Rendezvous, &candidates);
        let owner = keyed(&picker, &candidates, 7, &[]).expect("somebody");
        candidates.iter_mut().for_each(|one| one.in_flight = 8);
        // The mean is that of all, itself included: 1.25 * (7 * 8 + busy) / 8 + 1.
        candidates[owner].in_flight = 11;
        assert_eq!(keyed(&picker, &candidates, 7, &[]), Some(owner));
        candidates[owner].in_flight = 12;
        let other = keyed(&picker, &candidates, 7, &[]);
        assert!(other.is_some_and(|other| other != owner));
        assert_eq!(keyed(&picker, &candidates, 7, &[]), other);
        // A single call more than the others is none too many.
        candidates.iter_mut().for_each(|one| one.in_flight = 0);
        candidates[owner].in_flight = 1;
        assert_eq!(keyed(&picker, &candidates, 7, &[]), Some(owner));
    }

    #[test]
    fn the_last_acceptable_one_is_found_whoever_owns_the_key() {
        let candidates = fakes(40);
        let picker = Picker::new(Strategy::Rendezvous, &candidates);
        let refused: Vec<usize> = (0..40).filter(|at| *at != 23).collect();
        for key in 0..200 {
            assert_eq!(keyed(&picker, &candidates, key, &refused), Some(23));
        }
    }

    #[test]
    fn a_picker_keeps_its_strategy_for_the_next_set() {
        for strategy in [
            Strategy::RoundRobin,
            Strategy::Random,
            Strategy::LeastConnections,
            Strategy::PowerOfTwoChoices,
            Strategy::PeakEwma,
            Strategy::Weighted,
            Strategy::LeastLoaded,
            Strategy::Rendezvous,
        ] {
            let picker = Picker::new(strategy, &fakes(3));
            assert_eq!(picker.strategy(), strategy);
            assert_eq!(picker.succeed(&fakes(4)).strategy(), strategy);
        }
        assert_eq!(Strategy::default(), Strategy::PeakEwma);
    }
}
