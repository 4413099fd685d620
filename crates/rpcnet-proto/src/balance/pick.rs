//! [`Pick`]: one pick under way.

use super::candidate::Candidate;
use super::draw::Draw;
use super::slots::height;
use super::turns::Turns;
use super::walk::Walk;

/// The candidates, who of them is acceptable, and the chance that decides.
///
/// Each way to choose first draws a few times, then walks past all of them: whoever is
/// acceptable is found, and `None` says that nobody is.
pub(super) struct Pick<'a, C, A> {
    pub(super) candidates: &'a [C],
    pub(super) accept: A,
    pub(super) draw: &'a mut Draw,
}

impl<'a, C: Candidate, A: FnMut(&C) -> bool> Pick<'a, C, A> {
    /// The candidate of that index, if there is one and it is acceptable.
    pub(super) fn accepted(&mut self, at: usize) -> Option<&'a C> {
        let candidate = self.candidates.get(at)?;
        (self.accept)(candidate).then_some(candidate)
    }

    /// Whoever's turn it is. Who is not acceptable loses the turn, and the next is taken:
    /// nobody gets the turns of a neighbour. As many turns as there are candidates are
    /// taken at most, some of which others may have taken in between.
    pub(super) fn next_in_turn(&mut self, turns: &Turns) -> Option<usize> {
        let len = self.candidates.len();
        for _ in 0..len {
            let at = turns.take(len);
            if self.accepted(at).is_some() {
                return Some(at);
            }
        }
        self.first_of_walk()
    }

    /// One at random.
    pub(super) fn any(&mut self) -> Option<usize> {
        for _ in 0..DRAWS_MAX {
            let at = self.draw.below(self.candidates.len());
            if self.accepted(at).is_some() {
                return Some(at);
            }
        }
        self.first_of_walk()
    }

    /// The better of two different ones, the first where neither is.
    pub(super) fn better_of_two(&mut self, is_better: impl Fn(&C, &C) -> bool) -> Option<usize> {
        let len = self.candidates.len();
        let sample = |draw: &mut Draw, held: Option<usize>| match held {
            None => draw.below(len),
            // Of the others all are equally likely.
            Some(held) => {
                let at = draw.below(len - 1);
                at + usize::from(at >= held)
            }
        };
        self.better_of_sampled(sample, is_better)
    }

    /// The same, where `sample` draws, being told what it drew before.
    pub(super) fn better_of_sampled(
        &mut self,
        sample: impl Fn(&mut Draw, Option<usize>) -> usize,
        is_better: impl Fn(&C, &C) -> bool,
    ) -> Option<usize> {
        let mut held: Option<(usize, &C)> = None;
        for _ in 0..DRAWS_MAX {
            let at = sample(self.draw, held.map(|(at, _)| at));
            match (held, self.accepted(at)) {
                (_, None) => {}
                (None, Some(candidate)) => held = Some((at, candidate)),
                (Some((first, one)), Some(other)) => {
                    return Some(if is_better(other, one) { at } else { first });
                }
            }
        }
        held.map(|(at, _)| at).or_else(|| self.first_of_walk())
    }

    /// Whoever has the fewest calls under way among those looked at.
    pub(super) fn least_busy(&mut self) -> Option<usize> {
        let mut least: Option<(usize, u32)> = None;
        for (looks, at) in Walk::new(self.candidates.len(), self.draw).enumerate() {
            if looks >= LOOKS_MAX && least.is_some() {
                break;
            }
            let Some(candidate) = self.accepted(at) else {
                continue;
            };
            let busy = candidate.in_flight();
            if least.is_none_or(|(_, fewest)| busy < fewest) {
                least = Some((at, busy));
            }
            if busy == 0 {
                break;
            }
        }
        least.map(|(at, _)| at)
    }

    /// The first of a key's owners that is not too busy; else the first acceptable one;
    /// else whoever the key would belong to among those that are.
    pub(super) fn owner(&mut self, owners: impl Iterator<Item = usize>, key: u64) -> Option<usize> {
        let mut first = None;
        let mut mean = None;
        for at in owners {
            let Some(candidate) = self.accepted(at) else {
                continue;
            };
            let busy = candidate.in_flight();
            // One call under way is never too many, so that mostly no mean is needed.
            if busy <= 1
                || f64::from(busy)
                    <= BUSY_FACTOR * *mean.get_or_insert_with(|| self.mean_in_flight()) + 1.0
            {
                return Some(at);
            }
            first = first.or(Some(at));
        }
        first.or_else(|| self.heir(key))
    }

    /// Of the acceptable ones among those looked at.
    fn mean_in_flight(&mut self) -> f64 {
        let (mut sum, mut count) = (0_u64, 0_u32);
        for at in Walk::new(self.candidates.len(), self.draw).take(LOOKS_MAX) {
            if let Some(candidate) = self.accepted(at) {
                sum += u64::from(candidate.in_flight());
                count += 1;
            }
        }
        sum as f64 / f64::from(count.max(1))
    }

    /// Who has the highest hash with the key, of all that are acceptable.
    fn heir(&mut self, key: u64) -> Option<usize> {
        let all = 0..self.candidates.len();
        let heights = all.filter_map(|at| {
            let id = self.accepted(at)?.id();
            Some((height(id, key), id, at))
        });
        heights.max().map(|(_, _, at)| at)
    }

    fn first_of_walk(&mut self) -> Option<usize> {
        Walk::new(self.candidates.len(), self.draw).find(|at| self.accepted(*at).is_some())
    }
}

/// How often is drawn before all are walked past. With a third of them not acceptable,
/// one pick in 6,561 gets that far.
const DRAWS_MAX: u32 = 8;

/// How many candidates a pick looks at where it compares many.
pub(super) const LOOKS_MAX: usize = 32;

/// How many times the mean an owner of a key may have under way, and one more.
const BUSY_FACTOR: f64 = 1.25;
