//! What is shown of things of which there may be many, or that others wrote.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Some of them, and how many there are.
#[derive(Debug, Serialize)]
pub(super) struct Shown<T> {
    /// How many there are.
    total: u64,
    /// How many of them are not among `shown`.
    left_out: u64,
    shown: Vec<T>,
}

impl<T> Shown<T> {
    /// `shown`, which is already bounded, of `total`.
    pub(super) fn of(total: u64, shown: Vec<T>) -> Self {
        Self {
            total,
            left_out: total.saturating_sub(shown.len() as u64),
            shown,
        }
    }

    /// The first so many.
    pub(super) fn first<I>(most: usize, all: I) -> Self
    where
        I: ExactSizeIterator<Item = T>,
    {
        Self::of(all.len() as u64, all.take(most).collect())
    }
}

/// Text with everything escaped that a terminal might obey, and bounded.
pub(super) fn text(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(CHARS_MAX) {
        match c {
            '\'' | '"' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if let Some((end, _)) = shown.char_indices().nth(CHARS_MAX) {
        shown.truncate(end);
    }
    shown
}

/// Characters of a text that are shown.
const CHARS_MAX: usize = 256;

/// Whole milliseconds.
pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whole microseconds.
pub(super) fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970; zero before.
pub(super) fn unix_ms(at: SystemTime) -> u64 {
    ms(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        for (most, left_out) in [(2, 1), (3, 0), (4, 0)] {
            let shown = Shown::first(most, [1, 2, 3].into_iter());
            assert_eq!((shown.total, shown.left_out), (3, left_out), "{most}");
        }
    }

    #[test]
    fn text_is_escaped_and_bounded() {
        assert_eq!(text("it's \"so\"\u{1b}[2J"), "it's \"so\"\\u{1b}[2J");
        for chars in [CHARS_MAX - 1, CHARS_MAX, CHARS_MAX + 1] {
            let shown = text(&"x".repeat(chars));
            assert_eq!(shown.len(), chars.min(CHARS_MAX));
        }
        assert_eq!(text(&"\u{202e}".repeat(1000)).len(), CHARS_MAX);
    }
}
