//! How busy a server is, for callers that ask.

use std::sync::atomic::{AtomicU32, Ordering};

use rpcnet_proto::wire::Load;

use super::calls::Places;
use super::{RpcServer, Shared};

/// What the application says of its own utilization, in thousandths, if anything.
#[derive(Debug)]
pub(crate) struct Utilization(AtomicU32);

/// The application says nothing. Beyond [`Load::UTILIZATION_MAX`], so no value of its own.
const UNSAID: u32 = u32::MAX;

impl Utilization {
    pub(crate) const fn unsaid() -> Self {
        Self(AtomicU32::new(UNSAID))
    }

    fn say(&self, utilization: Option<f32>) {
        let said = utilization
            .filter(|share| !share.is_nan())
            .map_or(UNSAID, thousandths);
        self.0.store(said, Ordering::Relaxed);
    }

    fn said(&self) -> Option<u32> {
        let said = self.0.load(Ordering::Relaxed);
        (said != UNSAID).then_some(said)
    }
}

/// Rounded up, so that only what is idle is shown so.
fn thousandths(share: f32) -> u32 {
    // A cast saturates: what is below zero becomes zero.
    ((share * Load::FULL as f32).ceil() as u32).min(Load::UTILIZATION_MAX)
}

/// The share of the places that are taken, rounded up as above.
fn share_taken(places: &Places) -> u32 {
    let full = u64::from(Load::FULL);
    let taken = places.taken() as u64 * full;
    let share = taken.div_ceil(places.limit() as u64);
    u32::try_from(share).unwrap_or(Load::UTILIZATION_MAX)
}

impl Shared {
    /// How busy this server is now.
    pub(crate) fn load(&self) -> Load {
        Load {
            utilization: self
                .utilization
                .said()
                .unwrap_or_else(|| share_taken(&self.places)),
            running: self.places.taken() as u64,
        }
    }
}

impl RpcServer {
    /// Says how busy this server is, to callers that choose among several: 0.0 is idle,
    /// 1.0 is full, and more says how much more was taken on than can be done.
    ///
    /// `None` is the default: the calls that run, as a share of
    /// [`Limits::calls_per_server_max`](crate::Limits::calls_per_server_max). Set a value
    /// where that is not what the server runs out of, such as the depth of the queue
    /// before a GPU, and again whenever it changes: it is read with every reply. A value
    /// below zero counts as 0.0, one above 1000.0 as 1000.0, and NaN as `None`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(server: rpcnet::RpcServer, waiting: u16) {
    /// server.set_utilization(Some(f32::from(waiting) / 64.0));
    /// # }
    /// ```
    pub fn set_utilization(&self, utilization: Option<f32>) {
        self.shared.utilization.say(utilization);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_the_application_says_is_told_in_thousandths_within_its_range() {
        let utilization = Utilization::unsaid();
        assert_eq!(utilization.said(), None);
        for (said, told) in [
            (Some(0.0), Some(0)),
            (Some(-0.0), Some(0)),
            (Some(f32::MIN_POSITIVE), Some(1)),
            (Some(0.5), Some(500)),
            (Some(1.0), Some(1000)),
            (Some(2.5), Some(2500)),
            (Some(999.9), Some(999_900)),
            (Some(1000.0), Some(Load::UTILIZATION_MAX)),
            (Some(1000.1), Some(Load::UTILIZATION_MAX)),
            (Some(f32::INFINITY), Some(Load::UTILIZATION_MAX)),
            (Some(-0.001), Some(0)),
            (Some(f32::NEG_INFINITY), Some(0)),
            (Some(f32::NAN), None),
            (Some(0.25), Some(250)),
            (None, None),
        ] {
            utilization.say(said);
            assert_eq!(utilization.said(), told, "{said:?}");
        }
    }

    #[test]
    fn places_that_are_taken_are_a_share_of_their_limit() {
        for (limit, taken, share) in [
            (1, 0, 0),
            (1, 1, 1000),
            (4, 1, 250),
            (4, 4, 1000),
            (8192, 1, 1),
            (1 << 24, 1, 1),
            (3, 2, 667),
        ] {
            let places = Arc::new(Places::new(limit));
            let held: Vec<_> = (0..taken).map(|_| places.take()).collect();
            assert!(held.iter().all(Option::is_some));
            assert_eq!(share_taken(&places), share, "{taken} of {limit}");
        }
    }
}
