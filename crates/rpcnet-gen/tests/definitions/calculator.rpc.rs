//! Arithmetic over the wire.

use std::pin::Pin;

use futures::Stream;
use rpcnet::{CallContext, RpcError};
use serde::{Deserialize, Serialize};

/// Why a call of the calculator fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MathError {
    /// Nothing can be divided by zero.
    DivisionByZero, // the only one
}

/// Arithmetic.
#[rpcnet::service]
pub trait Calculator {
    /// Adds two numbers.
    #[rpc(idempotent, timeout = "2s", name = "plus")]
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;

    async fn negate(&self, number: i64) -> Result<i64, MathError>;

    /// Forgets everything.
    async fn reset(&self) -> Result<(), MathError>;

    /// The primes below a number.
    async fn primes(
        &self,
        context: CallContext,
        below: u64,
    ) -> Result<impl Stream<Item = Result<u64, MathError>>, MathError>;

    /// The sum of the numbers.
    async fn sum(&self, start: i64, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;

    /// The sum of the numbers, if the client sent all of them.
    async fn total(
        &self,
        numbers: impl Stream<Item = Result<i64, RpcError>> + Send + Unpin + 'static,
    ) -> Result<i64, MathError>;

    /// The sums of the numbers so far.
    async fn running(
        &self,
        numbers: Pin<Box<dyn Stream<Item = i64> + Send>>,
    ) -> Result<Pin<Box<dyn Stream<Item = i64> + Send>>, MathError>;
}
