//! Durations as they are typed: `250ms`, `2s`, `1.5m`, `1h`.

use std::time::Duration;

/// Longest that is accepted: a day.
const SECONDS_MAX: f64 = 24.0 * 60.0 * 60.0;

/// Reads a number with its unit.
///
/// # Errors
///
/// What is wrong with it, for whoever typed it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number and a unit, such as 250ms, 2s, 5m or 1h".to_owned();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(unit_at.ok_or_else(wrong)?);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = number * unit;
    if !(seconds > 0.0 && seconds <= SECONDS_MAX) {
        return Err("it must be longer than nothing, and no longer than 24h".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_durations() {
        for (text, ms) in [
            ("250ms", 250),
            ("2s", 2_000),
            ("1.5m", 90_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("5us"), Ok(Duration::from_micros(5)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "2", "s", "2 s", "-1s", "0s", "25h", "nans", "infs", "1d", "1e99s", "2S",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
