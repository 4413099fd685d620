//! [`Pacer`]: waits for the time at which a call is due.
//!
//! The runtime's timers go by the millisecond, a call takes a few dozen microseconds: waiting with
//! them would be most of what is measured. Linux has timers that are more exact.

use tokio::time::{Instant, sleep_until};

/// A clock to wait by.
#[derive(Debug)]
pub(super) enum Pacer {
    #[cfg(target_os = "linux")]
    Fine(fine::Timer),
    /// The runtime's.
    Coarse,
}

impl Pacer {
    /// The most exact one that there is. Must be called within a runtime.
    pub(super) fn new() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = fine::Timer::new() {
            return Self::Fine(timer);
        }
        Self::Coarse
    }

    /// Waits until this time; the same time again, where the wait was given up.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn until(&mut self, at: Instant) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Fine(timer) => {
                if timer.until(at).await.is_err() {
                    sleep_until(at).await;
                }
            }
            Self::Coarse => sleep_until(at).await,
        }
    }
}

#[cfg(target_os = "linux")]
mod fine {
    use std::io;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::net::unix::pipe::Receiver;
    use tokio::time::Instant;

    /// A timer of the system that the runtime waits for as for a socket.
    #[derive(Debug)]
    pub(in super::super) struct Timer {
        /// No pipe, but read like one, without blocking: the runtime's type for any descriptor
        /// takes `unsafe`.
        timer: Receiver,
        /// What it is set to.
        set_to: Option<Instant>,
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let timer = Receiver::from_owned_fd_unchecked(timer)?;
            let set_to = None;
            Ok(Self { timer, set_to })
        }

        pub(super) async fn until(&mut self, at: Instant) -> io::Result<()> {
            let wait = at.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            if self.set_to != Some(at) {
                self.set(wait)?;
                self.set_to = Some(at);
            }
            loop {
                self.timer.readable().await?;
                match self.timer.try_read(&mut [0; 8]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    outcome => {
                        self.set_to = None;
                        return outcome.map(drop);
                    }
                }
            }
        }

        /// Setting it forgets that it went off before.
        fn set(&self, wait: Duration) -> io::Result<()> {
            let spec = Itimerspec {
                it_interval: timespec(Duration::ZERO)?,
                it_value: timespec(wait)?,
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
            Ok(())
        }
    }

    fn timespec(duration: Duration) -> io::Result<Timespec> {
        Timespec::try_from(duration).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// On the real clock: what is tested is the system's timer.
    #[tokio::test]
    async fn it_waits_until_the_time_and_not_less() {
        let mut pacer = Pacer::new();
        let start = Instant::now();
        for ms in [3, 1, 5] {
            let at = start + Duration::from_millis(ms);
            pacer.until(at).await;
            assert!(Instant::now() >= at);
        }
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_can_be_taken_up_again_or_replaced() {
        let mut pacer = Pacer::new();
        let far = Instant::now() + Duration::from_secs(3600);
        let moment = Duration::from_millis(2);
        for _ in 0..2 {
            assert!(timeout(moment, pacer.until(far)).await.is_err());
        }
        let near = Instant::now() + moment;
        let reached = timeout(Duration::from_secs(30), pacer.until(near)).await;
        assert!(reached.is_ok());
    }
}
