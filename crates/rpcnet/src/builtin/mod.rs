//! Services that the library brings along, each switched on by one line.
//!
//! They tell about the server that they run in, so each says who may ask: see [`Access`].

mod access;

pub use self::access::Access;
