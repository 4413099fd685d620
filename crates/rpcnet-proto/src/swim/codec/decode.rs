//! Reads messages. Every field is checked against its limit before it is kept.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::{MessageError, byte};
use crate::swim::{
    Address, Body, Buckets, MemberState, Message, NodeName, Record, Row, Standing, Statement, Tags,
    Update, Verdict, Version, Vote,
};
use crate::wire::varint;

impl Message {
    /// The longest message that is read, in bytes.
    pub const BYTES_MAX: usize = 65_536;

    /// Reads a message. Bytes after the last field are ignored (M-38).
    ///
    /// # Errors
    /// [`MessageError`] says what is malformed; nothing of the message counts.
    pub fn decode(bytes: Bytes) -> Result<Self, MessageError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(MessageError::TooLarge {
                len: bytes.len(),
                limit: Self::BYTES_MAX,
            });
        }
        let mut reader = Reader(bytes);
        let body = reader.body()?;
        let updates = reader.list(Reader::update)?;
        Ok(Self { body, updates })
    }
}

/// What is left of a message. Every read either takes a whole field or fails.
struct Reader(Bytes);

impl Reader {
    fn body(&mut self) -> Result<Body, MessageError> {
        let kind = self.byte()?;
        if kind == byte::GOSSIP {
            return Ok(Body::Gossip);
        }
        if !(byte::PING..=byte::PING_ON_STREAM).contains(&kind) {
            let what = "kind of message";
            return Err(MessageError::Unknown { what, byte: kind });
        }
        let nonce = self.number()?;
        Ok(match kind {
            byte::PING | byte::PING_ON_STREAM => Body::Ping {
                nonce,
                on_stream: kind == byte::PING_ON_STREAM,
            },
            byte::ACK => Body::Ack { nonce },
            byte::NACK => Body::Nack { nonce },
            byte::FORWARDED_ACK => Body::ForwardedAck { nonce },
            byte::PING_REQ => Body::PingReq {
                nonce,
                target: self.name()?,
            },
            byte::JOIN => Body::Join {
                nonce,
                record: self.record()?,
            },
            byte::JOIN_REPLY => Body::JoinReply {
                nonce,
                rows: self.list(Self::row)?,
                parts: self.varint()?,
            },
            byte::SYNC => Body::Sync {
                nonce,
                digests: self.digests()?,
            },
            byte::SYNC_REPLY => Body::SyncReply {
                nonce,
                differing: self.buckets()?,
                rows: self.list(Self::row)?,
                parts: self.varint()?,
            },
            _ => Body::SyncPush {
                nonce,
                rows: self.list(Self::row)?,
            },
        })
    }

