//! How a call comes to its next worker: at once, after a pause, or by waiting for one.

use std::time::Duration;

use tokio::time::sleep;

use super::decide::{self, Next};
use super::{Inner, Target};
use crate::client::{Backoff, Request};
use crate::cluster::workers::{SelectedWorker, Tried, Wish, Worker, WorkerError};
use crate::error::{HandlerRan, RpcError};

/// The attempts of one call so far.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) tried: Tried,
    pub(super) attempts: u32,
    backoff: Option<Backoff>,
    /// How the last attempt failed that may have been executed.
    unsure: Option<RpcError>,
}

impl Course {
    pub(super) fn new() -> Self {
        Self {
            tried: Tried::NOBODY,
            attempts: 0,
            backoff: None,
            unsure: None,
        }
    }

    /// Keeps the error of an attempt that may have been executed.
    pub(super) fn keep(&mut self, error: RpcError) {
        if error.handler_ran() != HandlerRan::No {
            self.unsure = Some(error);
        }
    }

    /// The call's error, when its last attempt failed like this.
    pub(super) fn conclude(&mut self, last: RpcError) -> RpcError {
        last.or_unsure(self.unsure.take())
    }
}

impl Inner {
    /// A worker for the first attempt.
    async fn first(
        &self,
        request: &Request,
        target: &Target,
        course: &mut Course,
    ) -> Result<SelectedWorker, RpcError> {
        let selected = match self.select(target, &course.tried) {
            Ok(selected) => selected,
            Err(error) => self.wait(request, target, &course.tried, error).await?,
        };
        course.note(&selected);
        self.counters.attempts.one();
        Ok(selected)
    }

    /// A worker for a further attempt, after the last one failed with `error`; returns the
    /// error where there is to be none.
    async fn another(
        &self,
        request: &Request,
        target: &Target,
        course: &mut Course,
        error: RpcError,
        pause: Duration,
    ) -> Result<SelectedWorker, RpcError> {
        let (first, longest) = self.config.retry_backoff;
        // Who waits for a worker goes on waiting while nothing was executed; but what may
        // be sent again is bounded for all alike.
        let is_patient = request.options.wait_for_ready && error.handler_ran() == HandlerRan::No;
        if course.attempts >= self.config.attempts_max && !is_patient {
            return Err(error);
        }
        let mut selected = self.select(target, &course.tried);
        let has_other = selected
            .as_ref()
            .is_ok_and(|found| !course.tried.has(found) && !found.is_spared(self.now()));
        // Overload is not answered with more load: where nobody else has room, the refusal is
        // the answer, and at once.
        if !has_other && !is_patient && matches!(error, RpcError::ResourceExhausted(_)) {
            return Err(error);
        }
        if !self.may_repeat() {
            if !is_patient {
                return Err(error);
            }
            drop(selected);
            sleep(longest).await;
            while !self.may_repeat() {
                sleep(longest).await;
            }
            selected = self.select(target, &course.tried);
        } else if !has_other {
            // The same ones are not asked at once again.
            drop(selected);
            let backoff = course
                .backoff
                .get_or_insert_with(|| Backoff::new(first, longest));
            sleep(backoff.next_pause().max(pause)).await;
            selected = self.select(target, &course.tried);
        }
        let selected = match selected {
            Ok(selected) => selected,
            Err(_) if !request.options.wait_for_ready => return Err(error),
            Err(none) => self.wait(request, target, &course.tried, none).await?,
        };
        tracing::debug!(
            method = request.method.as_str(), attempts = course.attempts, %error,
            node = %selected.name(), "calling another worker"
        );
        course.note(&selected);
        course.keep(error);
        self.counters.attempts.one();
        self.counters.retries.one();
        Ok(selected)
    }

    /// Takes what a further attempt costs from the budget, if there is as much.
    fn may_repeat(&self) -> bool {
        let has_budget = self.budget.withdraw(self.now());
        if !has_budget {
            self.counters.budget_exhausted.one();
        }
        has_budget
    }

    /// A worker for the next attempt, after the last one failed with an error, if there was
    /// one; the error where it is not to be made again.
    pub(super) async fn next(
        &self,
        request: &Request,
        target: &Target,
        course: &mut Course,
        failed: Option<RpcError>,
    ) -> Result<SelectedWorker, RpcError> {
        let Some(error) = failed else {
            return self.first(request, target, course).await;
        };
        let next = match decide::next(&error, request.options.idempotent) {
            Next::Elsewhere { pause } => self.another(request, target, course, error, pause).await,
            Next::Fail => Err(error),
        };
        next.map_err(|last| course.conclude(last))
    }

    /// A worker now.
    pub(super) fn select(
        &self,
        target: &Target,
        tried: &Tried,
    ) -> Result<SelectedWorker, WorkerError> {
        self.registry.shared().pick(&Wish {
            filter: target.filter.as_deref(),
            key: target.key,
            tried,
            is_near: &|worker: &Worker| self.lines.has_place(worker),
            takes_silent: true,
        })
    }

    /// A worker, as soon as there is one; within the deadline that the caller sees to.
    async fn wait(
        &self,
        request: &Request,
        target: &Target,
        tried: &Tried,
        error: WorkerError,
    ) -> Result<SelectedWorker, RpcError> {
        let can_wait = matches!(
            error,
            WorkerError::NoWorker(_) | WorkerError::AllBusy { .. }
        );
        if !can_wait || !request.options.wait_for_ready {
            self.counters.without_worker.one();
            return Err(error.into());
        }
        let registry = self.registry.shared();
        let mut changes = registry.changes();
        let waiting_max = self.config.waiting_max;
        let Some(waiting) = registry.stir().wait(waiting_max) else {
            self.counters.without_worker.one();
            return Err(WorkerError::TooManyWaiting { waiting_max }.into());
        };
        loop {
            changes.borrow_and_update();
            match self.select(target, tried) {
                Err(WorkerError::NoWorker(_) | WorkerError::AllBusy { .. }) => {}
                other => return Ok(other?),
            }
            tokio::select! {
                // Its sender lives as long as the registry that we hold.
                _ = changes.changed() => {}
                () = waiting.room() => {}
            }
        }
    }

    pub(super) fn now(&self) -> rpcnet_proto::swim::Time {
        self.registry.shared().stir().now()
    }

    /// Counts a call that begins.
    pub(super) fn begin(&self) {
        self.counters.calls.one();
        self.budget.deposit(self.now());
    }
}

impl Course {
    fn note(&mut self, selected: &SelectedWorker) {
        self.tried.add(selected);
        self.attempts += 1;
    }
}
