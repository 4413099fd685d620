//! How a load calls.

use rpcnet::CallOptions;
use rpcnet_testkit::chaos::Random;
use std::time::Duration;

/// How a load calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// When the next call begins.
    pub(crate) pace: Pace,
    /// Deadline of each.
    pub(crate) timeout: Duration,
    /// Whether callers give up at random stages of a call.
    pub(crate) gives_up: bool,
    /// Which calls are declared idempotent.
    pub(crate) idempotent: Idempotent,
    /// Whether calls wait for somebody to go to.
    pub(crate) waits: bool,
}

/// When the next call begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many are in flight: each that ends is followed by the next.
    InFlight(usize),
    /// So many begin in a second, whether others have ended or not.
    PerSecond(f64),
}

/// Which calls are declared idempotent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Idempotent {
    None,
    /// Each with a chance of one half.
    Half,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            pace: Pace::InFlight(64),
            timeout: Duration::from_secs(5),
            gives_up: false,
            idempotent: Idempotent::None,
            waits: false,
        }
    }
}

impl Shape {
    /// As the default, but so many begin in a second.
    pub(crate) fn per_second(rate: f64) -> Self {
        Self {
            pace: Pace::PerSecond(rate),
            ..Self::default()
        }
    }

    pub(super) fn is_next_idempotent(&self, random: &mut Random) -> bool {
        match self.idempotent {
            Idempotent::None => false,
            Idempotent::Half => random.next_u64() >> 63 == 0,
        }
    }

    pub(super) fn options(&self, is_idempotent: bool) -> CallOptions {
        let mut options = CallOptions::new().with_timeout(self.timeout);
        if is_idempotent {
            options = options.idempotent();
        }
        if self.waits {
            options = options.wait_for_ready();
        }
        options
    }
}
