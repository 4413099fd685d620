//! What has happened so far, in numbers.

/// Counts since the core was made; each one only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Probes that began.
    pub probes: u64,
    /// Of these, those out of turn because many others went out of reach.
    pub probes_swept: u64,
    /// Probes that nobody answered, this node's own health aside.
    pub probes_failed: u64,
    /// Probes that only a relay or the stream answered.
    pub probes_indirect: u64,
    /// Probes of others that this node relayed.
    pub relayed: u64,
    /// Nacks that did not come though they were due.
    pub nacks_missed: u64,
    /// Suspicions that began.
    pub suspicions: u64,
    /// Suspicions that their members answered.
    pub cleared: u64,
    /// Verdicts of this node that a member failed.
    pub failed: u64,
    /// Verdicts put off because the member had just been heard (M-21).
    pub vetoed: u64,
    /// Times that this node answered a doubt about itself.
    pub refuted: u64,
    /// Times that this node found that it had not run (M-22).
    pub pauses: u64,
    /// Full exchanges that this node asked for.
    pub syncs: u64,
    /// Full exchanges that this node served.
    pub syncs_served: u64,
    /// Records that were taken over.
    pub records_accepted: u64,
    /// Records that told nothing new.
    pub records_stale: u64,
    /// Records of new members that were refused for [`Limits::members`](super::Limits::members).
    pub records_refused: u64,
    /// Votes that counted.
    pub votes_counted: u64,
    /// Votes that did not: stale, about nobody, by nobody, or the second of one reporter.
    pub votes_ignored: u64,
    /// Answers that matched no question: forged, duplicate or too late.
    pub answers_ignored: u64,
    /// Messages handed to the driver.
    pub transmits: u64,
    /// Messages dropped for [`Limits::transmits`](super::Limits::transmits).
    pub transmits_dropped: u64,
    /// Events dropped for [`Limits::events`](super::Limits::events).
    pub events_dropped: u64,
}
