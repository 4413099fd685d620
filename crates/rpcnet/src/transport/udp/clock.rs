//! [`Clock`]: the runtime's time, as the QUIC library wants it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use s2n_quic_core::time::{self, Clock as _, StdClock, Timestamp};
use tokio::time::{Instant, Sleep, sleep_until};

/// Times that the library is told from one look at the runtime's clock. It asks several times
/// for each packet and each turn of its own, and means the time at which these began; a turn
/// in which it asks more often than this is long enough for another look.
const ASKED_MAX: u32 = 16;

/// The runtime's clock, which tests may stop, as it was at the last look.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    began: Instant,
    /// What the library's time was then. It can be made only by a clock of the library's own.
    base: Timestamp,
    /// Only one task looks.
    last: Arc<Look>,
}

/// A look at the clock.
#[derive(Debug, Default)]
struct Look {
    /// Nanoseconds since the clock began.
    at: AtomicU64,
    /// How often the library may be told of it again.
    left: AtomicU32,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            base: StdClock::default().get_time(),
            last: Arc::default(),
        }
    }

    /// What the library does, with a new look at the clock in each turn.
    pub(super) fn in_turns<F: Future>(&self, work: F) -> InTurns<F> {
        let clock = self.clone();
        InTurns { clock, work }
    }

    fn look(&self) {
        let passed = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.at.store(passed, Ordering::Relaxed);
        self.last.left.store(ASKED_MAX, Ordering::Relaxed);
    }

    /// What has passed since the clock began.
    fn passed(&self) -> Duration {
        match self.last.left.load(Ordering::Relaxed) {
            0 => self.look(),
            left => self.last.left.store(left - 1, Ordering::Relaxed),
        }
        Duration::from_nanos(self.last.at.load(Ordering::Relaxed))
    }
}

pin_project_lite::pin_project! {
    /// Work that begins each of its turns with a look at the clock.
    #[derive(Debug)]
    pub(super) struct InTurns<F> {
        clock: Clock,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.clock.look();
        this.work.poll(cx)
    }
}

/// The runtime knows no finer time.
const TICK: Duration = Duration::from_millis(1);

fn whole_ticks(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

impl Clock {
    fn next_tick(&self) -> Instant {
        self.began + whole_ticks(self.passed()) + TICK
    }
}

impl time::Clock for Clock {
    fn get_time(&self) -> Timestamp {
        self.base + self.passed()
    }
}

impl time::ClockWithTimer for Clock {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer {
            clock: self.clone(),
            due: None,
            sleep: Box::pin(sleep_until(self.began)),
            is_set: false,
        }
    }
}

/// The one timer of an endpoint.
///
/// Each packet moves its time, and each move costs the runtime a lock and, to an earlier time, a
/// wake-up. So it is moved only to an earlier time, and where it ends too early it is set again:
/// once per wait, not once per packet. And it is not moved to a time within this millisecond:
/// those are of paced packets, and of credit for streams once per round trip, and any
/// packet that comes or goes meanwhile does what they are for.
#[derive(Debug)]
pub(super) struct Timer {
    clock: Clock,
    due: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
    /// Whether `sleep` is yet to end.
    is_set: bool,
}

impl time::clock::Timer for Timer {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(due) = self.due else {
                return Poll::Pending;
            };
            if !self.is_set || self.sleep.deadline() > due {
                let at = due.max(self.clock.next_tick());
                if !self.is_set || self.sleep.deadline() > at {
                    self.sleep.as_mut().reset(at);
                    self.is_set = true;
                }
            }
            ready!(self.sleep.as_mut().poll(cx));
            self.is_set = false;
            if self.sleep.deadline() >= due {
                self.due = None;
                return Poll::Ready(());
            }
        }
    }

    fn update(&mut self, at: Timestamp) {
        let after = at.saturating_duration_since(self.clock.base);
        self.due = Some(self.clock.began + whole_ticks(after));
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};

    use s2n_quic_core::time::clock::Timer as _;
    use s2n_quic_core::time::{Clock as _, ClockWithTimer as _};

    use super::*;

    async fn ring(timer: &mut Timer) -> Duration {
        let began = Instant::now();
        let clock = timer.clock.clone();
        clock.in_turns(poll_fn(|cx| timer.poll_ready(cx))).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_ends_at_the_time_that_was_set_last() {
        let clock = Clock::new();
        let mut timer = clock.timer();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(timer.poll_ready(&mut cx).is_pending(), "nothing is set");
        let (soon, late) = (Duration::from_millis(5), Duration::from_millis(80));
        timer.update(clock.get_time() + late);
        assert!(timer.poll_ready(&mut cx).is_pending());
        timer.update(clock.get_time() + soon);
        assert_eq!(ring(&mut timer).await.as_millis(), 5);
        assert!(timer.poll_ready(&mut cx).is_pending(), "it rings once");
        timer.update(clock.get_time() + soon);
        assert!(timer.poll_ready(&mut cx).is_pending());
        timer.update(clock.get_time() + late);
        assert_eq!(ring(&mut timer).await.as_millis(), 80);
        timer.update(clock.get_time());
        assert!(
            ring(&mut timer).await.as_millis() <= 1,
            "a time that has come"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn time_goes_on_as_the_runtime_says() {
        let clock = Clock::new();
        let began = clock.get_time();
        tokio::time::advance(Duration::from_secs(3)).await;
        let passed = || clock.get_time().saturating_duration_since(began);
        assert_eq!(passed().as_millis(), 0, "nobody has looked");
        clock.in_turns(ready(())).await;
        assert_eq!(passed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_in_which_the_time_is_asked_for_often_sees_it_pass() {
        let clock = Clock::new();
        clock.in_turns(ready(())).await;
        let began = clock.get_time();
        tokio::time::advance(Duration::from_secs(3)).await;
        let asked = (1..).find(|_| clock.get_time() > began);
        assert_eq!(asked, Some(ASKED_MAX), "the first was told before");
    }
}
