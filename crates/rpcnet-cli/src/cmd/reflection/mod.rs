//! What a server tells about its methods, as the command reads it.

mod ask;
mod catalogue;
mod check;
mod example;
mod nearest;
mod session;
mod types;
mod write;

pub(crate) use self::ask::{Told, described};
pub(crate) use self::catalogue::{Catalogue, Kind, Method};
pub(crate) use self::check::{Mismatch, check, complete};
pub(crate) use self::example::example;
pub(crate) use self::session::Session;
pub(crate) use self::types::{Type, Types};
pub(crate) use self::write::{Legend, signature};
