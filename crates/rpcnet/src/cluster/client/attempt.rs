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
        match self.send(request, payload, selected).await {
            Ok(reply) => {
                selected.praise();
                Ok(reply)
            }
            Err(error) => Err(self.judged(selected, error)),
        }
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
            selected.state().report(load);
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

    /// Notes what a failed attempt says about its worker; the error, as its caller sees it.
    pub(super) fn judged(&self, selected: &SelectedWorker, error: RpcError) -> RpcError {
        let error = match error {
            // The line was cut because its worker is gone; the client lives on.
            RpcError::ConnectionError(cut)
                if cut.is_of_closed_client() && !self.lines.is_closed() =>
            {
                out_of_reach(cut.handler_ran())
            }
            other => other,
        };
        selected.blame(&error);
        match error.blame() {
            Blame::Load(_) => self.counters.refused.one(),
            Blame::Worker if !self.lines.is_connected(selected.worker()) => {
                self.lines.tell_lost();
                // Whether it has failed, the membership finds out.
                let cluster = self.registry.cluster();
                cluster.report_failure(selected.name().as_str());
            }
            _ => {}
        }
        error.at_worker(selected)
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
