//! One file or folder per command.

pub(crate) mod access;
pub(crate) mod bench;
pub(crate) mod certs;
pub(crate) mod cluster;
pub(crate) mod demo;
pub(crate) mod hangup;
pub(crate) mod stamp;
