//! The typed service that is measured.

use futures::{Stream, StreamExt, stream};
use rpcnet::Service;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A message with something of everything, for payloads to be bent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) label: String,
    pub(crate) ratios: Vec<f64>,
    pub(crate) parts: BTreeMap<String, Part>,
    pub(crate) next: Option<Box<Self>>,
}

/// One of several forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    Nothing,
    Bytes(Vec<u8>),
    Range { from: i64, to: i64 },
}

/// A number that was not the successor of the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutOfOrder {
    pub(crate) expected: u64,
    pub(crate) found: u64,
}

/// A method of every shape, with little to do.
#[rpcnet::service]
pub(crate) trait Plant {
    /// The same text.
    async fn echo(&self, text: String) -> Result<String, OutOfOrder>;
    /// The same sample.
    async fn mirror(&self, sample: Sample) -> Result<Sample, OutOfOrder>;
    /// The numbers below.
    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64>, OutOfOrder>;
    /// How many numbers there are, in order from 0.
    async fn check(&self, numbers: impl Stream<Item = u64>) -> Result<u64, OutOfOrder>;
    /// Each number as it comes, in order from 0.
    async fn relay(
        &self,
        numbers: impl Stream<Item = u64>,
    ) -> Result<impl Stream<Item = Result<u64, OutOfOrder>>, OutOfOrder>;
}

/// The service with its handler, for any server.
pub(crate) fn service() -> Service {
    PlantServer::service(Worker)
}

struct Worker;

fn in_order(expected: u64, found: u64) -> Result<u64, OutOfOrder> {
    if expected == found {
        Ok(found)
    } else {
        Err(OutOfOrder { expected, found })
    }
}

impl PlantHandler for Worker {
    async fn echo(&self, text: String) -> Result<String, OutOfOrder> {
        Ok(text)
    }

    async fn mirror(&self, sample: Sample) -> Result<Sample, OutOfOrder> {
        Ok(sample)
    }

    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64> + Send, OutOfOrder> {
        Ok(stream::iter(0..below))
    }

    async fn check(
        &self,
        mut numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, OutOfOrder> {
        let mut count = 0;
        while let Some(number) = numbers.next().await {
            in_order(count, number)?;
            count += 1;
        }
        Ok(count)
    }

    async fn relay(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u64, OutOfOrder>> + Send, OutOfOrder> {
        let numbers = stream::iter(0..).zip(numbers);
        Ok(numbers.map(|(expected, found)| in_order(expected, found)))
    }
}
