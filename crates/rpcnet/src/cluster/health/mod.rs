//! Whether members are in reach of this node: phi accrual over heartbeats of its own.
//!
//! This is one node's impression, for its own calls. Who is a member, and who has failed,
//! is decided by the membership alone.

mod checker;
mod config;
mod knock;
mod reach;
mod watch;

pub use self::checker::HealthChecker;
pub use self::config::HealthConfig;
pub(crate) use self::reach::Reach;
