//! How one call of a load ended, and when.

use crate::answerer::Answerer;
use crate::percentile::percentile_ms;
use rpcnet_testkit::ledger::Outcome;
use std::time::{Duration, Instant};

/// The end of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// When it was to begin.
    pub(crate) due: Instant,
    /// When it began; later than that only where this process is behind.
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
    pub(crate) is_idempotent: bool,
    /// Who answered, where it succeeded and the answer says so.
    pub(crate) by: Option<Answerer>,
}

impl Ending {
    pub(crate) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// What a caller waits that does not know how busy this process is.
    pub(crate) fn latency(&self) -> Duration {
        self.ended.saturating_duration_since(self.due)
    }

    /// What the library took.
    pub(crate) fn took(&self) -> Duration {
        self.ended.saturating_duration_since(self.begun)
    }
}

/// The latency, in milliseconds, that `share` of these calls do not exceed.
pub(crate) fn latency_ms<'a>(endings: impl IntoIterator<Item = &'a Ending>, share: f64) -> f64 {
    let mut latencies: Vec<Duration> = endings.into_iter().map(Ending::latency).collect();
    percentile_ms(&mut latencies, share)
}

/// Successes per second between two moments.
pub(crate) fn goodput(endings: &[Ending], from: Instant, to: Instant) -> f64 {
    let is_within = |ending: &&Ending| ending.is_ok() && (from..to).contains(&ending.ended);
    let seconds = to.saturating_duration_since(from).as_secs_f64();
    endings.iter().filter(is_within).count() as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_successes_within_the_span_count_as_goodput() {
        let began = Instant::now();
        let at = |seconds, outcome| {
            let ended = began + Duration::from_secs(seconds);
            Ending {
                due: began,
                begun: ended,
                ended,
                outcome,
                is_idempotent: false,
                by: None,
            }
        };
        let endings = [
            at(0, Outcome::Ok),
            at(1, Outcome::Ok),
            at(1, Outcome::Unknown),
            at(2, Outcome::Ok),
        ];
        let rate = goodput(&endings, began, began + Duration::from_secs(2));
        assert!((rate - 1.0).abs() < 1e-9, "{rate}");
        let longest = latency_ms(&endings, 1.0);
        assert!((longest - 2_000.0).abs() < 1e-9, "{longest}");
        assert_eq!(endings[3].took(), Duration::ZERO);
    }
}
