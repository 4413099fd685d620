//! What those who watch are told: the status now, and whenever it has changed.

use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream::unfold;

use super::board::Board;
use super::service::{Question, answer, unknown};
use super::status::HealthStatus;
use crate::builtin::Access;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::RequestResults;

/// Who watches, what, and what was told last.
struct Watch {
    board: Arc<Board>,
    service: String,
    told: Option<HealthStatus>,
}

enum State {
    Watching(Watch),
    Refused(RpcError),
    Over,
}

/// The answers to one caller. Nothing is queued: each is made when the caller has room for it,
/// of what holds then.
pub(super) async fn follow(
    board: Arc<Board>,
    access: &Access,
    context: &CallContext,
    mut requests: RequestResults,
) -> impl Stream<Item = Result<Bytes, RpcError>> + Send + 'static + use<> {
    let asked = match access.check(context) {
        Ok(()) => requests.next_bytes().await.unwrap_or(Ok(Bytes::new())),
        Err(refusal) => Err(refusal),
    };
    let state = match asked.and_then(|payload| Question::read(&payload)) {
        Ok(question) => State::Watching(Watch {
            board,
            service: question.service,
            told: None,
        }),
        Err(error) => State::Refused(error),
    };
    unfold(state, |state| async move {
        match state {
            State::Watching(watch) => watch.next().await,
            State::Refused(error) => Some((Err(error), State::Over)),
            State::Over => None,
        }
    })
}

impl Watch {
    /// Waits until there is something to tell. Ends where the server refuses calls and that
    /// was told, so that no watch holds up a shutdown.
    async fn next(mut self) -> Option<(Result<Bytes, RpcError>, State)> {
        loop {
            // Listening begins before the look, so that no change falls between.
            let news = self.board.news()?;
            let is_closed = self.board.is_closed();
            let Some(status) = self.board.status(&self.service) else {
                return Some((Err(unknown()), State::Over));
            };
            if self.told != Some(status) {
                self.told = Some(status);
                return Some((answer(status), State::Watching(self)));
            }
            if is_closed || !news.wait().await {
                return None;
            }
        }
    }
}
