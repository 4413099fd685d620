//! Lengths of time, as somebody types them.

use std::time::Duration;

/// The longest that is taken.
const SPAN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Units, longest name first, so that `ms` is not read as minutes of something.
const UNITS: [(&str, f64); 5] = [
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Reads `500ms`, `1.5s`, `2m`, or a number of seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "" => Some(1.0),
        unit => UNITS.iter().find(|(name, _)| *name == unit).map(|it| it.1),
    };
    let seconds = number.parse::<f64>().ok().zip(scale).map(|(n, s)| n * s);
    let span = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match span {
        Some(span) if span <= SPAN_MAX => Ok(span),
        Some(_) => Err("it is longer than a day".into()),
        None => Err("expected a time such as 500ms, 10s or 2m".into()),
    }
}

/// As [`parse`], without zero.
pub(super) fn parse_some(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("it must be longer than nothing".into()),
        span => Ok(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, ms) in [
            ("0", 0),
            ("2", 2_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("3000us", 3),
            ("2m", 120_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "s", "-1s", "1 s", "1x", "1e3", "1..2s", "25h", "nan"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_some("0ms").is_err());
        assert!(parse_some("1us").is_ok());
    }
}
