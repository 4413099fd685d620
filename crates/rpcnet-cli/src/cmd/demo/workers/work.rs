//! What the demo's workers do for others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// What was computed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) worker: String,
    pub(crate) number: u64,
}

/// Work that takes some milliseconds.
#[rpcnet::service]
pub(crate) trait Work {
    /// Squares a number: twice is as good as once.
    #[rpc(idempotent)]
    async fn square(&self, number: u64) -> Result<Done, String>;

    /// The same, by a method that does not say so: it is never made again once it may have run.
    async fn square_once(&self, number: u64) -> Result<Done, String>;
}

/// How long a call takes, most of it waiting.
const CALL: Duration = Duration::from_millis(10);

/// The handler of a worker.
pub(crate) struct Bench {
    name: String,
}

impl Bench {
    pub(crate) fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self { name }
    }
}

impl WorkHandler for Bench {
    async fn square(&self, number: u64) -> Result<Done, String> {
        sleep(CALL).await;
        let square = number
            .checked_mul(number)
            .ok_or("the square is too large")?;
        Ok(Done {
            worker: self.name.clone(),
            number: square,
        })
    }

    async fn square_once(&self, number: u64) -> Result<Done, String> {
        self.square(number).await
    }
}
