//! The last frames of a call: a reply, a status, or a reset.

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::{ErrorCode, encode};
use tokio::time::timeout;

use super::budget::UNCOUNTED_REPLY_BYTES_MAX;
use super::call::{END, Verdict};
use super::connection::Connection;
use super::unary::over_budget;
use crate::transport::{Interrupted, SendHalf};

/// Writes a unary reply: one write where it is small.
///
/// A large one holds its share of the connection's budget until the client has
/// acknowledged it, and is dropped where the client stops reading.
pub(crate) async fn write_unary(
    connection: &Connection,
    send: &mut SendHalf,
    reply: Bytes,
) -> Verdict {
    if reply.len() <= UNCOUNTED_REPLY_BYTES_MAX {
        let mut frames = BytesMut::with_capacity(encode::PREFIX_BYTES_MAX + reply.len() + 1);
        encode::message_prefix(&mut frames, reply.len());
        frames.put_slice(&reply);
        encode::end(&mut frames);
        return match write_and_finish(send, frames.freeze()).await {
            Ok(()) => Verdict::Answered,
            // The client is gone or wants no reply: there is nobody to tell.
            Err(_) => Verdict::Reset(ErrorCode::Cancelled),
        };
    }
    let budget = &connection.reply_budget;
    let Some(_share) = budget.take(reply.len()) else {
        return over_budget(reply.len(), budget.queued(), budget.limit());
    };
    let stall_timeout = connection.limits().stall_timeout;
    let write = async {
        let mut prefix = BytesMut::with_capacity(encode::PREFIX_BYTES_MAX);
        encode::message_prefix(&mut prefix, reply.len());
        send.write(prefix.freeze()).await?;
        let mut rest = reply;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PROGRESS_BYTES));
            match timeout(stall_timeout, send.write(piece)).await {
                Ok(written) => written?,
                Err(_elapsed) => return Ok(Verdict::Reset(ErrorCode::Stalled)),
            }
        }
        send.write(END).await?;
        match timeout(stall_timeout, send.close()).await {
            Ok(acknowledged) => acknowledged.map(|()| Verdict::Answered),
            Err(_elapsed) => Ok(Verdict::Reset(ErrorCode::Stalled)),
        }
    };
    write.await.unwrap_or(Verdict::Reset(ErrorCode::Cancelled))
}

/// A peer that takes this many bytes per stall timeout is making progress.
const PROGRESS_BYTES: usize = 64 << 10;

/// Carries out a verdict on the sending half.
pub(crate) async fn conclude(connection: &Connection, send: &mut SendHalf, verdict: Verdict) {
    match verdict {
        Verdict::Answered => {}
        Verdict::Reset(code) => send.reset(code),
        Verdict::Status(status, origin) => {
            let mut frames = BytesMut::with_capacity(32 + status.message.len());
            encode::status(&mut frames, &status, origin);
            encode::end(&mut frames);
            let written = write_and_finish(send, frames.freeze());
            if timeout(connection.limits().stall_timeout, written)
                .await
                .is_err()
            {
                send.reset(ErrorCode::Stalled);
            }
        }
    }
}

async fn write_and_finish(send: &mut SendHalf, frames: Bytes) -> Result<(), Interrupted> {
    send.write(frames).await?;
    send.finish()
}
