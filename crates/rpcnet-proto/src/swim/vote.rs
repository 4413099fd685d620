//! What one member thinks of another.

use super::{NodeName, Version};

/// What a member is thought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It did not answer a probe.
    Suspect,
    /// It did not answer for as long as a suspicion runs.
    Failed,
}

/// One member's doubt of another.
///
/// It counts as one voice and no more, whoever passes it on: it shortens a
/// suspicion or begins one, and never ends one (M-9).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests and by drivers")]
pub struct Vote {
    /// Who is doubted.
    pub name: NodeName,
    /// The version of whose record is doubted; a newer one answers the doubt.
    pub version: Version,
    /// What it is thought to be.
    pub verdict: Verdict,
    /// Who thinks so.
    pub reporter: NodeName,
}