    /// Reads a count and as many items. Nothing is reserved for the count: each
    /// item has to be there, so the message's own length bounds the list.
    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, MessageError>,
    ) -> Result<Vec<T>, MessageError> {
        let count = self.varint()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn update(&mut self) -> Result<Update, MessageError> {
        match self.byte()? {
            byte::RECORD => Ok(Update::Record(self.record()?)),
            byte::VOTE => Ok(Update::Vote(Arc::new(self.vote()?))),
            byte => Err(MessageError::Unknown {
                what: "kind of update",
                byte,
            }),
        }
    }

    fn row(&mut self) -> Result<Row, MessageError> {
        let record = self.record()?;
        let state = match self.byte()? {
            0 => MemberState::Alive,
            1 => MemberState::Suspect,
            2 => MemberState::Failed,
            3 => MemberState::Left,
            byte => {
                let what = "state of a member";
                return Err(MessageError::Unknown { what, byte });
            }
        };
        Ok(Row { record, state })
    }

    fn record(&mut self) -> Result<Arc<Record>, MessageError> {
        let statement = Statement {
            name: self.name()?,
            version: self.version()?,
            standing: match self.byte()? {
                byte::HERE => Standing::Here,
                byte::LEFT => Standing::Left,
                byte => {
                    let what = "standing";
                    return Err(MessageError::Unknown { what, byte });
                }
            },
            address: self.address()?,
            tags_changed: self.number()?,
            tags: self.tags()?,
            key: self.bytes("key", Record::KEY_BYTES_MAX)?,
        };
        let proof = self.bytes("proof", Record::PROOF_BYTES_MAX)?;
        Ok(Arc::new(Record::new(statement, proof)))
    }

    fn tags(&mut self) -> Result<Tags, MessageError> {
        let count = self.varint()?;
        check_len("number of tags", count, Tags::COUNT_MAX)?;
        let mut tags = Tags::new();
        for _ in 0..count {
            let key = self.bytes("tag's key", Tags::KEY_BYTES_MAX)?;
            let value = self.bytes("tag's value", Tags::VALUE_BYTES_MAX)?;
            tags.push_sorted(text(&key)?, text(&value)?)?;
        }
        Ok(tags)
    }

    fn vote(&mut self) -> Result<Vote, MessageError> {
        Ok(Vote {
            name: self.name()?,
            version: self.version()?,
            verdict: match self.byte()? {
                0 => Verdict::Suspect,
                1 => Verdict::Failed,
                byte => {
                    let what = "verdict";
                    return Err(MessageError::Unknown { what, byte });
                }
            },
            reporter: self.name()?,
        })
    }

    fn version(&mut self) -> Result<Version, MessageError> {
        Ok(Version {
            epoch: self.number()?,
            incarnation: self.number()?,
        })
    }

    fn address(&mut self) -> Result<Address, MessageError> {
        let ip = match self.byte()? {
            byte::IPV4 => Ipv4Addr::from(self.array::<4>()?).into(),
            byte::IPV6 => Ipv6Addr::from(self.array::<16>()?).into(),
            byte => {
                let what = "kind of address";
                return Err(MessageError::Unknown { what, byte });
            }
        };
        Ok(SocketAddr::new(ip, u16::from_be_bytes(self.array()?)))
    }

    fn digests(&mut self) -> Result<Vec<u64>, MessageError> {
        let digests = self.list(|reader| {
            let digest = reader.number()?;
            Ok(digest)
        })?;
        check_len(
            "number of buckets",
            digests.len() as u64,
            Buckets::COUNT_MAX,
        )?;
        if !digests.len().is_power_of_two() {
            return Err(MessageError::Unknown {
                what: "number of buckets",
                byte: u8::try_from(digests.len()).unwrap_or(u8::MAX),
            });
        }
        Ok(digests)
    }

    fn buckets(&mut self) -> Result<Buckets, MessageError> {
        let mut words = [0; 4];
        for word in &mut words {
            *word = self.number()?;
        }
        Ok(Buckets::from_words(words))
    }

    fn name(&mut self) -> Result<NodeName, MessageError> {
        let bytes = self.bytes("node's name", NodeName::BYTES_MAX)?;
        Ok(NodeName::new(text(&bytes)?)?)
    }

    fn bytes(&mut self, what: &'static str, limit: usize) -> Result<Bytes, MessageError> {
        let len = self.varint()?;
        check_len(what, len, limit)?;
        let len = usize::try_from(len).map_err(|_| MessageError::TooShort)?;
        if len > self.0.len() {
            return Err(MessageError::TooShort);
        }
        // A copy: a slice of the datagram would keep the whole of it alive for
        // as long as the record lives.
        Ok(Bytes::copy_from_slice(&self.0.split_to(len)))
    }

    fn varint(&mut self) -> Result<u64, MessageError> {
        let (value, len) = varint::decode(&self.0)
            .map_err(|_| MessageError::VarintNotShortest)?
            .ok_or(MessageError::TooShort)?;
        self.0.advance(len);
        Ok(value)
    }

    fn number(&mut self) -> Result<u64, MessageError> {
        self.array().map(u64::from_be_bytes)
    }

    fn byte(&mut self) -> Result<u8, MessageError> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let array = *self.0.first_chunk().ok_or(MessageError::TooShort)?;
        self.0.advance(N);
        Ok(array)
    }
}

fn check_len(what: &'static str, len: u64, limit: usize) -> Result<(), MessageError> {
    let limit = limit as u64;
    if len > limit {
        return Err(MessageError::FieldTooLong { what, len, limit });
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, MessageError> {
    str::from_utf8(bytes).map_err(|_| MessageError::TextNotUtf8)
}
