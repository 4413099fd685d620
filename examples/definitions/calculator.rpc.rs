//! Arithmetic over the wire: the definition that the example `calculator` and its tests share.

use rpcnet::{CallContext, Stream};
use serde::{Deserialize, Serialize};

/// Why the calculator has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MathError {
    /// Nothing can be divided by zero.
    DivisionByZero,
    /// The answer does not fit into 64 bits.
    Overflow,
}

/// Arithmetic.
#[rpcnet::service]
pub trait Calculator {
    /// Adds two numbers.
    #[rpc(idempotent, timeout = "2s")]
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;

    /// Divides, and forgets the remainder.
    #[rpc(idempotent, timeout = "2s")]
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError>;

    /// Adds to the server's memory, and returns what is in it then.
    ///
    /// Not idempotent: a call that is lost is not made again.
    async fn remember(&self, number: i64) -> Result<i64, MathError>;

    /// How many milliseconds the handler has for its answer.
    #[rpc(name = "time_left")]
    async fn time_left_ms(&self, context: CallContext) -> Result<u64, MathError>;

    /// The primes below a number, in order.
    async fn primes(&self, below: u64) -> Result<impl Stream<Item = u64>, MathError>;

    /// The sum of the numbers.
    async fn sum(&self, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;

    /// The sums so far, one for each number; ends at the first that does not fit.
    async fn running_sum(
        &self,
        start: i64,
        numbers: impl Stream<Item = i64>,
    ) -> Result<impl Stream<Item = Result<i64, MathError>>, MathError>;
}
