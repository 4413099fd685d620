//! Writes messages, and says how long they are without writing them.

use std::net::IpAddr;

use bytes::{BufMut, BytesMut};

use super::byte;
use crate::swim::{
    Address, Body, Message, Record, Row, Standing, Statement, Update, Verdict, Version, Vote,
};
use crate::wire::varint;

impl Message {
    /// Appends the message. What the core hands out is within its limits.
    pub fn encode(&self, out: &mut BytesMut) {
        out.reserve(message_len(self));
        put_body(&self.body, out);
        put_count(self.updates.len(), out);
        for update in &self.updates {
            match update {
                Update::Record(record) => {
                    out.put_u8(byte::RECORD);
                    put_record(record, out);
                }
                Update::Vote(vote) => {
                    out.put_u8(byte::VOTE);
                    put_vote(vote, out);
                }
            }
        }
    }
}

fn put_body(body: &Body, out: &mut BytesMut) {
    let mut head = |kind: u8, nonce: &u64| {
        out.put_u8(kind);
        out.put_u64(*nonce);
    };
    match body {
        Body::Ping {
            nonce,
            on_stream: false,
        } => head(byte::PING, nonce),
        Body::Ping {
            nonce,
            on_stream: true,
        } => head(byte::PING_ON_STREAM, nonce),
        Body::Ack { nonce } => head(byte::ACK, nonce),
        Body::Nack { nonce } => head(byte::NACK, nonce),
        Body::ForwardedAck { nonce } => head(byte::FORWARDED_ACK, nonce),
        Body::Gossip => out.put_u8(byte::GOSSIP),
        Body::PingReq { nonce, target } => {
            head(byte::PING_REQ, nonce);
            put_bytes(target.as_str().as_bytes(), out);
        }
        Body::Join { nonce, record } => {
            head(byte::JOIN, nonce);
            put_record(record, out);
        }
        Body::JoinReply { nonce, rows, parts } => {
            head(byte::JOIN_REPLY, nonce);
            put_rows(rows, out);
            varint::encode(*parts, out);
        }
        Body::Sync { nonce, digests } => {
            head(byte::SYNC, nonce);
            put_count(digests.len(), out);
            digests.iter().for_each(|digest| out.put_u64(*digest));
        }
        Body::SyncReply {
            nonce,
            differing,
            rows,
            parts,
        } => {
            head(byte::SYNC_REPLY, nonce);
            differing.words().iter().for_each(|word| out.put_u64(*word));
            put_rows(rows, out);
            varint::encode(*parts, out);
        }
        Body::SyncPush { nonce, rows } => {
            head(byte::SYNC_PUSH, nonce);
            put_rows(rows, out);
        }
    }
}

fn put_rows(rows: &[Row], out: &mut BytesMut) {
    put_count(rows.len(), out);
    for row in rows {
        put_record(&row.record, out);
        out.put_u8(row.state as u8);
    }
}

fn put_record(record: &Record, out: &mut BytesMut) {
    put_statement(record.statement(), out);
    put_bytes(record.proof(), out);
}

/// Appends what a proof covers, which is also what travels.
pub(in crate::swim) fn put_statement(statement: &Statement, out: &mut BytesMut) {
    put_bytes(statement.name.as_str().as_bytes(), out);
    put_version(statement.version, out);
    out.put_u8(match statement.standing {
        Standing::Here => byte::HERE,
        Standing::Left => byte::LEFT,
    });
    put_address(statement.address, out);
    out.put_u64(statement.tags_changed);
    put_count(statement.tags.len(), out);
    for (key, value) in statement.tags.iter() {
        put_bytes(key.as_bytes(), out);
        put_bytes(value.as_bytes(), out);
    }
    put_bytes(&statement.key, out);
}

fn put_vote(vote: &Vote, out: &mut BytesMut) {
    put_bytes(vote.name.as_str().as_bytes(), out);
    put_version(vote.version, out);
    out.put_u8(match vote.verdict {
        Verdict::Suspect => 0,
        Verdict::Failed => 1,
    });
    put_bytes(vote.reporter.as_str().as_bytes(), out);
}

fn put_version(version: Version, out: &mut BytesMut) {
    out.put_u64(version.epoch);
    out.put_u64(version.incarnation);
}

fn put_address(address: Address, out: &mut BytesMut) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.put_u8(byte::IPV4);
            out.put_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.put_u8(byte::IPV6);
            out.put_slice(&ip.octets());
        }
    }
    out.put_u16(address.port());
}

/// Appends a length and that many bytes.
pub(in crate::swim) fn put_bytes(bytes: &[u8], out: &mut BytesMut) {
    put_count(bytes.len(), out);
    out.put_slice(bytes);
}

fn put_count(count: usize, out: &mut BytesMut) {
    varint::encode(count as u64, out);
}

/// The bytes of a whole message.
pub(in crate::swim) fn message_len(message: &Message) -> usize {
    let updates: usize = message.updates.iter().map(update_len).sum();
    body_len(&message.body) + count_len(message.updates.len()) + updates
}

/// The bytes of an update, the byte that tells its kind included.
pub(in crate::swim) fn update_len(update: &Update) -> usize {
    1 + match update {
        Update::Record(record) => record.encoded_len(),
        Update::Vote(vote) => vote_len(vote),
    }
}

/// The bytes of a row.
pub(in crate::swim) fn row_len(row: &Row) -> usize {
    row.record.encoded_len() + 1
}

/// The bytes of a vote.
fn vote_len(vote: &Vote) -> usize {
    bytes_len(vote.name.as_str().len()) + VERSION_LEN + 1 + bytes_len(vote.reporter.as_str().len())
}

/// The bytes of a record with this statement and proof.
pub(in crate::swim) fn record_len(statement: &Statement, proof: &[u8]) -> usize {
    let tags: usize = statement
        .tags
        .iter()
        .map(|(key, value)| bytes_len(key.len()) + bytes_len(value.len()))
        .sum();
    let address = if statement.address.is_ipv4() { 7 } else { 19 };
    bytes_len(statement.name.as_str().len())
        + VERSION_LEN
        + 1
        + address
        + 8
        + count_len(statement.tags.len())
        + tags
        + bytes_len(statement.key.len())
        + bytes_len(proof.len())
}

fn body_len(body: &Body) -> usize {
    match body {
        Body::Gossip => 1,
        Body::Ping { .. } | Body::Ack { .. } | Body::Nack { .. } | Body::ForwardedAck { .. } => {
            HEAD_LEN
        }
        Body::PingReq { target, .. } => HEAD_LEN + bytes_len(target.as_str().len()),
        Body::Join { record, .. } => HEAD_LEN + record.encoded_len(),
        Body::JoinReply { rows, parts, .. } => {
            HEAD_LEN + rows_len(rows) + varint::encoded_len(*parts)
        }
        Body::Sync { digests, .. } => HEAD_LEN + count_len(digests.len()) + 8 * digests.len(),
        Body::SyncReply { rows, parts, .. } => {
            HEAD_LEN + 32 + rows_len(rows) + varint::encoded_len(*parts)
        }
        Body::SyncPush { rows, .. } => HEAD_LEN + rows_len(rows),
    }
}

fn rows_len(rows: &[Row]) -> usize {
    count_len(rows.len()) + rows.iter().map(row_len).sum::<usize>()
}

const fn bytes_len(len: usize) -> usize {
    count_len(len) + len
}

const fn count_len(count: usize) -> usize {
    varint::encoded_len(count as u64)
}

/// The kind and the nonce.
const HEAD_LEN: usize = 9;
const VERSION_LEN: usize = 16;
