//! What goes on in a cluster, as its nodes' admin services tell it; what `top` and `dashboard`
//! show.

mod admin;
mod feeds;
mod histogram;
mod hub;
mod picture;
mod rates;
mod snapshot;
pub(crate) mod words;

pub(crate) use self::admin::{act, snapshot_of};
pub(crate) use self::hub::{Observation, observe};
#[cfg(test)]
pub(crate) use self::picture::MethodRow;
pub(crate) use self::picture::{EventLine, MemberRow, Picture};
pub(crate) use self::snapshot::Snapshot;
