//! The typed service of the demo: one method of each shape.

use futures::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};

/// Whom to greet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    English,
    French,
    Klingon,
}

/// What the service answers where it has no words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WordsError {
    NotSpoken { language: Language },
    TooFar { limit: u32 },
}

/// Words, in every shape that a call can have.
#[rpcnet::service]
pub(crate) trait Words {
    /// Greets a guest.
    #[rpc(idempotent)]
    async fn greet(&self, guest: Guest) -> Result<String, WordsError>;

    /// Counts down to 1.
    async fn count_down(
        &self,
        from: u32,
    ) -> Result<impl Stream<Item = Result<u32, WordsError>>, WordsError>;

    /// Adds up the lengths.
    async fn total(&self, chunks: impl Stream<Item = Vec<u8>>) -> Result<u64, WordsError>;

    /// Says everything louder.
    async fn shout(
        &self,
        words: impl Stream<Item = String>,
    ) -> Result<impl Stream<Item = String>, WordsError>;
}

/// The demo's server speaks two languages and counts from 100 at most.
pub(crate) struct Polyglot;

/// From where `count_down` counts at most.
pub(crate) const COUNT_MAX: u32 = 100;

impl WordsHandler for Polyglot {
    async fn greet(&self, guest: Guest) -> Result<String, WordsError> {
        match guest.language {
            Language::English => Ok(format!("hello, {}", guest.name)),
            Language::French => Ok(format!("bonjour, {}", guest.name)),
            language @ Language::Klingon => Err(WordsError::NotSpoken { language }),
        }
    }

    async fn count_down(
        &self,
        from: u32,
    ) -> Result<impl Stream<Item = Result<u32, WordsError>>, WordsError> {
        if from > COUNT_MAX {
            return Err(WordsError::TooFar { limit: COUNT_MAX });
        }
        Ok(stream::iter((1..=from).rev().map(Ok)))
    }

    async fn total(
        &self,
        chunks: impl Stream<Item = Vec<u8>> + Send + Unpin + 'static,
    ) -> Result<u64, WordsError> {
        Ok(chunks
            .fold(0, |sum, chunk| async move { sum + chunk.len() as u64 })
            .await)
    }

    async fn shout(
        &self,
        words: impl Stream<Item = String> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = String>, WordsError> {
        Ok(words.map(|word| word.to_uppercase()))
    }
}
