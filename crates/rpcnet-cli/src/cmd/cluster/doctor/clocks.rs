//! Whether clocks agree, since certificates go by them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Patient;
use super::finding::Finding;

/// From here on it is worth a word; certificates do not mind yet.
const NOTICEABLE_MS: i64 = 2_000;
/// From here on a certificate that was just made may be refused.
const WRONG_MS: i64 = 60_000;

/// Milliseconds since 1970, by this machine's clock.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How much later a node's clock is than this machine's, where the question was asked and
/// answered then.
pub(super) fn ahead_ms(asked: u64, node: u64, answered: u64) -> i64 {
    let middle = asked / 2 + answered / 2;
    i64::try_from(node)
        .unwrap_or(i64::MAX)
        .saturating_sub(i64::try_from(middle).unwrap_or(i64::MAX))
}

/// Each node's clock against this machine's.
pub(super) fn compare(patients: &[Patient]) -> Vec<Finding> {
    let told = patients.iter().filter_map(|patient| {
        let (_, ahead) = patient.snapshot.as_ref()?;
        Some(judge(&patient.name, *ahead))
    });
    told.collect()
}

fn judge(name: &str, ahead_ms: i64) -> Finding {
    let by = ahead_ms.unsigned_abs() as f64 / 1000.0;
    let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let text = format!("its clock is {by:.1} s {side} this machine's");
    let hint = "set the clocks, such as by NTP: certificates are judged by them";
    let off = ahead_ms.saturating_abs();
    if off < NOTICEABLE_MS {
        Finding::ok("clock", name, "its clock agrees with this machine's")
    } else if off < WRONG_MS {
        Finding::warning("clock", name, text, hint)
    } else {
        Finding::error("clock", name, text, hint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_off_it_is_either_way() {
        for (ahead, severity) in [
            (0, Severity::Ok),
            (1_999, Severity::Ok),
            (-1_999, Severity::Ok),
            (2_000, Severity::Warning),
            (-59_999, Severity::Warning),
            (60_000, Severity::Error),
            (-60_000, Severity::Error),
        ] {
            assert_eq!(judge("a", ahead).severity, severity, "{ahead}");
        }
        assert!(judge("a", -3_000).text.contains("3.0 s behind"));
    }

    #[test]
    fn the_way_there_and_back_is_not_the_clocks_fault() {
        assert_eq!(ahead_ms(1_000, 1_500, 2_000), 0);
        assert_eq!(ahead_ms(1_000, 5_500, 2_000), 4_000);
        assert_eq!(ahead_ms(1_000, 500, 2_000), -1_000);
    }
}
