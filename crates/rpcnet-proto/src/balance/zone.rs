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

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    fn busy(in_flight: u32) -> Fake {
        Fake {
            in_flight,
            ..Fake::new(1)
        }
    }

    #[test]
    fn a_call_leaves_its_zone_where_that_is_more_than_twice_as_busy() {
        let zone = ZonePreference::default();
        for (local, other, stays) in [
            (0, 0, true),
            (2, 0, true),
            (3, 0, false),
            (5, 2, true),
            (6, 2, false),
            (3, 9, true),
            (u32::MAX, u32::MAX, true),
            (u32::MAX, 0, false),
        ] {
            assert_eq!(
                zone.keeps(&busy(local), &busy(other)),
                stays,
                "{local}, {other}"
            );
        }
        let zone = ZonePreference::new(3.0).with_floor(10);
        assert!(zone.keeps(&busy(10), &busy(0)));
        assert!(!zone.keeps(&busy(11), &busy(0)));
        assert!(zone.keeps(&busy(11), &busy(3)));
        assert!(ZonePreference::new(f64::NAN).keeps(&busy(100), &busy(0)));
    }

    #[test]
    fn where_there_is_one_pick_it_is_chosen() {
        let (zone, near, far) = (ZonePreference::default(), busy(9), busy(1));
        let choose = |local, other| zone.choose(local, other).map(|one: &Fake| one.in_flight);
        assert_eq!(choose(Some(&near), Some(&far)), Some(1));
        assert_eq!(choose(Some(&far), Some(&near)), Some(1));
        assert_eq!(choose(Some(&near), None), Some(9));
        assert_eq!(choose(None, Some(&far)), Some(1));
        assert_eq!(choose(None, None), None);
    }
}
