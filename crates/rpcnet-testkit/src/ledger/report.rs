//! What the check found.

use super::call_id::CallId;
use super::call_log::Outcome;
use std::fmt;

/// The result of a [`check`](super::check()).
///
/// Printed, it is one line of counts and then one line per violation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls that clients issued.
    pub issued: u64,
    /// How they ended.
    pub outcomes: OutcomeCounts,
    /// Handlers that started, counted once per start.
    pub executions: u64,
    /// Handlers that neither finished nor were cancelled. Expected of a server that was killed; of
    /// one that still lives, they are stuck.
    pub unended_executions: u64,
    /// How many violations there are.
    pub violation_count: u64,
    /// The violations, ordered by call; the first [`VIOLATIONS_LISTED_MAX`] of them.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Says whether the run kept every rule.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violation_count == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls issued, {} executions ({} unended)",
            self.issued, self.executions, self.unended_executions
        )?;
        for outcome in Outcome::ALL {
            write!(f, ", {outcome:?} {}", self.outcomes.of(outcome))?;
        }
        write!(f, ", {} violations", self.violation_count)?;
        for violation in &self.violations {
            write!(f, "\n{violation}")?;
        }
        let unlisted = self.violation_count - self.violations.len() as u64;
        if unlisted > 0 {
            write!(f, "\nand {unlisted} more")?;
        }
        Ok(())
    }
}

/// The most violations that a [`Report`] lists; further ones are only counted.
pub const VIOLATIONS_LISTED_MAX: usize = 1_000;

/// How many calls ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    counts: [u64; Outcome::ALL.len()],
}

impl OutcomeCounts {
    /// Returns how many calls ended so.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize]
    }

    pub(super) fn count(&mut self, outcome: Outcome) {
        self.counts[outcome as usize] += 1;
    }
}

/// One broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// The call it was broken for.
    pub id: CallId,
    /// The rule, and what was found instead.
    pub kind: ViolationKind,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}: {}", self.id, self.kind)
    }
}

/// The rules that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// It was issued and never ended: whoever waits for it waits for ever.
    Lost,
    /// Its end was reported this often; a call ends once.
    EndedRepeatedly(u32),
    /// Two clients, or one twice, issued it; the run itself is faulty.
    IssuedRepeatedly(u32),
    /// Its handler started this often; at most once is the promise.
    ExecutedRepeatedly(u32),
    /// It was answered, so its outcome says, yet no handler started.
    AnsweredUnexecuted(Outcome),
    /// It was called safe to retry, yet its handler had started.
    ExecutedThoughDenied,
    /// A complete answer came from a handler that did not reach its end.
    OkUnfinished,
    /// A handler started for it, yet no client issued it.
    ExecutedUnissued,
    /// Handlers ended for it this often more than they started.
    EndedUnstarted(u32),
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => write!(f, "issued, and its end was never reported"),
            Self::EndedRepeatedly(times) => write!(f, "its end was reported {times} times"),
            Self::IssuedRepeatedly(times) => write!(f, "its id was issued {times} times"),
            Self::ExecutedRepeatedly(times) => write!(f, "its handler started {times} times"),
            Self::AnsweredUnexecuted(outcome) => {
                write!(f, "ended as {outcome:?}, but its handler never started")
            }
            Self::ExecutedThoughDenied => {
                write!(f, "ended as NotExecuted, but its handler had started")
            }
            Self::OkUnfinished => write!(f, "ended as Ok, but its handler did not finish"),
            Self::ExecutedUnissued => write!(f, "its handler started, but no client issued it"),
            Self::EndedUnstarted(times) => {
                write!(f, "its handler ended {times} times more than it started")
            }
        }
    }
}
