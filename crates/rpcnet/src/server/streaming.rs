//! A streaming call: responses are written as the handler yields them.

use std::future::{Future, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use rpcnet_proto::wire::ErrorCode;

use super::call::{Places, Verdict, supervise};
use super::connection::Connection;
use super::reply;
use super::router::{Failure, Responses};
use crate::context::CallContext;
use crate::transport::{Interrupted, SendHalf};

/// A streaming call that was admitted. Its places are held until its handler has ended.
pub(crate) struct Call<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) context: &'a CallContext,
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
            places,
        } = self;
        let mut writer = Writer {
            connection,
            send,
            wants_load: context.wants_load(),
        };
        let work = pin!(async move {
            let mut responses = handler().await;
            while let Some(response) = writer.next(&mut responses).await.map_err(gone)? {
                let response = response.map_err(|failure| {
                    tracing::debug!(method = context.method(), error = %failure, "handler failed");
                    Verdict::of_failure(failure)
                })?;
                if let Some(verdict) = connection.refuse_long_reply(response.len()) {
                    return Err(verdict);
                }
                writer.write(response).await.map_err(gone)?;
            }
            // The caller may start its next call as soon as it sees the end.
            drop(places);
            writer.finish().await.map_err(gone)
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
    send: &'a mut SendHalf,
    wants_load: bool,
}

impl Writer<'_> {
    /// Waits for the handler's next response; gives the budget back meanwhile, once
    /// the client has acknowledged all that was written.
    async fn next(
        &mut self,
        responses: &mut Responses,
    ) -> Result<Option<Result<Bytes, Failure>>, Interrupted> {
        let mut next = pin!(poll_fn(|cx| responses.as_mut().poll_next(cx)));
        if self.send.holds_share() {
            tokio::select! {
                biased;
                response = &mut next => return Ok(response),
                acknowledged = self.send.acknowledged() => acknowledged?,
            }
        }
        Ok(next.await)
    }

    async fn write(&mut self, message: Bytes) -> Result<(), Interrupted> {
        self.reserve(message.len()).await;
        self.send.write_message(message).await
    }

    /// Waits until the message fits the connection's budget.
    async fn reserve(&mut self, bytes: usize) {
        let buffer = self.connection.limits().stream_send_buffer;
        self.send.trim_share(buffer);
        if let Some(share) = self.connection.reply_budget.wait(bytes).await {
            self.send.hold(share);
        }
    }

    /// Ends the responses and holds the budget until the client has them.
    async fn finish(&mut self) -> Result<(), Interrupted> {
        let load = self.connection.load(self.wants_load);
        self.send.write([reply::tail(load)]).await?;
        if self.send.holds_share() {
            self.send.close().await
        } else {
            self.send.finish()
        }
    }
}
