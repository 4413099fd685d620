//! The decision core: what becomes of one datagram.

use super::config::{ChaosConfig, Direction};
use super::random::Random;
use std::time::Duration;

/// Decides what becomes of each datagram that travels one way.
///
/// A pure machine: time and chance are arguments, and for the same arguments in the same order the
/// verdicts are the same. Times count from whatever moment the owner calls zero.
#[derive(Debug, Clone)]
pub struct Fate {
    config: ChaosConfig,
    /// When the rate-limited line has carried all that was accepted.
    line_free: Duration,
    /// When the last datagram leaves that was not reordered; none leaves before it.
    last_release: Duration,
}

impl Fate {
    /// Creates the core for one direction; a direction that `config` leaves out is left alone.
    #[must_use]
    pub fn new(config: &ChaosConfig, direction: Direction) -> Self {
        let config = if config.directions.contains(direction) {
            *config
        } else {
            ChaosConfig::default()
        };
        Self {
            config,
            line_free: Duration::ZERO,
            last_release: Duration::ZERO,
        }
    }

    /// Decides about a datagram with `len` bytes of payload that arrives at `now`.
    pub fn decide(&mut self, random: &mut Random, now: Duration, len: usize) -> Verdict {
        let draws = Draws::new(random);
        if self.config.datagram_bytes_max.is_some_and(|max| len > max) {
            return Verdict::Drop(DropCause::Oversized);
        }
        if draws.loss < self.config.loss {
            return Verdict::Drop(DropCause::Lost);
        }
        let Some(departure) = self.pass_line(now, len) else {
            return Verdict::Drop(DropCause::Overflowed);
        };
        let reordered = draws.reorder < self.config.reorder;
        Verdict::Deliver(Delivery {
            release: self.release(departure, draws.jitter, reordered),
            reordered,
            duplicated: draws.duplicate < self.config.duplicate,
            flip: (draws.corrupt < self.config.corrupt)
                .then(|| BitFlip::choose(draws.bit, len))
                .flatten(),
        })
    }

    /// Returns when the line has carried the datagram, or `None` if its queue is full.
    fn pass_line(&mut self, now: Duration, len: usize) -> Option<Duration> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        let bytes_per_second = u128::from(rate.bytes_per_second.get());
        let bytes = len as u128;
        let backlog = self.line_free.saturating_sub(now);
        if !backlog.is_zero() {
            let queued = backlog.as_nanos() * bytes_per_second / NANOS_PER_SECOND;
            if queued + bytes > u128::from(rate.queue_bytes) {
                return None;
            }
        }
        let carrying = bytes * NANOS_PER_SECOND / bytes_per_second;
        let carrying = Duration::from_nanos(u64::try_from(carrying).unwrap_or(u64::MAX));
        self.line_free = now.max(self.line_free).saturating_add(carrying);
        Some(self.line_free)
    }

    fn release(&mut self, departure: Duration, jitter: f64, reordered: bool) -> Duration {
        let jitter_max = self.config.jitter;
        let delay =
            (self.config.delay + jitter_max.mul_f64(2.0 * jitter)).saturating_sub(jitter_max);
        let in_order = departure.saturating_add(delay).max(self.last_release);
        if reordered {
            // It does not move `last_release`: those behind it are meant to overtake.
            return in_order + self.config.reorder_hold;
        }
        self.last_release = in_order;
        in_order
    }
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes no further.
    Drop(DropCause),
    /// It is delivered, in this manner.
    Deliver(Delivery),
}

/// Why a datagram goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// By chance.
    Lost,
    /// It is longer than the path takes.
    Oversized,
    /// The line's queue is full.
    Overflowed,
}

/// How a datagram is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When it leaves; not before the moment it arrived.
    pub release: Duration,
    /// Whether it is held beyond its turn.
    pub reordered: bool,
    /// Whether a second, undamaged copy leaves right after it.
    pub duplicated: bool,
    /// The damage done to it, if any; an empty datagram cannot be damaged.
    pub flip: Option<BitFlip>,
}

/// One bit of a datagram, to be inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitFlip {
    /// The index of the byte, below the datagram's length.
    pub byte: usize,
    /// The bit within it, 0 to 7.
    pub bit: u8,
}

impl BitFlip {
    /// Inverts the bit in `datagram`; does nothing to one that is too short to have it.
    pub fn apply(self, datagram: &mut [u8]) {
        if let Some(byte) = datagram.get_mut(self.byte) {
            *byte ^= 1 << self.bit;
        }
    }

    fn choose(draw: u64, len: usize) -> Option<Self> {
        let bits = (len as u64).checked_mul(8).filter(|bits| *bits > 0)?;
        let index = draw % bits;
        Some(Self {
            byte: (index / 8) as usize,
            bit: (index % 8) as u8,
        })
    }
}

/// The numbers drawn for one datagram.
///
/// All are drawn for every datagram, whatever the configuration, so that turning one knob leaves the
/// other choices as they were: what is lost at 10 % is also lost at 20 %.
struct Draws {
    loss: f64,
    duplicate: f64,
    corrupt: f64,
    bit: u64,
    reorder: f64,
    jitter: f64,
}

impl Draws {
    fn new(random: &mut Random) -> Self {
        Self {
            loss: random.next_unit(),
            duplicate: random.next_unit(),
            corrupt: random.next_unit(),
            bit: random.next_u64(),
            reorder: random.next_unit(),
            jitter: random.next_unit(),
        }
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests;
