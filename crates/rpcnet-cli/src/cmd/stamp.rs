//! This machine's time, as text.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

/// Now, by this machine's clock: `2026-01-31T23:59:59.123Z`.
///
/// In UTC, so that lines of machines in different places can be laid side by side.
pub(crate) fn now() -> String {
    text(SystemTime::now())
}

/// A time that a node told, in milliseconds since 1970.
pub(crate) fn of_ms(ms: u64) -> String {
    // Nobody means a later time.
    text(SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(MS_MAX)))
}

/// The end of the year 9999.
const MS_MAX: u64 = 253_402_300_799_999;

fn text(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_utc_to_the_millisecond() {
        for (ms, stamp) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (1_798_761_599_999, "2026-12-31T23:59:59.999Z"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
            assert_eq!(text(at), stamp);
        }
    }
}
