//! Figures as words.

/// So many a second; `-` where it is not known.
pub(crate) fn rate(per_s: Option<f64>) -> String {
    match per_s {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(per_s) if per_s < 10.0 => format!("{per_s:.1}"),
        Some(per_s) if per_s < 10_000.0 => format!("{per_s:.0}"),
        Some(per_s) if per_s < 1e6 => format!("{:.1}k", per_s / 1e3),
        Some(per_s) => format!("{:.1}M", per_s / 1e6),
    }
}

/// Microseconds in the unit that suits them; `-` where they are not known.
pub(crate) fn micros(micros: Option<u64>) -> String {
    match micros {
        None => "-".to_owned(),
        Some(u64::MAX) => "> 67 s".to_owned(),
        Some(us) if us < 1_000 => format!("{us} us"),
        Some(us) if us < 10_000 => format!("{:.1} ms", us as f64 / 1e3),
        Some(us) if us < 1_000_000 => format!("{} ms", us / 1_000),
        Some(us) => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// Milliseconds as an age.
pub(crate) fn age(ms: u64) -> String {
    match ms / 1000 {
        0..=9 => format!("{:.1} s", ms as f64 / 1e3),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A whole number, or `-`.
pub(crate) fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

/// Phi to one place, or `-`.
pub(crate) fn phi(phi: Option<f64>) -> String {
    match phi {
        None => "-".to_owned(),
        Some(phi) if phi > 999.0 => "> 999".to_owned(),
        Some(phi) => format!("{phi:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_whatever_they_are() {
        let rates = [
            None,
            Some(0.0),
            Some(0.04),
            Some(9.96),
            Some(1_234.0),
            Some(12_345.0),
            Some(3e7),
        ];
        assert_eq!(
            rates.map(rate),
            ["-", "0", "0.0", "10.0", "1234", "12.3k", "30.0M"]
        );
        let times = [
            None,
            Some(7),
            Some(1_500),
            Some(25_000),
            Some(2_500_000),
            Some(u64::MAX),
        ];
        assert_eq!(
            times.map(micros),
            ["-", "7 us", "1.5 ms", "25 ms", "2.5 s", "> 67 s"]
        );
        assert_eq!(
            [500, 60_000, 180_000, 7_200_000, 172_800_000].map(age),
            ["0.5 s", "60 s", "3 min", "2 h", "2 d"]
        );
        assert_eq!(
            [None, Some(0.25), Some(1e9)].map(phi),
            ["-", "0.2", "> 999"]
        );
    }
}
