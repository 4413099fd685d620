//! [`Conversation`]: an answer that arrives from one worker after another.

use clap::Parser;
use futures::StreamExt;
use rpcnet::{CallError, Responses, RpcError};

use super::{InferenceError, TOKENS_MAX, Token, token};
use crate::Outcome;

/// Asks a cluster of workers, and shows who answers.
#[derive(Debug, Parser)]
pub struct Question {
    /// What to ask.
    #[arg(default_value = "what is a cluster?")]
    prompt: String,
    /// How many tokens the answer shall have.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(TOKENS_MAX)))]
    tokens: u32,
}

/// What has arrived of an answer.
#[derive(Debug)]
pub struct Conversation {
    question: Question,
    arrived: u32,
    /// The label of each worker that had a part in it, in order.
    workers: Vec<String>,
    /// How often a worker was lost.
    lost: u32,
    /// How often since a token came.
    in_vain: u32,
}

/// Workers that may be lost one after the other without a token from any.
const IN_VAIN_MAX: u32 = 10;

impl Conversation {
    /// Begins with the question of the command line.
    #[must_use]
    pub fn from_command_line() -> Self {
        Self::new(Question::parse())
    }

    fn new(question: Question) -> Self {
        Self {
            question,
            arrived: 0,
            workers: Vec::new(),
            lost: 0,
            in_vain: 0,
        }
    }

    /// What is asked.
    #[must_use]
    pub fn prompt(&self) -> String {
        self.question.prompt.clone()
    }

    /// Which token is next.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.arrived
    }

    /// How many there will be.
    #[must_use]
    pub fn tokens(&self) -> u32 {
        self.question.tokens
    }

    /// Whether all of it has arrived.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.arrived == self.question.tokens
    }

    /// The label of the worker that the last token came from.
    #[must_use]
    pub fn last_worker(&self) -> Option<&str> {
        self.workers.last().map(String::as_str)
    }

    /// Takes tokens until the answer is whole, or until the worker is lost: then the result says
    /// how.
    ///
    /// # Errors
    ///
    /// The worker is well and does not want to, or a token was lost or came twice. Another worker
    /// would not do better.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a token is taken or it is not.
    pub async fn listen(
        &mut self,
        mut tokens: Responses<Token, InferenceError>,
    ) -> Outcome<Option<RpcError>> {
        while let Some(token) = tokens.next().await {
            match token {
                Ok(token) => self.take(&token)?,
                Err(CallError::Rpc(error)) => return Ok(Some(error)),
                Err(CallError::Service(error)) => return Err(format!("refused: {error:?}").into()),
            }
        }
        match self.is_whole() {
            true => Ok(None),
            false => Err(format!("the answer ended with token {}", self.arrived).into()),
        }
    }

    #[expect(clippy::print_stdout, reason = "a program that talks to its reader")]
    fn take(&mut self, next: &Token) -> Outcome {
        let expected = token(&self.question.prompt, self.arrived);
        if (next.index, next.text.as_str()) != (self.arrived, expected) {
            return Err(format!("expected token {}, got {next:?}", self.arrived).into());
        }
        if self.last_worker() != Some(&next.worker) {
            let label = next.worker.escape_debug();
            println!("{label} answers from token {} on", next.index);
            self.workers.push(next.worker.clone());
        }
        println!("{:>4}  {}", next.index, next.text);
        self.arrived += 1;
        self.in_vain = 0;
        Ok(())
    }

    /// Notes that whoever was to answer does so no more, and prints why.
    ///
    /// # Errors
    ///
    /// This has happened too often.
    #[expect(clippy::print_stdout, reason = "a program that talks to its reader")]
    pub fn lose(&mut self, worker: &str, why: &RpcError) -> Outcome {
        let (worker, arrived) = (worker.escape_debug(), self.arrived);
        println!("{worker} is lost, {arrived} tokens have arrived: {why}");
        self.lost += 1;
        self.in_vain += 1;
        if self.in_vain == IN_VAIN_MAX {
            return Err(format!("no token from any of {IN_VAIN_MAX} attempts").into());
        }
        Ok(())
    }

    /// Says how it went.
    #[expect(clippy::print_stdout, reason = "a program that talks to its reader")]
    pub fn conclude(&self) {
        println!(
            "{} tokens, none lost and none twice; answered by {}; failovers: {}",
            self.arrived,
            self.workers.join(", ").escape_debug(),
            self.lost,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation::new(Question {
            prompt: "why".into(),
            tokens: 2,
        })
    }

    fn made(index: u32) -> Token {
        Token {
            index,
            text: token("why", index).into(),
            worker: "w".into(),
        }
    }

    #[test]
    fn a_token_that_is_not_the_next_one_is_refused() {
        let mut whole = conversation();
        assert!(whole.take(&made(1)).is_err(), "one was lost");
        whole.take(&made(0)).expect("it is the first");
        assert!(whole.take(&made(0)).is_err(), "it came twice");
        assert!(!whole.is_whole());
        whole.take(&made(1)).expect("it is the last");
        assert!(whole.is_whole());
    }

    #[test]
    fn losing_every_worker_comes_to_an_end_and_a_token_begins_the_count_anew() {
        let mut patient = conversation();
        for _ in 1..IN_VAIN_MAX {
            patient.lose("w", &RpcError::Cancelled).expect("not yet");
        }
        patient.take(&made(0)).expect("it is the first");
        for _ in 1..IN_VAIN_MAX {
            patient.lose("w", &RpcError::Cancelled).expect("not yet");
        }
        assert!(patient.lose("w", &RpcError::Cancelled).is_err());
    }
}
