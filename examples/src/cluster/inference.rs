//! The service of the workers: it makes up text, token by token.

use rpcnet::Stream;
use serde::{Deserialize, Serialize};

/// A piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its place in the answer, from 0.
    pub index: u32,
    /// What is there.
    pub text: String,
    /// The label of the worker that made it.
    pub worker: String,
}

/// Why a worker does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InferenceError {
    /// More tokens are wanted than there may be.
    TooLong {
        /// How many there may be.
        limit: u32,
    },
}

/// The most tokens of one answer.
pub const TOKENS_MAX: u32 = 100_000;

/// Answers prompts.
#[rpcnet::service]
pub trait Inference {
    /// The tokens of an answer, from one of them to the end.
    ///
    /// Workers agree on every token, so that an answer that one has begun another can finish: the
    /// caller says where it stopped.
    #[rpc(idempotent)]
    async fn generate(
        &self,
        prompt: String,
        from: u32,
        tokens: u32,
    ) -> Result<impl Stream<Item = Token>, InferenceError>;
}

/// What stands at a place of the answer to a prompt. This is the whole model.
#[must_use]
pub fn token(prompt: &str, index: u32) -> &'static str {
    // FNV-1a over the prompt and the place, and the best bits of it.
    let bytes = prompt.bytes().chain(index.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    WORDS[hash as usize % WORDS.len()]
}

const WORDS: [&str; 16] = [
    "a", "the", "worker", "stream", "token", "carries", "answers", "waits", "quickly", "and",
    "then", "another", "cluster", "goes", "on", "again",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_depends_on_the_prompt_and_varies_along_the_way() {
        let answer = |prompt| {
            (0..100)
                .map(|index| token(prompt, index))
                .collect::<Vec<_>>()
        };
        assert_ne!(answer("one"), answer("two"));
        for word in WORDS {
            assert!(answer("one").contains(&word), "{word}");
        }
    }
}
