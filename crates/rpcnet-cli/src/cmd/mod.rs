//! One file or folder per command.

pub(crate) mod access;
pub(crate) mod certs;
pub(crate) mod cluster;
pub(crate) mod demo;
pub(crate) mod hangup;
