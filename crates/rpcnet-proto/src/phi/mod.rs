//! Whether a node is still heard, as one other node sees it: phi accrual.
//!
//! [`Phi`] is the detector of one edge: it learns the rhythm of a node's heartbeats
//! and says how unlikely the present silence is. [`Monitor`] runs many of them: whom
//! to ask when, whom to take for unreachable, when to ask the membership for a probe.
//! Neither knows a clock or a socket, and neither decides who is a member: that is
//! [`swim`](crate::swim)'s alone.
//!
//! After N. Hayashibara, X. Defago, R. Yared, T. Katayama: *The phi accrual failure
//! detector*, 2004, with what its users have added since: an acceptable pause, a least
//! standard deviation and a first estimate (Akka), and a guard against one's own
//! pauses (Cassandra).

mod action;
mod config;
mod detector;
mod edge;
mod monitor;
mod ring;
mod tail;
mod window;

pub use action::{Action, Target};
pub use config::Config;
pub use detector::Phi;
pub use monitor::Monitor;
