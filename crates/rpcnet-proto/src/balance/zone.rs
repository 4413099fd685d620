//! [`ZonePreference`]: near workers first, unless they are much busier.

use super::candidate::Candidate;

/// When a call leaves its zone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ZonePreference {
    /// How many times as busy as the one outside the local worker has to be for the call
    /// to leave, 1 and up. Default 2.0; what is no number keeps every call.
    pub overflow: f64,
    /// How many calls a local worker may have under way without anybody asking how busy
    /// the others are. Default 2: the difference between one call and none says nothing.
    pub floor: u32,
}

impl ZonePreference {
    /// With that overflow, and the default floor.
    #[must_use]
    pub fn new(overflow: f64) -> Self {
        Self {
            overflow,
            ..Self::default()
        }
    }

    /// The same with another [`floor`](Self::floor).
    #[must_use]
    pub const fn with_floor(mut self, floor: u32) -> Self {
        self.floor = floor;
        self
    }

    /// Whether the call stays with the local worker, given a pick among the local ones and
    /// one among the others.
    #[must_use]
    pub fn keeps<C: Candidate>(&self, local: &C, other: &C) -> bool {
        let busy = |candidate: &C| f64::from(candidate.in_flight()) + 1.0;
        let leaves = local.in_flight() > self.floor && busy(local) / busy(other) > self.overflow;
        !leaves
    }

    /// The one of two picks that the call goes to.
    #[must_use]
    pub fn choose<'a, C: Candidate>(
        &self,
        local: Option<&'a C>,
        other: Option<&'a C>,
    ) -> Option<&'a C> {
        match (local, other) {
            (Some(near), Some(far)) if self.keeps(near, far) => local,
            (None, _) | (Some(_), Some(_)) => other,
            (Some(_), None) => local,
        }
    }
}

impl Default for ZonePreference {
    fn default() -> Self {
        Self {
            overflow: 2.0,
            floor: 2,
        }
    }
}
