//! [`Answers`]: those of a batch that are ready and not yet written.

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::{ErrorCode, Load, encode};
use rpcnet_proto::{Code, Origin, Status};

use super::budget::{Share, UNCOUNTED_REPLY_BYTES_MAX};
use super::call::Verdict;
use super::connection::Connection;
use super::reply::put_load;
use super::unary::over_budget;
use crate::metrics::Outcome;
use crate::transport::{Interrupted, SendHalf};

/// Replies of up to this many bytes are copied behind those before them; longer ones travel
/// as they are.
const COPIED_REPLY_BYTES_MAX: usize = 8 << 10;

/// Room that is made with the first answer: others follow, as a rule.
const ROOM_BYTES_LEAST: usize = 512;

/// Answers as frames, in the order in which they became ready.
///
/// Of the bytes of one batch, as many are not counted as of a call with a stream of its own;
/// the others take their share of the connection's budget at once, or are replaced by a
/// status that says that there was no room.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Whole pieces that go before `frames`.
    pieces: Vec<Bytes>,
    frames: BytesMut,
    share: Option<Share>,
    uncounted: usize,
    count: usize,
}

impl Answers {
    /// Adds the answer to a call; returns how the call ended, and how long its reply is.
    pub(super) fn put(
        &mut self,
        connection: &Connection,
        index: usize,
        result: Result<Bytes, Verdict>,
        wants_load: bool,
    ) -> (Outcome, usize) {
        let result = result.and_then(|reply| self.admit(connection, reply));
        self.count += 1;
        let load = connection.load(wants_load);
        let room = room(load, &result);
        let is_first = self.frames.is_empty();
        self.frames.reserve(if is_first {
            room.max(ROOM_BYTES_LEAST)
        } else {
            room
        });
        encode::answer(&mut self.frames, index);
        put_load(&mut self.frames, load);
        match result {
            Ok(reply) => {
                let bytes = reply.len();
                encode::message_prefix(&mut self.frames, reply.len());
                if reply.len() <= COPIED_REPLY_BYTES_MAX {
                    self.frames.put_slice(&reply);
                } else {
                    self.pieces.push(self.frames.split().freeze());
                    self.pieces.push(reply);
                }
                (None, bytes)
            }
            Err(verdict) => {
                let (status, origin) = self.status(connection, verdict);
                encode::status(&mut self.frames, &status, origin);
                (Some(status.code), 0)
            }
        }
    }

    /// A reply that the client accepts and that has room.
    fn admit(&mut self, connection: &Connection, reply: Bytes) -> Result<Bytes, Verdict> {
        if let Some(verdict) = connection.refuse_long_reply(reply.len()) {
            return Err(verdict);
        }
        if self.count(connection, reply.len()) {
            return Ok(reply);
        }
        let budget = &connection.reply_budget;
        Err(over_budget(reply.len(), budget.queued(), budget.limit()))
    }

    /// Accounts for so many bytes; false where there is no room for them.
    fn count(&mut self, connection: &Connection, bytes: usize) -> bool {
        if self.uncounted + bytes <= UNCOUNTED_REPLY_BYTES_MAX {
            self.uncounted += bytes;
            return true;
        }
        let Some(more) = connection.reply_budget.take(bytes) else {
            return false;
        };
        match &mut self.share {
            Some(share) => share.merge(more),
            none => *none = Some(more),
        }
        true
    }

    /// What a call is told that has no reply; its text only where there is room for it.
    fn status(&mut self, connection: &Connection, verdict: Verdict) -> (Status, Origin) {
        let (status, origin) = match verdict {
            Verdict::Status(status, origin) => (status, origin),
            // W-76: the calls of a batch have no stream of their own to reset.
            Verdict::Reset(code) => (Status::new(code_of(code), ""), Origin::Server),
            Verdict::Answered => (Status::new(Code::Internal, ""), Origin::Server),
        };
        if self.count(connection, status.message.len() + status.details.len()) {
            return (status, origin);
        }
        let mut bare = Status::new(status.code, "");
        bare.retry_after = status.retry_after;
        (bare, origin)
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Takes them all; what comes next is counted as before.
    pub(super) fn take(&mut self) -> Self {
        let uncounted = self.uncounted;
        std::mem::replace(
            self,
            Self {
                uncounted,
                ..Self::default()
            },
        )
    }

    /// Writes them, and the end marker where they are the last. The half is ended then, unless
    /// it holds a share of a budget: its owner closes it.
    pub(super) async fn write(
        mut self,
        send: &mut SendHalf,
        are_last: bool,
    ) -> Result<(), Interrupted> {
        if let Some(share) = self.share.take() {
            send.hold(share);
        }
        for piece in self.pieces {
            send.write([piece]).await?;
        }
        if are_last {
            encode::end(&mut self.frames);
        }
        match are_last && !send.holds_share() {
            true => send.write_last([self.frames.freeze()]).await,
            false => send.write([self.frames.freeze()]).await,
        }
    }
}

/// Room for one answer, so that most take no more memory than they asked for.
fn room(load: Option<Load>, result: &Result<Bytes, Verdict>) -> usize {
    let body = match result {
        Ok(reply) if reply.len() <= COPIED_REPLY_BYTES_MAX => reply.len(),
        _ => 0,
    };
    let load = load.map_or(0, |_| encode::LOAD_FRAME_BYTES_MAX);
    encode::ANSWER_FRAME_BYTES_MAX + load + encode::PREFIX_BYTES_MAX + body
}

/// The status that says what a reset would.
pub(super) const fn code_of(code: ErrorCode) -> Code {
    match code {
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::LimitExceeded => Code::ResourceExhausted,
        ErrorCode::Shutdown => Code::Unavailable,
        _ => Code::Internal,
    }
}
