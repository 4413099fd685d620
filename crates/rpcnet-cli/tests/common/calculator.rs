//! A service with a method of every shape.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use rpcnet::{CallContext, Stream};
use serde::{Deserialize, Serialize};

/// Why the calculator says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MathError {
    /// Nothing can be divided by zero.
    DivisionByZero { dividend: i64 },
}

/// Something of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) price: Option<f64>,
    pub(crate) tags: Vec<String>,
    pub(crate) counts: BTreeMap<String, u8>,
    pub(crate) parcel: Parcel,
    pub(crate) parent: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Parcel {
    Letter,
    Box(u32, u32),
    Pallet { weight: u32 },
}

/// Arithmetic over the wire.
#[rpcnet::service]
pub(crate) trait Calculator {
    /// Divides one number by another.
    ///
    /// Rounds towards zero.
    #[rpc(idempotent, timeout = "10s")]
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError>;
    /// Greets by name.
    async fn greet(&self, name: String) -> Result<String, MathError>;
    /// The same order.
    async fn mirror(&self, order: Order) -> Result<Order, MathError>;
    /// Who answers.
    async fn name(&self) -> Result<String, MathError>;
    /// The value that came with the call as metadata under this key.
    async fn metadata(
        &self,
        context: CallContext,
        key: String,
    ) -> Result<Option<String>, MathError>;
    /// Never answers.
    async fn wait(&self) -> Result<(), MathError>;
    /// The numbers below; there is none below zero.
    async fn count(
        &self,
        below: i64,
    ) -> Result<impl Stream<Item = Result<i64, MathError>>, MathError>;
    /// Numbers without end.
    async fn forever(&self) -> Result<impl Stream<Item = u64>, MathError>;
    /// The sum of a start and all numbers.
    async fn sum(&self, start: i64, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;
    /// The sum of all numbers.
    async fn total(&self, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;
    /// The sums so far.
    async fn running(
        &self,
        numbers: impl Stream<Item = i64>,
    ) -> Result<impl Stream<Item = i64>, MathError>;
}

/// The calculator of the node of this name.
pub(crate) struct Abacus(pub(crate) String);

impl CalculatorHandler for Abacus {
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
        let quotient = dividend.checked_div(divisor);
        quotient.ok_or(MathError::DivisionByZero { dividend })
    }

    async fn greet(&self, name: String) -> Result<String, MathError> {
        Ok(format!("hello, {name}"))
    }

    async fn mirror(&self, order: Order) -> Result<Order, MathError> {
        Ok(order)
    }

    async fn name(&self) -> Result<String, MathError> {
        Ok(self.0.clone())
    }

    async fn metadata(
        &self,
        context: CallContext,
        key: String,
    ) -> Result<Option<String>, MathError> {
        let value = context.metadata().get(&key);
        Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    async fn wait(&self) -> Result<(), MathError> {
        std::future::pending().await
    }

    async fn count(
        &self,
        below: i64,
    ) -> Result<impl Stream<Item = Result<i64, MathError>> + Send, MathError> {
        if below < 0 {
            return Err(MathError::DivisionByZero { dividend: below });
        }
        Ok(stream::iter((0..below).map(Ok)))
    }

    async fn forever(&self) -> Result<impl Stream<Item = u64> + Send, MathError> {
        Ok(stream::iter(0..))
    }

    async fn sum(
        &self,
        start: i64,
        numbers: impl Stream<Item = i64> + Send + Unpin + 'static,
    ) -> Result<i64, MathError> {
        Ok(numbers.fold(start, async |sum, number| sum + number).await)
    }

    async fn total(
        &self,
        numbers: impl Stream<Item = i64> + Send + Unpin + 'static,
    ) -> Result<i64, MathError> {
        Ok(numbers.fold(0, async |sum, number| sum + number).await)
    }

    async fn running(
        &self,
        numbers: impl Stream<Item = i64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = i64> + Send, MathError> {
        Ok(numbers.scan(0, |sum, number| {
            *sum += number;
            std::future::ready(Some(*sum))
        }))
    }
}
