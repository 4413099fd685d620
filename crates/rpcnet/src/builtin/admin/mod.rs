//! The admin service: what a server is doing, and what may be done to its node.
//!
//! Everything that it shows is made when it is asked for, from what is there anyway: a server
//! that nobody asks does nothing for it, but to keep the latest calls that failed.

mod about;
mod access;
mod act;
mod certificate;
mod cluster;
mod errors;
mod limits;
mod service;
mod shown;
mod snapshot;
mod traffic;
mod watch;

pub use self::access::AdminAccess;
