//! The open loop: calls are sent when they are due, whatever became of earlier ones.

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use rpcnet::RpcError;
use tokio::time::Instant;

use super::caller::{Caller, Ended};
use super::pacer::Pacer;
use super::recorder::{Phase, Recorder};
use super::schedule::{Arrival, Schedule};
use super::verdict::is_final;

/// Calls that are sent, or whose ends are taken, before the others have a turn.
const TURN_MAX: usize = 128;

/// One of several tasks that share the arrivals; each makes its own calls.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) schedule: Schedule,
    /// Most calls of this lane that may be unanswered.
    pub(super) outstanding_max: usize,
    pub(super) callers: Vec<Caller>,
    pub(super) pacer: Pacer,
    pub(super) recorder: Recorder,
}

impl Lane {
    /// Makes the calls that are due, until there are no more.
    ///
    /// # Errors
    ///
    /// What the server says of every such call, where that is no matter of load.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the calls under way; those that ended are recorded.
    pub(super) async fn run(mut self) -> Result<(), RpcError> {
        let mut calls = FuturesUnordered::new();
        let mut turn = 0;
        // Calls are sent late because too many were outstanding.
        let mut is_behind = false;
        let mut has_succeeded = false;
        loop {
            let now = Instant::now();
            if is_behind && now >= self.schedule.end() {
                self.recorder.unsent(self.schedule.give_up());
            }
            let mut sent = 0;
            while sent < TURN_MAX
                && calls.len() < self.outstanding_max
                && let Some(arrival) = self.schedule.take(now)
            {
                self.sending(arrival, now, is_behind);
                let call = self.callers[turn % self.callers.len()].call(arrival.due);
                calls.push(call.map(move |ended| (phase(arrival), ended)));
                turn += 1;
                sent += 1;
            }
            let next = self.schedule.next_due();
            let is_due = next.is_some_and(|due| due <= now);
            let is_blocked = is_due && calls.len() >= self.outstanding_max;
            is_behind = is_blocked || (is_behind && is_due);
            let wake = match is_blocked {
                true => Some(self.schedule.end()),
                false => next,
            };
            let (phase, ended) = tokio::select! {
                biased;
                Some(ended) = calls.next() => ended,
                () = until(&mut self.pacer, wake), if wake.is_some() => continue,
                else => return Ok(()),
            };
            self.ended(phase, ended, &mut has_succeeded)?;
            for _ in 1..TURN_MAX {
                let Some((phase, ended)) = calls.next().now_or_never().flatten() else {
                    break;
                };
                self.ended(phase, ended, &mut has_succeeded)?;
            }
        }
    }

    fn sending(&mut self, arrival: Arrival, now: Instant, is_behind: bool) {
        if !arrival.is_measured {
            return;
        }
        if is_behind {
            self.recorder.overdue();
        } else {
            self.recorder
                .lagged(now.saturating_duration_since(arrival.due));
        }
    }

    fn ended(
        &mut self,
        phase: Phase,
        ended: Ended,
        has_succeeded: &mut bool,
    ) -> Result<(), RpcError> {
        self.recorder.record(phase, &ended);
        match ended.result {
            Ok(_) => *has_succeeded = true,
            Err(error) if !*has_succeeded && is_final(&error) => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }
}

fn phase(arrival: Arrival) -> Phase {
    match arrival.is_measured {
        true => Phase::Measured,
        false => Phase::WarmUp,
    }
}

async fn until(pacer: &mut Pacer, at: Option<Instant>) {
    if let Some(at) = at {
        pacer.until(at).await;
    }
}
