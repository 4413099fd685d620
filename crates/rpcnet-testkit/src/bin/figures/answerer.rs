//! Which process answered a call, as its answer says.

use rpcnet_testkit::ledger::CallId;
use serde::{Deserialize, Serialize};

/// A worker, by its number, and how often it had been started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Answerer {
    pub(crate) worker: u16,
    pub(crate) start: u16,
}

impl Answerer {
    /// What follows the call's id in an answer.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (worker, start) = bytes.split_at_mut(2);
        worker.copy_from_slice(&self.worker.to_be_bytes());
        start.copy_from_slice(&self.start.to_be_bytes());
        bytes
    }

    const BYTES: usize = 4;
}

/// Reads an answer to the call `id`: who gave it, where it says so; `None` where it answers something
/// else.
pub(crate) fn read_answer(answer: &[u8], id: CallId) -> Option<Option<Answerer>> {
    match *answer.strip_prefix(&id.to_bytes())? {
        [] => Some(None),
        [a, b, c, d] => Some(Some(Answerer {
            worker: u16::from_be_bytes([a, b]),
            start: u16::from_be_bytes([c, d]),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_to_the_call_is_one() {
        let id = CallId::from(7);
        let who = Answerer {
            worker: 3,
            start: 258,
        };
        let answer = [id.to_bytes().as_slice(), &who.to_bytes()].concat();
        assert_eq!(read_answer(&answer, id), Some(Some(who)));
        assert_eq!(read_answer(&answer, CallId::from(8)), None);
        for len in 0..answer.len() {
            let expected = (len == CallId::BYTES).then_some(None);
            assert_eq!(read_answer(&answer[..len], id), expected, "{len} bytes");
        }
    }
}
