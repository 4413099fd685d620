//! Who is in the cluster: SWIM with Lifeguard, as `docs/spec/swim.md` defines it.
//!
//! [`Swim`] is the state machine: no clock, no socket, no task. What is not here:
//! the verification of proofs, the connections, the sending; they are the driver's.

mod agenda;
mod awareness;
mod codec;
mod config;
mod counters;
mod dispatch;
mod event;
mod gone;
mod gossip;
mod identity;
mod ids;
mod index;
mod join;
mod learn;
mod leave;
mod limits;
mod machine;
mod me;
mod member;
mod members;
mod message;
mod name;
mod order;
mod partition;
mod pause;
mod precedence;
mod probe;
mod queue;
mod quorum;
mod record;
mod relay;
mod rtt;
mod suspicion;
mod sweep;
mod sync;
mod tags;
mod time;
mod transmit;
mod vote;

pub use codec::MessageError;
pub use config::Config;
pub use counters::Counters;
pub use event::{Conflict, Event, LimitKind};
pub use identity::{Address, Identity, Sign};
pub use limits::Limits;
pub use machine::Swim;
pub use member::{Member, MemberState};
pub use message::{Body, Buckets, Message, Row, Update};
pub use name::{NameError, NodeName};
pub use partition::PartitionEvidence;
pub use quorum::{QuorumView, Side, stable_after};
pub use record::{Record, Standing, Statement, Version};
pub use tags::{TagError, Tags};
pub use time::Time;
pub use transmit::{Destination, Transmit};
pub use vote::{Verdict, Vote};
