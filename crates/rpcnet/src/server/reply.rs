//! The last frames of a call: a reply, a status, or a reset.

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::Code;
use rpcnet_proto::wire::{ErrorCode, Load, encode};

use super::budget::UNCOUNTED_REPLY_BYTES_MAX;
use super::call::Verdict;
use super::connection::Connection;
use super::unary::over_budget;
use crate::transport::SendHalf;
use crate::transport::stream::END;

/// Returns true for a unary reply that is one write and is not counted.
pub(crate) fn is_small(reply: &Bytes) -> bool {
    reply.len() <= UNCOUNTED_REPLY_BYTES_MAX
}

/// Writes a small unary reply. Nothing was sent on the stream, so there is room.
pub(crate) fn write_small(send: &mut SendHalf, reply: &Bytes, load: Option<Load>) -> Verdict {
    let room = encode::PREFIX_BYTES_MAX + reply.len() + tail_room(load);
    let mut frames = BytesMut::with_capacity(room);
    encode::message_prefix(&mut frames, reply.len());
    frames.put_slice(reply);
    put_load(&mut frames, load);
    encode::end(&mut frames);
    Verdict::of_written(&send.push_last(frames.freeze()))
}

/// Writes a large unary reply, which holds its share of the connection's budget until
/// the client has acknowledged it, and is dropped where the client stops reading.
pub(crate) async fn write_large(
    connection: &Connection,
    send: &mut SendHalf,
    reply: Bytes,
    wants_load: bool,
) -> Verdict {
    let budget = &connection.reply_budget;
    let Some(share) = budget.take(reply.len()) else {
        return over_budget(reply.len(), budget.queued(), budget.limit());
    };
    send.hold(share);
    let mut prefix = BytesMut::with_capacity(encode::PREFIX_BYTES_MAX);
    encode::message_prefix(&mut prefix, reply.len());
    let written = async {
        send.write([prefix.freeze(), reply, tail(connection.load(wants_load))])
            .await?;
        send.close().await
    };
    Verdict::of_written(&written.await)
}

/// Carries out a verdict on the sending half.
///
/// W-68: a STATUS is written only where no end marker was, so no load was either.
pub(crate) async fn conclude(
    connection: &Connection,
    send: &mut SendHalf,
    verdict: Verdict,
    wants_load: bool,
) {
    match verdict {
        Verdict::Answered => {}
        Verdict::Reset(code) => give_up(connection, send, code).await,
        Verdict::Status(status, _) if send.is_torn() => {
            give_up(connection, send, reset_code(status.code)).await;
        }
        Verdict::Status(status, origin) => {
            let load = connection.load(wants_load);
            let room = 32 + status.message.len() + tail_room(load);
            let mut frames = BytesMut::with_capacity(room);
            put_load(&mut frames, load);
            encode::status(&mut frames, &status, origin);
            encode::end(&mut frames);
            send.set_stall_timeout(connection.limits().stall_timeout);
            if let Verdict::Reset(code) =
                Verdict::of_written(&send.write_last([frames.freeze()]).await)
            {
                give_up(connection, send, code).await;
            }
        }
    }
}

/// What follows the messages of a call that succeeded: its load, where it was asked for,
/// and the end marker. One piece, so that it is sent whole or not at all.
pub(crate) fn tail(load: Option<Load>) -> Bytes {
    if load.is_none() {
        return END;
    }
    let mut tail = BytesMut::with_capacity(tail_room(load));
    put_load(&mut tail, load);
    encode::end(&mut tail);
    tail.freeze()
}

fn tail_room(load: Option<Load>) -> usize {
    load.map_or(1, |_| encode::LOAD_FRAME_BYTES_MAX + 1)
}

pub(super) fn put_load(frames: &mut BytesMut, load: Option<Load>) {
    if let Some(load) = load {
        encode::load(frames, load);
    }
}

/// Ends the half as cut off; what waits for the client by then stays accounted for.
pub(super) async fn give_up(connection: &Connection, send: &mut SendHalf, code: ErrorCode) {
    send.trim_share(connection.limits().stream_send_buffer);
    send.give_up(code).await;
}

/// The nearest that a reset comes to a status, where a frame was begun and a status
/// would be taken for a part of it.
fn reset_code(code: Code) -> ErrorCode {
    match code {
        Code::DeadlineExceeded => ErrorCode::DeadlineExceeded,
        Code::Unavailable => ErrorCode::Shutdown,
        Code::ResourceExhausted => ErrorCode::LimitExceeded,
        Code::Cancelled => ErrorCode::Cancelled,
        _ => ErrorCode::Internal,
    }
}
