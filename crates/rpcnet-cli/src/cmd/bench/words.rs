//! Numbers as people read them.

/// With a comma after every three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds, in the unit that fits, with three digits.
pub(super) fn time(us: f64) -> String {
    if us < 1e3 {
        format!("{} us", three_digits(us))
    } else if us < 1e6 {
        format!("{} ms", three_digits(us / 1e3))
    } else {
        format!("{} s", three_digits(us / 1e6))
    }
}

/// Bytes, in the unit that fits.
pub(super) fn bytes(bytes: f64) -> String {
    match bytes {
        few if few < 1e3 => format!("{few:.0} B"),
        some if some < 1e6 => format!("{} kB", three_digits(some / 1e3)),
        many if many < 1e9 => format!("{} MB", three_digits(many / 1e6)),
        most => format!("{} GB", three_digits(most / 1e9)),
    }
}

/// A rate, with decimals only where it is small.
pub(super) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 100.0 {
        format!("{}/s", three_digits(per_second))
    } else {
        format!("{}/s", count(per_second.round() as u64))
    }
}

fn three_digits(number: f64) -> String {
    let decimals = match number.abs() {
        small if small < 9.995 => 2,
        middle if middle < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn times_rates_and_bytes_have_three_digits_and_a_unit() {
        for (us, text) in [
            (0.5, "0.50 us"),
            (9.999, "10.0 us"),
            (45.67, "45.7 us"),
            (999.4, "999 us"),
            (1_234.0, "1.23 ms"),
            (123_456.0, "123 ms"),
            (1_000_000.0, "1.00 s"),
        ] {
            assert_eq!(time(us), text);
        }
        assert_eq!(rate(81_234.5), "81,235/s");
        assert_eq!(rate(0.5), "0.50/s");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(bytes(64.0), "64 B");
        assert_eq!(bytes(5_200_000.0), "5.20 MB");
    }
}
