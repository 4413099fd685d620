//! One file or folder per command.

pub(crate) mod certs;
pub(crate) mod demo;
