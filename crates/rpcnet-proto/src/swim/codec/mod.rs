//! How messages look as bytes: `docs/spec/swim.md`, section 8.
//!
//! `varint` and `bytes` are those of [`wire`](crate::wire); numbers of eight bytes
//! are in network order.

mod decode;
mod encode;
mod error;

pub(super) use encode::{message_len, put_bytes, put_statement, record_len, row_len, update_len};
pub use error::MessageError;

/// The bytes that choose between alternatives, said once.
mod byte {
    pub(super) const PING: u8 = 1;
    pub(super) const ACK: u8 = 2;
    pub(super) const PING_REQ: u8 = 3;
    pub(super) const NACK: u8 = 4;
    pub(super) const FORWARDED_ACK: u8 = 5;
    pub(super) const GOSSIP: u8 = 6;
    pub(super) const JOIN: u8 = 7;
    pub(super) const JOIN_REPLY: u8 = 8;
    pub(super) const SYNC: u8 = 9;
    pub(super) const SYNC_REPLY: u8 = 10;
    pub(super) const SYNC_PUSH: u8 = 11;
    pub(super) const PING_ON_STREAM: u8 = 12;

    pub(super) const RECORD: u8 = 0;
    pub(super) const VOTE: u8 = 1;

    pub(super) const HERE: u8 = 0;
    pub(super) const LEFT: u8 = 1;

    pub(super) const IPV4: u8 = 4;
    pub(super) const IPV6: u8 = 6;
}
