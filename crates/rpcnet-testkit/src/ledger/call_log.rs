//! The client's side: what was issued and how it ended.

use super::call_id::{CallId, CallIds};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How a call ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A complete answer came.
    Ok,
    /// The handler answered with an error.
    Status,
    /// The library promises that no handler saw the call.
    NotExecuted,
    /// The library does not know whether a handler ran.
    Unknown,
    /// The caller gave up.
    Cancelled,
    /// The deadline passed.
    DeadlineExceeded,
}

impl Outcome {
    /// All outcomes, in the order they are reported.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Status,
        Self::NotExecuted,
        Self::Unknown,
        Self::Cancelled,
        Self::DeadlineExceeded,
    ];
}

/// A client's record of its calls, shared by all of its tasks.
///
/// It grows by some 40 bytes per call, up to [`CALLS_MAX`] of them.
#[derive(Debug)]
pub struct CallLog {
    ids: CallIds,
    calls: Mutex<HashMap<CallId, CallRecord>>,
}

/// What the client knows about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRecord {
    /// Which call.
    pub id: CallId,
    /// Whether its caller said that executing it twice is the same as executing it once.
    pub is_idempotent: bool,
    /// How it ended first; `None` while it runs, and for ever if it got lost.
    pub outcome: Option<Outcome>,
    /// How many times its end was reported; more than one is a violation.
    pub endings: u32,
}

impl CallLog {
    /// Creates the record of the client with this number; numbers must differ within a run.
    #[must_use]
    pub fn new(client: u64) -> Self {
        Self {
            ids: CallIds::new(client),
            calls: Mutex::default(),
        }
    }

    /// Records a new call that is about to be made and returns its id. It may be executed once.
    ///
    /// # Panics
    ///
    /// Beyond [`CALLS_MAX`] calls: a record with gaps would prove nothing.
    #[must_use]
    pub fn issue(&self) -> CallId {
        self.issue_as(false)
    }

    /// As [`issue`](Self::issue), for a call that may be executed more than once.
    ///
    /// # Panics
    ///
    /// As [`issue`](Self::issue).
    #[must_use]
    pub fn issue_idempotent(&self) -> CallId {
        self.issue_as(true)
    }

    fn issue_as(&self, is_idempotent: bool) -> CallId {
        let id = self.ids.next();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            calls.len() < CALLS_MAX,
            "a call log takes no more than {CALLS_MAX} calls"
        );
        let record = CallRecord {
            id,
            is_idempotent,
            outcome: None,
            endings: 0,
        };
        calls.insert(id, record);
        id
    }

    /// Records how the call ended; the first ending of a call is the one that is checked.
    ///
    /// # Panics
    ///
    /// If the id was not issued by this record: the test mixed something up.
    pub fn settle(&self, id: CallId, outcome: Outcome) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let record = calls.get_mut(&id);
        let record = record.unwrap_or_else(|| panic!("call {id} was not issued here"));
        record.outcome.get_or_insert(outcome);
        record.endings = record.endings.saturating_add(1);
    }

    /// Returns what is known about every call, in the order they were issued.
    #[must_use]
    pub fn records(&self) -> Vec<CallRecord> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<CallRecord> = calls.values().copied().collect();
        // Ids count upwards within one client.
        records.sort_unstable_by_key(|record| record.id);
        records
    }
}

/// The most calls that one log takes.
pub const CALLS_MAX: usize = 50_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_the_order_of_issue() {
        let log = CallLog::new(9);
        let first = log.issue();
        let second = log.issue_idempotent();
        log.settle(second, Outcome::Ok);
        let records = log.records();
        assert_eq!(
            records.iter().map(|record| record.id).collect::<Vec<_>>(),
            [first, second]
        );
        assert_eq!(records[0].outcome, None);
        assert!(records[1].is_idempotent && !records[0].is_idempotent);
        assert_eq!(records[1].outcome, Some(Outcome::Ok));
    }

    #[test]
    fn the_first_ending_stands_and_later_ones_are_counted() {
        let log = CallLog::new(9);
        let id = log.issue();
        log.settle(id, Outcome::Cancelled);
        log.settle(id, Outcome::Ok);
        let expected = CallRecord {
            id,
            is_idempotent: false,
            outcome: Some(Outcome::Cancelled),
            endings: 2,
        };
        assert_eq!(log.records(), [expected]);
    }
}
