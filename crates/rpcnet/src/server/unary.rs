//! A unary call: one request is read, one reply is written.

use std::pin::pin;
use std::time::Instant;

use bytes::Bytes;
use rpcnet_proto::wire::{RequestEvent, RequestReader, WireError};
use rpcnet_proto::{Code, Origin, Status};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::budget::{COUNTED_REQUEST_BYTES_MIN, permits};
use super::call::{CallMeter, Places, Verdict, poll_once, supervise};
use super::connection::Connection;
use super::pace::Pace;
use super::reply;
use super::requests::Cut;
use super::router::{Failure, Unary};
use crate::context::CallContext;
use crate::transport::{RecvHalf, SendHalf};

/// A unary call that was admitted.
pub(crate) struct Call<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) pace: &'a Pace,
    pub(crate) context: &'a CallContext,
    pub(crate) meter: &'a CallMeter,
    pub(crate) places: Places,
}

impl Call<'_> {
    /// Reads the request, runs the handler, writes the reply.
    pub(crate) async fn run(
        self,
        send: &mut SendHalf,
        recv: &mut RecvHalf,
        reader: &mut RequestReader,
        handler: &Unary,
    ) -> Verdict {
        let Self {
            connection,
            pace,
            context,
            meter,
            places,
        } = self;
        let work = pin!(async {
            let (request, held) = read_request(connection, recv, reader).await?;
            meter.count_request(request.len());
            let replied = timed(pace, handler, context.clone(), request).await;
            drop(held);
            replied.map_err(|failure| {
                tracing::debug!(method = context.method(), error = %failure, "handler failed");
                Verdict::of_failure(failure)
            })
        });
        let reply = match supervise(context, work).await {
            Ok(reply) => reply,
            Err(verdict) => return verdict,
        };
        // The caller may start its next call as soon as it has the reply, so the
        // place is free before the reply is on its way.
        drop(places);
        if let Some(verdict) = connection.refuse_long_reply(reply.len()) {
            return verdict;
        }
        meter.count_response(reply.len());
        if reply::is_small(&reply) {
            let load = connection.load(context.wants_load());
            return reply::write_small(send, &reply, load);
        }
        send.set_stall_timeout(connection.limits().stall_timeout);
        tokio::select! {
            biased;
            ending = context.ended() => Verdict::of_ending(ending),
            verdict = Box::pin(reply::write_large(connection, send, reply, context.wants_load()))
                => verdict,
        }
    }
}

/// Runs the handler and notes how long its first poll holds the thread.
pub(super) async fn timed(
    pace: &Pace,
    handler: &Unary,
    context: CallContext,
    request: Bytes,
) -> Result<Bytes, Failure> {
    // The thread's own time: what a paused test clock says does not matter here.
    let began = Instant::now();
    let mut running = handler(context, request);
    let first = poll_once(running.as_mut()).await;
    pace.note(began.elapsed());
    match first {
        Some(replied) => replied,
        None => running.await,
    }
}

/// Reads the one message and the end marker, without letting the caller stall.
///
/// A long message first takes its share of the connection's budget, at once for
/// its whole length, so that no two half-read messages wait for each other.
async fn read_request(
    connection: &Connection,
    recv: &mut RecvHalf,
    reader: &mut RequestReader,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Verdict> {
    let mut request = None;
    let mut held = None;
    let mut is_open = true;
    loop {
        while let Some(event) = reader.next_event().map_err(cut)? {
            match event {
                RequestEvent::Message(message) => request = Some(message),
                // W-7: judged by what came along; a handler does not wait for more.
                RequestEvent::End if reader.buffered() > 0 => {
                    return Err(cut(WireError::TrailingBytes));
                }
                RequestEvent::End => {
                    let request = request.ok_or_else(|| cut(WireError::MessageMissing))?;
                    return Ok((request, held));
                }
                // The header came first and comes once.
                RequestEvent::Header(_) => {}
            }
        }
        if !is_open {
            return Err(cut(reader.finish().err().unwrap_or(WireError::Truncated)));
        }
        let pending = reader.pending_message().unwrap_or(0);
        if pending > COUNTED_REQUEST_BYTES_MIN && held.is_none() {
            let budget = connection.request_budget.clone();
            held = budget.acquire_many_owned(permits(pending)).await.ok();
        }
        let received = recv.receive(|chunk| reader.push(chunk));
        is_open = match timeout(connection.limits().stall_timeout, received).await {
            Ok(Ok(is_open)) => is_open,
            Ok(Err(interrupted)) => return Err(Verdict::of_cut(&Cut::Interrupted(interrupted))),
            Err(_elapsed) => return Err(Verdict::of_cut(&Cut::Stalled)),
        };
    }
}

fn cut(error: WireError) -> Verdict {
    Verdict::of_cut(&Cut::Wire(error))
}

/// The reply does not fit what may wait for this client.
pub(super) fn over_budget(len: usize, queued: usize, limit: usize) -> Verdict {
    Verdict::Status(
        Status::new(
            Code::ResourceExhausted,
            format!(
                "a reply of {len} bytes was dropped: {queued} of {limit} bytes wait for this \
                 client already; read faster, or raise RpcConfig::with_max_queued_reply_bytes"
            ),
        ),
        Origin::Server,
    )
}
