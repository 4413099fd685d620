//! A seeded UDP proxy that does to datagrams what bad networks do.
//!
//! Start at [`ChaosProxy`]: clients talk to its address, it talks to the upstream, and in between a
//! [`ChaosConfig`] says how much is lost, delayed, repeated, reordered, damaged or squeezed through a
//! slow line. What happens to a datagram is decided by [`Fate`], which knows no socket and no clock
//! and answers the same for the same seed; everything else here moves bytes.

mod clients;
mod config;
mod fate;
mod held;
mod proxy;
mod random;
mod relay;
mod stats;

pub use config::{ChaosConfig, DELAY_MAX, Direction, Directions, RateLimit};
pub use fate::{BitFlip, Delivery, DropCause, Fate, Verdict};
pub use proxy::ChaosProxy;
pub use random::Random;
pub use stats::{ChaosStats, DirectionStats};

#[cfg(test)]
mod tests;
