//! [`Clock`]: the runtime's time, as the QUIC library wants it.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use s2n_quic_core::time::{self, Clock as _, StdClock, Timestamp};
use tokio::time::{Instant, Sleep, sleep_until};

/// The runtime's clock, which tests may stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Instant,
    /// What the library's time was then. It can be made only by a clock of the library's own.
    base: Timestamp,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            base: StdClock::default().get_time(),
        }
    }
}

/// The runtime knows no finer time.
const TICK: Duration = Duration::from_millis(1);

fn whole_ticks(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

impl Clock {
    fn next_tick(&self) -> Instant {
        self.began + whole_ticks(self.began.elapsed()) + TICK
    }
}

impl time::Clock for Clock {
    fn get_time(&self) -> Timestamp {
        self.base + self.began.elapsed()
    }
}

impl time::ClockWithTimer for Clock {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer {
            clock: *self,
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
    use s2n_quic_core::time::clock::Timer as _;
    use s2n_quic_core::time::{Clock as _, ClockWithTimer as _};

    use super::*;

    async fn ring(timer: &mut Timer) -> Duration {
        let began = Instant::now();
        std::future::poll_fn(|cx| timer.poll_ready(cx)).await;
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
        let passed = clock.get_time().saturating_duration_since(began);
        assert_eq!(passed, Duration::from_secs(3));
    }
}
