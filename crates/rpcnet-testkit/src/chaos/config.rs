//! What the proxy is told to do to the datagrams.

use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

/// How a [`ChaosProxy`](super::ChaosProxy) treats the datagrams in its care.
///
/// The default forwards everything untouched and at once. Each knob does one thing: `jitter` alone
/// does not reorder, `reorder` alone does not lose.
///
/// ```
/// use rpcnet_testkit::chaos::ChaosConfig;
/// use std::time::Duration;
///
/// let train_tunnel = ChaosConfig {
///     seed: 7,
///     loss: 0.05,
///     delay: Duration::from_millis(50),
///     jitter: Duration::from_millis(20),
///     ..ChaosConfig::default()
/// };
/// assert!(train_tunnel.validate().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChaosConfig {
    /// What every random choice follows from; default 0. The same seed and the same datagrams per
    /// client and direction meet the same fates.
    pub seed: u64,
    /// Chance that a datagram vanishes, 0 to 1; default 0.
    pub loss: f64,
    /// Chance that a datagram is delivered twice, 0 to 1; default 0. The second copy is never
    /// damaged.
    pub duplicate: f64,
    /// Chance that one random bit of a datagram is flipped, 0 to 1; default 0.
    pub corrupt: f64,
    /// Chance that a datagram is held for [`reorder_hold`](Self::reorder_hold) beyond its time, so
    /// that those behind it overtake, 0 to 1; default 0.
    pub reorder: f64,
    /// How much longer a reordered datagram is held; default 5 ms, at most [`DELAY_MAX`].
    pub reorder_hold: Duration,
    /// One-way delay; default none, at most [`DELAY_MAX`]. The clock behind it ticks in
    /// milliseconds: a datagram is up to about 1 ms late, never early.
    pub delay: Duration,
    /// The delay varies evenly by up to this much either way, not below zero; default none, at most
    /// [`DELAY_MAX`]. A datagram still never overtakes one before it, so under a dense flow jitter
    /// shows as bunching.
    pub jitter: Duration,
    /// Datagrams with a longer payload than this vanish, as in a path-MTU black hole; default none
    /// do.
    pub datagram_bytes_max: Option<usize>,
    /// The line's speed and queue; default unlimited.
    pub rate: Option<RateLimit>,
    /// The directions that all of the above is done to; default both. The other one is untouched.
    pub directions: Directions,
}

impl Default for ChaosConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            loss: 0.0,
            duplicate: 0.0,
            corrupt: 0.0,
            reorder: 0.0,
            reorder_hold: Duration::from_millis(5),
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            datagram_bytes_max: None,
            rate: None,
            directions: Directions::Both,
        }
    }
}

impl ChaosConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`], naming the first field that is out of its range.
    pub fn validate(&self) -> io::Result<()> {
        let chances = [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
            ("reorder", self.reorder),
        ];
        for (name, chance) in chances {
            // Written so that NaN is refused too.
            if !(0.0..=1.0).contains(&chance) {
                return Err(invalid(format!(
                    "{name} is {chance}, not a chance in 0..=1"
                )));
            }
        }
        let durations = [
            ("reorder_hold", self.reorder_hold),
            ("delay", self.delay),
            ("jitter", self.jitter),
        ];
        for (name, duration) in durations {
            if duration > DELAY_MAX {
                return Err(invalid(format!(
                    "{name} is {duration:?}, above {DELAY_MAX:?}"
                )));
            }
        }
        Ok(())
    }
}

/// The longest that [`ChaosConfig`] lets each of its durations be: 60 s.
pub const DELAY_MAX: Duration = Duration::from_secs(60);

/// A line that carries so many bytes per second and queues a little.
///
/// All clients of the proxy share it, one line per direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How fast the line is, counting UDP payload only.
    pub bytes_per_second: NonZeroU64,
    /// How much may wait for the line, in bytes of payload; what comes on top is dropped. An idle
    /// line takes a datagram of any size.
    pub queue_bytes: u64,
}

/// Which way a datagram travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a client to the upstream.
    ToUpstream,
    /// From the upstream to a client.
    ToClient,
}

/// The directions that a [`ChaosConfig`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directions {
    /// Both ways.
    Both,
    /// This way only: with a loss of 1, a one-way partition.
    Only(Direction),
}

impl Directions {
    /// Says whether `direction` is one of them.
    #[must_use]
    pub fn contains(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == direction,
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_outside_its_range_is_refused_by_name() {
        for chance in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            let config = ChaosConfig {
                corrupt: chance,
                ..ChaosConfig::default()
            };
            let error = config.validate().expect_err("the chance is no chance");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("corrupt"), "{error}");
        }
    }

    #[test]
    fn the_longest_delay_is_accepted_and_one_more_is_not() {
        let delayed = |delay| ChaosConfig {
            delay,
            ..ChaosConfig::default()
        };
        assert!(delayed(DELAY_MAX).validate().is_ok());
        assert!(
            delayed(DELAY_MAX + Duration::from_nanos(1))
                .validate()
                .is_err()
        );
    }
}
