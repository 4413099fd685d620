//! One attempt: a call is sent to one worker once.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::Inner;
use crate::client::{Request, RpcClient};
use crate::cluster::workers::SelectedWorker;
use crate::error::blame::Blame;
use crate::error::{ConnectionError, ConnectionErrorKind, HandlerRan, RpcError};

impl Inner {
    /// Sends a unary call to the worker, and notes how it went.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        payload: &Bytes,
        selected: &SelectedWorker,
    ) -> Result<Bytes, RpcError> {
        let result = self.send(request, payload, selected).await;
        self.judge(selected, &result);
        result
    }

    async fn send(
        &self,
        request: &Request,
        payload: &Bytes,
        selected: &SelectedWorker,
    ) -> Result<Bytes, RpcError> {
        let client = self.client(selected).await?;
        let sent = pin!(client.attempt(request, payload));
        let attempted = if request.options.idempotent {
            // It is not lost with a worker that falls silent.
            tokio::select! {
                biased;
                attempted = sent => attempted,
                _ = selected.state().lost() => return Err(out_of_reach(HandlerRan::Maybe)),
                () = patience(self.config.attempt_timeout) => {
                    return Err(out_of_reach(HandlerRan::Maybe));
                }
            }
        } else {
            sent.await
        };
        if let Some(load) = attempted.load {
            let state = selected.state();
            state.load.report(state.now(), load.utilization());
        }
        attempted.result
    }

    /// A client that is connected to the worker.
    pub(super) async fn client(
        &self,
        selected: &SelectedWorker,
    ) -> Result<std::sync::Arc<RpcClient>, RpcError> {
        let client = self.lines.line(selected.worker())?.client();
        if client.is_connected() {
            return Ok(client);
        }
        tokio::select! {
            biased;
            connected = client.connected() => connected?,
            _ = selected.state().lost() => return Err(out_of_reach(HandlerRan::No)),
        }
        Ok(client)
    }

    /// Notes what the end of an attempt says about its worker.
    pub(super) fn judge<T>(&self, selected: &SelectedWorker, result: &Result<T, RpcError>) {
        selected.note(result);
        let Err(error) = result else {
            return;
        };
        match error.blame() {
            Blame::Load(_) => self.counters.refused.one(),
            Blame::Worker if !self.lines.is_connected(selected.worker()) => self.lines.tell_lost(),
            _ => {}
        }
    }
}

/// Waits for so long, or for ever.
async fn patience(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// The worker does not answer any more.
fn out_of_reach(ran: HandlerRan) -> RpcError {
    let kind = ConnectionErrorKind::Unreachable;
    RpcError::ConnectionError(ConnectionError::new(kind, ran, None))
}
