//! [`BusyPoll`]: whether to look for datagrams for a moment before the thread sleeps.

use std::time::{Duration, Instant};

/// Waits in a row that would have been spared by looking, before it is tried.
const TRIED_FROM: u32 = 32;

/// What a row of successes may be worth, so that a change is noticed soon.
const CREDIT_MAX: u32 = 64;

/// What a look in vain costs, in looks that were not: it pays as long as fewer than one of nine
/// is in vain.
const MISS: u32 = 8;

/// How many looks' time a wait may take that looking might have made short. What it took both sides
/// to wake up is part of it: 30 us on one virtual machine, 100 on another. To find out costs one
/// look of so many waits as it is [tried](TRIED_FROM) after.
const SOON: u32 = 10;

/// Decides by how the waits before went.
///
/// To put a thread to sleep and to wake it again takes longer than a small call: tens of
/// microseconds on a virtual machine, half of them on the processor that wakes it. Where the
/// next datagram comes sooner than that, as a rule, it is cheaper to look for it until it is
/// there. Where it does not, looking would burn a processor for nothing; so a wait counts for
/// it only where the datagram came in time, and one that did not counts against it for many.
#[derive(Debug)]
pub(super) struct BusyPoll {
    /// The longest look.
    time: Duration,
    credit: u32,
    /// When the thread was left to sleep.
    left: Option<Instant>,
}

impl BusyPoll {
    /// Looks for no longer than `time` at once; never where that is zero.
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time,
            credit: 0,
            left: None,
        }
    }

    /// Whether it is ever to be considered.
    pub(super) fn is_on(&self) -> bool {
        !self.time.is_zero()
    }

    /// For how long to look now; `None`: not at all.
    pub(super) fn time(&self) -> Option<Duration> {
        (self.credit >= TRIED_FROM).then_some(self.time)
    }

    /// A look was worth it.
    pub(super) fn found(&mut self) {
        self.credit = (self.credit + 1).min(CREDIT_MAX);
    }

    /// A look was in vain, to its end. Whoever has lost what he won by it starts anew.
    pub(super) fn missed(&mut self) {
        self.credit = self.credit.saturating_sub(MISS);
        if self.credit < TRIED_FROM {
            self.credit = 0;
        }
    }

    /// The thread has nothing to do at `now`.
    pub(super) fn leave(&mut self, now: Instant) {
        self.left = Some(now);
    }

    /// Whether a wait is under way that is of interest.
    pub(super) fn has_left(&self) -> bool {
        self.left.is_some()
    }

    /// A datagram came at `now`. Where the thread has not slept meanwhile it had better things
    /// to do than to look.
    pub(super) fn arrive(&mut self, now: Instant, has_slept: bool) {
        let Some(since) = self.left.take() else {
            return;
        };
        let is_soon = now.saturating_duration_since(since) <= SOON * self.time;
        if is_soon && has_slept {
            self.credit = (self.credit + 1).min(CREDIT_MAX);
        } else {
            self.credit = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIME: Duration = Duration::from_micros(100);

    /// Waits of that length, in each of which the thread slept or had other work.
    fn wait(busy_poll: &mut BusyPoll, times: u32, wait: Duration, has_slept: bool) {
        let now = Instant::now();
        for _ in 0..times {
            busy_poll.leave(now);
            busy_poll.arrive(now + wait, has_slept);
        }
    }

    #[test]
    fn it_is_tried_after_many_short_sleeps_in_a_row_and_no_others() {
        let mut busy_poll = BusyPoll::new(TIME);
        wait(&mut busy_poll, TRIED_FROM - 1, SOON * TIME, true);
        assert_eq!(busy_poll.time(), None);
        let long = SOON * TIME + Duration::from_micros(1);
        wait(&mut busy_poll, 1, long, true);
        wait(&mut busy_poll, 1, TIME, true);
        assert_eq!(busy_poll.time(), None, "one was too long");
        wait(&mut busy_poll, 2 * TRIED_FROM, TIME, false);
        assert_eq!(busy_poll.time(), None, "the thread had other work");
        wait(&mut busy_poll, TRIED_FROM, TIME, true);
        assert_eq!(busy_poll.time(), Some(TIME));
    }

    #[test]
    fn one_that_fails_at_once_has_to_earn_the_next() {
        let mut busy_poll = BusyPoll::new(TIME);
        wait(&mut busy_poll, TRIED_FROM, TIME, true);
        busy_poll.missed();
        wait(&mut busy_poll, TRIED_FROM - 1, TIME, true);
        assert_eq!(busy_poll.time(), None);
        wait(&mut busy_poll, 1, TIME, true);
        assert_eq!(busy_poll.time(), Some(TIME));
    }

    #[test]
    fn it_goes_on_while_one_of_nine_fails_and_ends_soon_where_all_do() {
        let mut busy_poll = BusyPoll::new(TIME);
        wait(&mut busy_poll, CREDIT_MAX, TIME, true);
        for turn in 0..900 {
            match turn % 9 {
                0 => busy_poll.missed(),
                _ => busy_poll.found(),
            }
            assert!(busy_poll.time().is_some(), "turn {turn}");
        }
        let misses = (1..).find(|_| {
            busy_poll.missed();
            busy_poll.time().is_none()
        });
        assert!(misses <= Some(CREDIT_MAX / MISS), "{misses:?}");
    }

    proptest! {
        /// Whatever comes, the time that is spent in vain stays within a share of all waits.
        #[test]
        fn looks_in_vain_are_few_among_waits(hits in prop::collection::vec(any::<bool>(), 0..2_000)) {
            let mut busy_poll = BusyPoll::new(TIME);
            let (mut missed, mut others) = (0, 0);
            for hit in hits {
                match (busy_poll.time(), hit) {
                    (Some(_), true) => busy_poll.found(),
                    (Some(_), false) => {
                        busy_poll.missed();
                        missed += 1;
                        continue;
                    }
                    // The worst: those who sleep are told of success, those who look fail.
                    (None, _) => wait(&mut busy_poll, 1, TIME, true),
                }
                others += 1;
            }
            prop_assert!(missed * MISS <= others, "{missed} of {others}");
        }
    }
}
