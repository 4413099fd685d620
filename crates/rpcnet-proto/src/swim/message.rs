//! What members say to each other.

use std::sync::Arc;

use super::{MemberState, NodeName, Record, Vote, codec};

/// A message: what it is for, and the news that travel with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests and by drivers")]
pub struct Message {
    /// What it is for.
    pub body: Body,
    /// News about anybody.
    pub updates: Vec<Update>,
}

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Are you there?
    Ping {
        /// Drawn at random: who did not get it cannot answer it (M-14).
        nonce: u64,
        /// Whether it came on a stream, and the answer is to take one too.
        on_stream: bool,
    },
    /// I am.
    Ack {
        /// That of the ping.
        nonce: u64,
    },
    /// Ping this member for me.
    PingReq {
        /// Drawn at random.
        nonce: u64,
        /// Whom to ping, at the address that the receiver knows.
        target: NodeName,
    },
    /// It has not answered me either, yet.
    Nack {
        /// That of the request.
        nonce: u64,
    },
    /// It has answered me.
    ForwardedAck {
        /// That of the request.
        nonce: u64,
    },
    /// Nothing but news.
    Gossip,
    /// Let me in, and tell me who is there.
    Join {
        /// Drawn at random.
        nonce: u64,
        /// The sender's own record.
        record: Arc<Record>,
    },
    /// Who is there, in one or more messages.
    JoinReply {
        /// That of the request.
        nonce: u64,
        /// Some of those that the sender knows.
        rows: Vec<Row>,
        /// How many messages the reply has. They may arrive in any order.
        parts: u64,
    },
    /// Compare your view with mine.
    Sync {
        /// Drawn at random.
        nonce: u64,
        /// A digest per bucket of names; their number is a power of two, 1 to 256.
        digests: Vec<u64>,
    },
    /// Where our views differ, this is mine.
    SyncReply {
        /// That of the request.
        nonce: u64,
        /// The buckets that differ.
        differing: Buckets,
        /// What the sender knows in them, in one or more messages.
        rows: Vec<Row>,
        /// How many messages the reply has. They may arrive in any order.
        parts: u64,
    },
    /// And this is what you lack.
    SyncPush {
        /// That of the request.
        nonce: u64,
        /// What the receiver lacks.
        rows: Vec<Row>,
    },
}

/// A piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a third kind is another protocol")]
pub enum Update {
    /// What a member says of itself.
    Record(Arc<Record>),
    /// What a member thinks of another.
    Vote(Arc<Vote>),
}

/// A member as the sender sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests and by drivers")]
pub struct Row {
    /// What the member says of itself.
    pub record: Arc<Record>,
    /// What the sender thinks of it: a vote of the sender.
    pub state: MemberState,
}

/// A set of sync buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets([u64; 4]);

impl Buckets {
    /// The most buckets there are.
    pub const COUNT_MAX: usize = 256;

    /// Adds a bucket; one beyond the last is ignored.
    pub fn insert(&mut self, bucket: usize) {
        if let Some(word) = self.0.get_mut(bucket / 64) {
            *word |= 1 << (bucket % 64);
        }
    }

    /// Whether the bucket is in the set.
    #[must_use]
    pub fn contains(&self, bucket: usize) -> bool {
        let word = self.0.get(bucket / 64).copied().unwrap_or_default();
        word >> (bucket % 64) & 1 == 1
    }

    /// Whether no bucket is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    pub(super) const fn words(self) -> [u64; 4] {
        self.0
    }

    pub(super) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }
}

impl Message {
    /// A message without news.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        Self {
            body,
            updates: Vec::new(),
        }
    }

    /// Every record in the message, so that the driver can verify them.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        let joins = match &self.body {
            Body::Join { record, .. } => Some(record),
            _ => None,
        };
        let rows = self.rows().iter().map(|row| &row.record);
        let updates = self.updates.iter().filter_map(|update| match update {
            Update::Record(record) => Some(record),
            Update::Vote(_) => None,
        });
        joins.into_iter().chain(rows).chain(updates)
    }

    /// Drops the records that do not pass `keep`; returns `false` where the
    /// message is a join whose record does not, and is to be dropped as a whole.
    #[must_use]
    pub fn retain_records(&mut self, mut keep: impl FnMut(&Record) -> bool) -> bool {
        match &mut self.body {
            Body::Join { record, .. } if !keep(record) => return false,
            Body::JoinReply { rows, .. }
            | Body::SyncReply { rows, .. }
            | Body::SyncPush { rows, .. } => rows.retain(|row| keep(&row.record)),
            _ => {}
        }
        self.updates.retain(|update| match update {
            Update::Record(record) => keep(record),
            Update::Vote(_) => true,
        });
        true
    }

    /// The bytes that [`Self::encode`] appends, found without encoding.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        codec::message_len(self)
    }

    /// A word for the body, for traces and counters.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.body {
            Body::Ping { .. } => "ping",
            Body::Ack { .. } => "ack",
            Body::PingReq { .. } => "ping-req",
            Body::Nack { .. } => "nack",
            Body::ForwardedAck { .. } => "forwarded-ack",
            Body::Gossip => "gossip",
            Body::Join { .. } => "join",
            Body::JoinReply { .. } => "join-reply",
            Body::Sync { .. } => "sync",
            Body::SyncReply { .. } => "sync-reply",
            Body::SyncPush { .. } => "sync-push",
        }
    }

    fn rows(&self) -> &[Row] {
        match &self.body {
            Body::JoinReply { rows, .. }
            | Body::SyncReply { rows, .. }
            | Body::SyncPush { rows, .. } => rows,
            _ => &[],
        }
    }
}
