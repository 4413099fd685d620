//! One file or folder per command.

pub(crate) mod access;
pub(crate) mod bench;
pub(crate) mod call;
pub(crate) mod certs;
pub(crate) mod cluster;
mod codec;
pub(crate) mod completions;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod describe;
mod duration;
mod exit;
pub(crate) mod hangup;
pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod man;
mod metadata;
pub(crate) mod observe;
pub(crate) mod reference;
pub(crate) mod reflection;
pub(crate) mod stamp;
pub(crate) mod top;
mod tree;

pub(crate) use self::duration::parse_duration;
pub(crate) use self::exit::Exit;
