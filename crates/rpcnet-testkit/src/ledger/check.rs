//! The checker: both sides of a run, put together.

use super::call_id::CallId;
use super::call_log::{CallRecord, Outcome};
use super::event::{Event, EventKind};
use super::report::{Report, VIOLATIONS_LISTED_MAX, Violation, ViolationKind};
use std::collections::HashMap;

/// Checks what the servers recorded against what the clients were told.
///
/// Give it the events of all servers and the records of all clients of the run, each complete: a call
/// that one of several servers executed is otherwise found missing. The order does not matter. Needs
/// some 150 bytes of memory per call.
pub fn check(
    server_events: impl IntoIterator<Item = Event>,
    client_calls: impl IntoIterator<Item = CallRecord>,
) -> Report {
    let mut calls: HashMap<CallId, Call> = HashMap::new();
    for event in server_events {
        calls.entry(event.id).or_default().add_event(event.kind);
    }
    let mut report = Report::default();
    for record in client_calls {
        report.issued += 1;
        if let Some(outcome) = record.outcome {
            report.outcomes.count(outcome);
        }
        calls.entry(record.id).or_default().add_record(&record);
    }

    let mut calls: Vec<(CallId, Call)> = calls.into_iter().collect();
    calls.sort_unstable_by_key(|(id, _)| *id);
    for (id, call) in &calls {
        report.executions += u64::from(call.started);
        let ended = call.finished.saturating_add(call.cancelled);
        report.unended_executions += u64::from(call.started.saturating_sub(ended));
        call.violations(|kind| {
            report.violation_count += 1;
            if report.violations.len() < VIOLATIONS_LISTED_MAX {
                report.violations.push(Violation { id: *id, kind });
            }
        });
    }
    report
}

/// What both sides say about one call.
#[derive(Debug, Default)]
struct Call {
    issued: u32,
    is_idempotent: bool,
    endings: u32,
    outcome: Option<Outcome>,
    started: u32,
    finished: u32,
    cancelled: u32,
}

impl Call {
    fn add_event(&mut self, kind: EventKind) {
        let count = match kind {
            EventKind::Started => &mut self.started,
            EventKind::Finished => &mut self.finished,
            EventKind::Cancelled => &mut self.cancelled,
        };
        *count = count.saturating_add(1);
    }

    fn add_record(&mut self, record: &CallRecord) {
        self.issued = self.issued.saturating_add(1);
        self.is_idempotent |= record.is_idempotent;
        self.endings = self.endings.saturating_add(record.endings);
        self.outcome = self.outcome.or(record.outcome);
    }

    /// Reports every rule that is broken, not only the first: they hint at different causes.
    fn violations(&self, mut report: impl FnMut(ViolationKind)) {
        if self.issued > 1 {
            report(ViolationKind::IssuedRepeatedly(self.issued));
        }
        if self.issued > 0 && self.outcome.is_none() {
            report(ViolationKind::Lost);
        }
        if self.endings > 1 {
            report(ViolationKind::EndedRepeatedly(self.endings));
        }
        if self.issued == 0 && self.started > 0 {
            report(ViolationKind::ExecutedUnissued);
        }
        if self.started > 1 && !self.is_idempotent {
            report(ViolationKind::ExecutedRepeatedly(self.started));
        }
        let ended = self.finished.saturating_add(self.cancelled);
        if ended > self.started {
            report(ViolationKind::EndedUnstarted(ended - self.started));
        }
        match self.outcome {
            Some(outcome @ (Outcome::Ok | Outcome::Status)) if self.started == 0 => {
                report(ViolationKind::AnsweredUnexecuted(outcome));
            }
            Some(Outcome::Ok) if self.finished == 0 => report(ViolationKind::OkUnfinished),
            Some(Outcome::NotExecuted) if self.started > 0 => {
                report(ViolationKind::ExecutedThoughDenied);
            }
            // At most once is all that is promised of the others, and that was seen to above. A
            // status may also stem from a handler that panicked, so it needs no finish.
            Some(
                Outcome::Ok
                | Outcome::Status
                | Outcome::NotExecuted
                | Outcome::Unknown
                | Outcome::Cancelled
                | Outcome::DeadlineExceeded,
            )
            | None => {}
        }
    }
}

#[cfg(test)]
mod tests;
