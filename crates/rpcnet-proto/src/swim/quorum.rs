//! How much of the cluster is in reach, honestly.

use std::time::Duration;

/// Which part of the cluster this node's side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Side {
    /// Every voter is in reach.
    Whole,
    /// More than half are.
    Majority,
    /// Exactly half are.
    Tie,
    /// Less than half are.
    Minority,
}

impl Side {
    /// Which side `reachable` of `known` voters is.
    #[must_use]
    pub const fn of(reachable: usize, known: usize) -> Self {
        let twice = reachable.saturating_mul(2);
        if reachable >= known {
            Self::Whole
        } else if twice > known {
            Self::Majority
        } else if twice == known {
            Self::Tie
        } else {
            Self::Minority
        }
    }
}

/// What this node knows about how much of the cluster is in reach.
///
/// Without consensus nobody knows whether what is out of reach is down or cut
/// off. With [`Config::quorum_size`](super::Config::quorum_size) `Majority` is
/// exact in that no other side can have it at the same time; without, it is the
/// best guess from the members that are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuorumView {
    /// Voters, this node included: the fixed size, or those in reach and those
    /// that failed and are still remembered.
    pub known: usize,
    /// Voters in reach: alive or suspect, this node included.
    pub reachable: usize,
    /// Voters among the suspects: in reach only perhaps.
    pub suspects: usize,
    /// Which side this is, counting suspects as in reach.
    pub side: Side,
    /// Which side this is, counting suspects as out of reach, and as [`Side::Minority`]
    /// where nobody at all has been heard for long: what is believed before the
    /// suspicions have ended.
    pub side_expected: Side,
    /// Whether neither count has changed for [`stable_after`].
    pub stable: bool,
}

/// How long a view must not change before it is taken for stable: 10 s times the
/// decimal logarithm of the number of members, at least 7 s.
///
/// The formula goes through Akka's table for the same decision: 5 members 7 s,
/// 10 members 10 s, 100 members 20 s, 1,000 members 30 s.
#[must_use]
pub fn stable_after(members: usize) -> Duration {
    let factor = (members.max(5) as f64).log10();
    Duration::from_secs_f64(10.0 * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_not_majorities() {
        for (reachable, known, side) in [
            (1, 1, Side::Whole),
            (1, 2, Side::Tie),
            (2, 5, Side::Minority),
            (3, 5, Side::Majority),
            (2, 4, Side::Tie),
            (5, 5, Side::Whole),
            (6, 5, Side::Whole),
            (0, 1, Side::Minority),
        ] {
            assert_eq!(Side::of(reachable, known), side, "{reachable} of {known}");
        }
    }

    #[test]
    fn stability_takes_as_long_as_the_table_says() {
        for (members, seconds) in [
            (1, 7),
            (5, 7),
            (10, 10),
            (20, 13),
            (50, 17),
            (100, 20),
            (1000, 30),
        ] {
            assert_eq!(stable_after(members).as_secs_f64().round() as u64, seconds);
        }
    }
}
