//! [`WorkerError`]: why no worker was chosen.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::worker::Worker;
use crate::cluster::filter::FilterError;
use crate::error::RpcError;

/// Why no worker was chosen. Nothing was sent to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The registry does not follow the cluster: call
    /// [`start`](super::WorkerRegistry::start), and not
    /// [`stop`](super::WorkerRegistry::stop) yet.
    #[error("the worker registry is not started: call `start` first")]
    NotStarted,
    /// The text is no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// No worker that is there fits, or none of those that fit can be called.
    #[error(transparent)]
    NoWorker(Box<Absent>),
    /// All workers that fit have as many calls in flight as they may: one where a worker is
    /// on probation after failures.
    #[error(
        "none of the {workers} workers that fit has room: each may have {in_flight_max} calls in \
         flight, and one while it is on probation after failures; wait, add workers, or raise \
         WorkerConfig::with_in_flight_max"
    )]
    AllBusy {
        /// How many fit and could be called.
        workers: usize,
        /// What each of them may have in flight.
        in_flight_max: usize,
    },
    /// None came within the time that was given.
    #[error("no worker within {waited:?}: {last}")]
    TimedOut {
        /// How long was waited.
        waited: Duration,
        /// Why there was none at the end.
        #[source]
        last: Box<Self>,
    },
    /// As many calls wait for a worker as may.
    #[error(
        "{waiting_max} calls wait for a worker already: raise \
         ClusterClientConfig::with_waiting_max"
    )]
    TooManyWaiting {
        /// The limit.
        waiting_max: usize,
    },
}

impl WorkerError {
    /// Whether the same may succeed later.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::NoWorker(_)
            | Self::AllBusy { .. }
            | Self::TimedOut { .. }
            | Self::TooManyWaiting { .. } => true,
            Self::NotStarted | Self::Filter(_) => false,
        }
    }
}

impl From<WorkerError> for RpcError {
    fn from(error: WorkerError) -> Self {
        Self::NoWorker(Box::new(error))
    }
}

/// What was looked for, and what was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absent {
    /// The filter of the call; empty where it had none.
    pub filter: String,
    /// The filter that makes a member a worker.
    pub worker_filter: String,
    /// Live members, this node included.
    pub members: usize,
    /// Workers among them.
    pub workers: usize,
    /// Workers that pass the filter of the call.
    pub matching: usize,
    /// Those of them that are draining.
    pub draining: usize,
    /// Those of them that are out of reach of this node.
    pub unreachable: usize,
    /// Some of the workers that do not pass the filter, with their tags: at most
    /// [`SHOWN_MAX`](Self::SHOWN_MAX).
    pub others: Vec<String>,
}

impl Absent {
    /// The most workers that are shown with their tags.
    pub const SHOWN_MAX: usize = 4;

    /// A worker and its tags, at most 120 characters.
    pub(super) fn shown(worker: &Worker) -> String {
        let mut text = worker.name().to_string();
        for (index, (key, value)) in worker.tags().iter().enumerate() {
            text.push_str(if index == 0 { ": " } else { ", " });
            text.push_str(key);
            if !value.is_empty() {
                text.push('=');
                text.extend(value.escape_debug());
            }
        }
        if text.chars().count() > SHOWN_CHARS_MAX {
            text = text.chars().take(SHOWN_CHARS_MAX - 1).collect();
            text.push('…');
        }
        text
    }
}

/// What a worker and its tags may take of an error's text.
const SHOWN_CHARS_MAX: usize = 120;

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workers == 0 {
            return write!(
                f,
                "no worker: none of the {} live members has `{}`",
                self.members, self.worker_filter
            );
        }
        if self.matching > 0 {
            f.write_str("no worker can be called")?;
            if !self.filter.is_empty() {
                write!(f, " for `{}`", self.filter)?;
            }
            return write!(
                f,
                ": {} fit, of which {} are draining and {} out of reach",
                self.matching, self.draining, self.unreachable
            );
        }
        write!(
            f,
            "no worker fits `{}`: {} are there",
            self.filter, self.workers
        )?;
        let shown = self.others.join("; ");
        let more = if self.workers > self.others.len() {
            "; …"
        } else {
            ""
        };
        write!(f, " ({shown}{more})")
    }
}

impl std::error::Error for Absent {}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent() -> Absent {
        Absent {
            filter: "gpu".to_owned(),
            worker_filter: "role=worker".to_owned(),
            members: 3,
            workers: 2,
            matching: 0,
            draining: 0,
            unreachable: 0,
            others: vec!["worker-1: role=worker".to_owned()],
        }
    }

    #[test]
    fn the_text_says_what_was_looked_for_and_what_is_there() {
        assert_eq!(
            absent().to_string(),
            "no worker fits `gpu`: 2 are there (worker-1: role=worker; …)"
        );
        let none = Absent {
            workers: 0,
            ..absent()
        };
        assert_eq!(
            none.to_string(),
            "no worker: none of the 3 live members has `role=worker`"
        );
        let lost = Absent {
            matching: 2,
            draining: 1,
            unreachable: 1,
            ..absent()
        };
        assert_eq!(
            lost.to_string(),
            "no worker can be called for `gpu`: 2 fit, of which 1 are draining and 1 out of reach"
        );
    }
}
