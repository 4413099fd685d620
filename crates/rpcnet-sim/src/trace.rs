//! What happened, as one number and, if wanted, as text.

use std::fmt;

use crate::chance::scramble;
use crate::clock::Time;

/// The running hash of a run. Two runs with one hash did the same things at the same instants.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    hash: u64,
    count: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that also keeps a line for everything that is noted.
    #[must_use]
    pub fn readable() -> Self {
        Self {
            lines: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Notes that something happened at `now`: `what` it was, in numbers.
    pub fn note(&mut self, now: Time, what: &[u64]) {
        self.count += 1;
        self.hash = scramble(self.hash ^ now.as_micros());
        for value in what {
            self.hash = scramble(self.hash.rotate_left(17) ^ value);
        }
    }

    /// Keeps a line of text, if lines are kept. They are not part of the hash.
    pub fn line(&mut self, now: Time, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {}", text()));
        }
    }

    /// Takes the lines that were kept since the last time.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How many notes there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash of all notes so far, in their order.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} of {} events", self.hash, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_every_value_and_on_the_order() {
        let hash = |notes: &[(u64, &[u64])]| {
            let mut trace = Trace::default();
            for (at, what) in notes {
                trace.note(Time::from_micros(*at), what);
            }
            trace.hash()
        };
        let base = hash(&[(1, &[1, 2]), (2, &[3])]);
        assert_eq!(base, hash(&[(1, &[1, 2]), (2, &[3])]));
        assert_ne!(base, hash(&[(1, &[2, 1]), (2, &[3])]));
        assert_ne!(base, hash(&[(2, &[3]), (1, &[1, 2])]));
        assert_ne!(base, hash(&[(1, &[1, 2]), (3, &[3])]));
    }
}
