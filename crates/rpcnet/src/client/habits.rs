//! [`Habits`]: which methods have long replies.

use std::sync::atomic::{AtomicBool, Ordering};

use rpcnet_proto::Method;

use crate::hash;

/// Methods are told apart by so many places; those that share one share their habit.
const PLACES: usize = 64;

/// Replies of more than this many bytes are long: on a shared stream, those behind one
/// would wait for it.
const LONG_REPLY_BYTES: usize = 8 << 10;

/// Whether the last reply of a method was long, so that its next call goes alone.
///
/// Only a guess, and a wrong one costs a little speed: the first long reply of a method may
/// hold up others, and a method whose replies vary goes back and forth.
#[derive(Debug)]
pub(super) struct Habits([AtomicBool; PLACES]);

impl Default for Habits {
    fn default() -> Self {
        Self([const { AtomicBool::new(false) }; PLACES])
    }
}

impl Habits {
    /// Whether the next reply is expected to be long.
    pub(super) fn is_long(&self, method: &Method) -> bool {
        self.of(method).load(Ordering::Relaxed)
    }

    /// Takes note of a reply.
    pub(super) fn note(&self, method: &Method, reply_bytes: usize) {
        let (place, is_long) = (self.of(method), reply_bytes > LONG_REPLY_BYTES);
        // Read first: as a rule nothing changes, and nobody's cache has to know.
        if place.load(Ordering::Relaxed) != is_long {
            place.store(is_long, Ordering::Relaxed);
        }
    }

    fn of(&self, method: &Method) -> &AtomicBool {
        // Nothing is lost where two methods meet, or are made to.
        &self.0[hash::of_method(method) as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reply_of_a_method_is_remembered() {
        let habits = Habits::default();
        let [long, short] = ["get", "put"].map(|name| Method::new(name).expect("legal"));
        habits.note(&long, LONG_REPLY_BYTES + 1);
        habits.note(&short, LONG_REPLY_BYTES);
        assert!(habits.is_long(&long) && !habits.is_long(&short));
        habits.note(&long, 0);
        assert!(!habits.is_long(&long));
    }
}
