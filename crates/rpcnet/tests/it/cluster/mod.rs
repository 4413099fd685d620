//! Members that find each other over real QUIC, and what they say of each other.

pub(crate) mod attacks;
mod config;
mod draining;
mod events;
mod health;
mod join;
mod leaving;
mod many;
mod members;
pub(crate) mod nodes;
mod query;
mod registry;
mod snapshot;
