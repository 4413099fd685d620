//! A streaming call: responses are written as the handler yields them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::ErrorCode;

use super::call::{CallMeter, Places, Verdict, contain_panic_in, supervise};
use super::connection::Connection;
use super::reply;
use super::router::{Failure, Responses};
use crate::context::CallContext;
use crate::transport::gathered::{Gathered, Next, Tempo};
use crate::transport::{Interrupted, SendHalf};

/// A streaming call that was admitted. Its places are held until its handler has ended.
pub(crate) struct Call<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) context: &'a CallContext,
    pub(crate) meter: &'a CallMeter,
    pub(crate) places: Places,
}

impl Call<'_> {
    /// Runs the handler and writes what it yields.
    pub(crate) async fn run<F>(self, send: &mut SendHalf, handler: impl FnOnce() -> F) -> Verdict
    where
        F: Future<Output = Responses>,
    {
        let Self {
            connection,
            context,
            meter,
            places,
        } = self;
        let mut writer = Writer {
            connection,
            meter,
            send,
            wants_load: context.wants_load(),
            tempo: Tempo::default(),
        };
        let work = pin!(async move {
            let mut responses = handler().await;
            loop {
                let Gathered { frames, next } =
                    writer.gather(context, &mut responses).await.map_err(gone)?;
                match next {
                    Next::End => {
                        // The caller may start its next call as soon as it sees the end.
                        drop(places);
                        return writer.finish(frames).await.map_err(gone);
                    }
                    Next::Unknown => writer.write(frames).await.map_err(gone)?,
                    Next::Long(message) => {
                        writer.write(frames).await.map_err(gone)?;
                        writer.write_long(message).await.map_err(gone)?;
                    }
                    Next::Failed(verdict) => {
                        writer.write(frames).await.map_err(gone)?;
                        return Err(verdict);
                    }
                }
            }
        });
        supervise(context, work)
            .await
            .map_or_else(|verdict| verdict, |()| Verdict::Answered)
    }
}

/// The client is gone or wants no more: there is nobody to tell.
fn gone(_: Interrupted) -> Verdict {
    Verdict::Reset(ErrorCode::Cancelled)
}

/// Writes responses within the connection's budget of bytes that wait for the client.
struct Writer<'a> {
    connection: &'a Connection,
    meter: &'a CallMeter,
    send: &'a mut SendHalf,
    wants_load: bool,
    tempo: Tempo,
}

impl Writer<'_> {
    /// Waits for the handler's next response; gives the budget back meanwhile, once
    /// the client has acknowledged all that was written.
    async fn next(
        &mut self,
        responses: &mut Responses,
    ) -> Result<Option<Result<Bytes, Failure>>, Interrupted> {
        let tempo = &mut self.tempo;
        let mut next = pin!(poll_fn(|cx| tempo.poll(|| responses.as_mut().poll_next(cx))));
        if self.send.holds_share() {
            tokio::select! {
                biased;
                response = &mut next => return Ok(response),
                acknowledged = self.send.acknowledged() => acknowledged?,
            }
        }
        Ok(next.await)
    }

    /// Waits for the handler's next response, and takes along what else is ready.
    async fn gather(
        &mut self,
        context: &CallContext,
        responses: &mut Responses,
    ) -> Result<Gathered<Verdict>, Interrupted> {
        let (connection, meter) = (self.connection, self.meter);
        let judged = |response: Option<Result<Bytes, Failure>>| {
            response.map(|response| judge(connection, context, meter, response))
        };
        let mut gathered = Gathered::from_first(judged(self.next(responses).await?));
        let room = self.send.room_now();
        let tempo = &mut self.tempo;
        // What was gathered before a panic is the client's all the same.
        let added = poll_fn(|cx| {
            Poll::Ready(contain_panic_in(context, || {
                gathered.add(cx, tempo, room, |cx| {
                    responses.as_mut().poll_next(cx).map(judged)
                });
            }))
        });
        if let Err(panicked) = added.await {
            gathered.next = Next::Failed(panicked);
        }
        Ok(gathered)
    }

    async fn write(&mut self, frames: BytesMut) -> Result<(), Interrupted> {
        if frames.is_empty() {
            return Ok(());
        }
        self.reserve(frames.len()).await;
        self.send.write([frames.freeze()]).await
    }

    async fn write_long(&mut self, message: Bytes) -> Result<(), Interrupted> {
        self.reserve(message.len()).await;
        self.send.write_long(message).await
    }

    /// Waits until so many bytes fit the connection's budget.
    async fn reserve(&mut self, bytes: usize) {
        let buffer = self.connection.limits().stream_send_buffer;
        self.send.trim_share(buffer);
        if let Some(share) = self.connection.reply_budget.wait(bytes).await {
            self.send.hold(share);
        }
    }

    /// Writes the last frames and the end, and holds the budget until the client has them.
    async fn finish(&mut self, frames: BytesMut) -> Result<(), Interrupted> {
        if !frames.is_empty() {
            self.reserve(frames.len()).await;
        }
        let tail = reply::tail(self.connection.load(self.wants_load));
        let last = if frames.is_empty() {
            tail
        } else {
            let mut last = frames;
            last.extend_from_slice(&tail);
            last.freeze()
        };
        if self.send.holds_share() {
            self.send.write([last]).await?;
            self.send.close().await
        } else {
            self.send.write_last([last]).await
        }
    }
}

/// What a handler's response is to its caller.
fn judge(
    connection: &Connection,
    context: &CallContext,
    meter: &CallMeter,
    response: Result<Bytes, Failure>,
) -> Result<Bytes, Verdict> {
    let response = response.map_err(|failure| {
        tracing::debug!(method = context.method(), error = %failure, "handler failed");
        Verdict::of_failure(failure)
    })?;
    match connection.refuse_long_reply(response.len()) {
        Some(verdict) => Err(verdict),
        None => {
            meter.count_response(response.len());
            Ok(response)
        }
    }
}
