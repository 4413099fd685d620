//! A second attempt beside a first that is slow.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::choose::Course;
use super::decide::{self, Next};
use super::{Inner, Target};
use crate::client::Request;
use crate::cluster::workers::SelectedWorker;
use crate::error::{HandlerRan, RpcError};

impl Inner {
    /// Attempts an idempotent call, after `after` at a second worker too. The first that
    /// succeeds is the result, and the other is cancelled; a failure waits for the other one,
    /// unless it would fail there too.
    pub(super) async fn hedged(
        &self,
        request: &Request,
        payload: &Bytes,
        target: &Target,
        course: &mut Course,
        first: SelectedWorker,
        after: Duration,
    ) -> Result<Bytes, RpcError> {
        let mut one = pin!(self.attempt(request, payload, &first));
        tokio::select! {
            biased;
            result = &mut one => return result,
            () = sleep(after) => {}
        }
        let Some(second) = self.second(target, course) else {
            return one.await;
        };
        let mut two = pin!(self.attempt(request, payload, &second));
        let (result, is_second) = tokio::select! {
            biased;
            result = &mut one => (result, false),
            result = &mut two => (result, true),
        };
        let (result, is_second) = match result {
            // The other one may help, or have been executed: it is not left without its end.
            Err(error)
                if decide::next(&error, true) != Next::Fail
                    || error.handler_ran() == HandlerRan::No =>
            {
                course.keep(error);
                match is_second {
                    true => (one.await, false),
                    false => (two.await, true),
                }
            }
            other => (other, is_second),
        };
        if is_second && result.is_ok() {
            self.counters.hedges_won.one();
        }
        result
    }

    /// Another worker for a hedge, if there is one, and budget for it.
    fn second(&self, target: &Target, course: &mut Course) -> Option<SelectedWorker> {
        let second = self.select(target, &course.tried).ok()?;
        if course.tried.has(&second) || !self.budget.withdraw(self.now()) {
            return None;
        }
        course.tried.add(&second);
        self.counters.attempts.one();
        self.counters.hedges.one();
        Some(second)
    }
}
