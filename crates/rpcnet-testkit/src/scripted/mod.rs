//! Peers that speak QUIC and TLS correctly, and rpcnet's protocol as a test tells them to.
//!
//! A [`RawPeer`] is one end of a connection without any of the library's manners: it sends the bytes
//! it is given, whatever they mean, keeps to no limit that it was told, and reads only when asked.
//! [`RawServer`] makes one for each client that connects. The frames themselves come from
//! `rpcnet_proto`, [`frames`] puts together those that most tests begin with.

mod call;
mod endpoint;
pub mod frames;
mod peer;
mod tls;

pub use call::{RawCall, RawEnd, Received};
pub use endpoint::{RawClient, RawServer, Windows};
pub use peer::RawPeer;
