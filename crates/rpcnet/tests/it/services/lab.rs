//! The service that most tests call: a method of every shape, with a handler to follow.

use std::collections::BTreeMap;
use std::pin::Pin;

use futures::{StreamExt, stream};
use rpcnet::{RpcClient, RpcError, Stream};
use serde::{Deserialize, Serialize};

use crate::pair::{Running, echo};
use crate::probe::Probe;

/// What a handler of the lab says no with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LabError {
    /// With the number that was too large.
    TooLarge { number: u64, most: u64 },
    /// With a text of any length.
    Noted(String),
    /// Alone.
    Empty,
}

/// A message with something of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) label: String,
    pub(crate) ratios: Vec<f64>,
    pub(crate) parts: BTreeMap<String, Part>,
    pub(crate) next: Option<Box<Self>>,
    pub(crate) pair: (i32, char),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    Nothing,
    Bytes(Vec<u8>),
    Range { from: i64, to: i64 },
}

impl Sample {
    /// A sample that differs from every other number's.
    pub(crate) fn new(number: u64) -> Self {
        let parts = [
            ("bytes", Part::Bytes(number.to_be_bytes().to_vec())),
            ("nothing", Part::Nothing),
            ("range", Part::Range { from: -9, to: 9 }),
        ];
        let inner = Self {
            number,
            label: "inner \u{1f511}".to_owned(),
            ratios: vec![],
            parts: BTreeMap::new(),
            next: None,
            pair: (0, 'x'),
        };
        Self {
            label: format!("sample {number}"),
            ratios: vec![0.5, number as f64, -1e300],
            parts: parts.map(|(name, part)| (name.to_owned(), part)).into(),
            next: Some(Box::new(inner)),
            pair: (-7, '\u{e9}'),
            number,
        }
    }
}

/// Where a stream of the lab fails, by the number of its items before that.
pub(crate) type FailsAfter = Option<u64>;

/// A method of every shape.
#[rpcnet::service]
pub(crate) trait Lab {
    /// Twice the number, up to a million.
    async fn double(&self, number: u64) -> Result<u64, LabError>;
    /// Both texts, so often.
    async fn join(&self, left: String, right: String, times: u8) -> Result<String, LabError>;
    /// Nothing, both ways.
    async fn ping(&self) -> Result<(), LabError>;
    /// The same.
    async fn mirror(&self, sample: Sample) -> Result<Sample, LabError>;
    /// Fails with a text of this length.
    async fn complain(&self, length: usize) -> Result<(), LabError>;

    /// The numbers below; items that cannot fail.
    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64>, LabError>;
    /// The numbers below, with a failure.
    async fn count_until(
        &self,
        below: u64,
        fails_after: FailsAfter,
    ) -> Result<impl Stream<Item = Result<u64, LabError>>, LabError>;
    /// What the handler holds, by reference.
    async fn held(&self) -> Result<impl Stream<Item = Sample>, LabError>;
    /// The numbers below, in a box.
    async fn count_boxed(
        &self,
        below: u64,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<u64, LabError>> + Send>>, LabError>;

    /// The sum, nothing but a stream asked.
    async fn sum(&self, numbers: impl Stream<Item = u64>) -> Result<u64, LabError>;
    /// The sum times a factor on top of a start; shows how its requests end.
    async fn weigh(
        &self,
        start: u64,
        numbers: impl Stream<Item = Result<u64, RpcError>>,
        factor: u64,
    ) -> Result<u64, LabError>;
    /// How many there are, from a box.
    async fn tally(
        &self,
        samples: Pin<Box<dyn Stream<Item = Sample> + Send>>,
    ) -> Result<u64, LabError>;

    /// Each number as it comes.
    async fn relay(
        &self,
        numbers: impl Stream<Item = u64>,
    ) -> Result<impl Stream<Item = u64>, LabError>;
    /// Each number as it comes, with a failure; shows how its requests end.
    async fn relay_until(
        &self,
        fails_after: FailsAfter,
        numbers: impl Stream<Item = Result<u64, RpcError>>,
    ) -> Result<impl Stream<Item = Result<u64, LabError>>, LabError>;
    /// Each sample as it comes, from a box into a box.
    async fn relay_boxed(
        &self,
        samples: Pin<Box<dyn Stream<Item = Sample> + Send>>,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Sample, LabError>> + Send>>, LabError>;
}

/// The most that [`LabClient::double`] takes.
pub(crate) const DOUBLE_MAX: u64 = 1_000_000;

/// Serves the lab, and counts what happens.
pub(crate) struct Bench {
    pub(crate) probe: Probe,
    pub(crate) held: Vec<Sample>,
}

impl Bench {
    pub(crate) fn new(probe: &Probe) -> Self {
        Self {
            probe: probe.clone(),
            held: (0..3).map(Sample::new).collect(),
        }
    }
}

impl LabHandler for Bench {
    async fn double(&self, number: u64) -> Result<u64, LabError> {
        let stay = self.probe.enter();
        if number > DOUBLE_MAX {
            let most = DOUBLE_MAX;
            return Err(LabError::TooLarge { number, most });
        }
        stay.finish();
        Ok(2 * number)
    }

    async fn join(&self, left: String, right: String, times: u8) -> Result<String, LabError> {
        Ok((left + &right).repeat(times.into()))
    }

    async fn ping(&self) -> Result<(), LabError> {
        self.probe.enter().finish();
        Ok(())
    }

    async fn mirror(&self, sample: Sample) -> Result<Sample, LabError> {
        self.probe.enter().finish();
        Ok(sample)
    }

    async fn complain(&self, length: usize) -> Result<(), LabError> {
        Err(LabError::Noted("x".repeat(length)))
    }

    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64> + Send, LabError> {
        Ok(stream::iter(0..below))
    }

    async fn count_until(
        &self,
        below: u64,
        fails_after: FailsAfter,
    ) -> Result<impl Stream<Item = Result<u64, LabError>> + Send, LabError> {
        if fails_after == Some(0) {
            return Err(LabError::Empty);
        }
        // What comes after the failure is never asked for.
        Ok(stream::iter(0..below).map(move |number| {
            if fails_after == Some(number) {
                return Err(LabError::Noted(format!("after {number}")));
            }
            assert!(fails_after.is_none_or(|after| number < after));
            Ok(number)
        }))
    }

    async fn held(&self) -> Result<impl Stream<Item = Sample> + Send, LabError> {
        Ok(stream::iter(self.held.iter().cloned()))
    }

    async fn count_boxed(
        &self,
        below: u64,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<u64, LabError>> + Send>>, LabError> {
        Ok(Box::pin(stream::iter(0..below).map(Ok)))
    }

    async fn sum(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, LabError> {
        let stay = self.probe.enter();
        let sum = numbers
            .inspect(|_| self.probe.item())
            .fold(0_u64, async |sum, number| sum.wrapping_add(number))
            .await;
        self.probe.end();
        stay.finish();
        Ok(sum)
    }

    async fn weigh(
        &self,
        start: u64,
        mut numbers: impl Stream<Item = Result<u64, RpcError>> + Send + Unpin + 'static,
        factor: u64,
    ) -> Result<u64, LabError> {
        let stay = self.probe.enter();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            match number {
                Ok(number) => {
                    sum += number;
                    self.probe.item();
                }
                Err(error) => {
                    stay.finish();
                    return Err(LabError::Noted(format!("cut off at {sum}: {error}")));
                }
            }
        }
        self.probe.end();
        stay.finish();
        Ok(start + sum * factor)
    }

    async fn tally(
        &self,
        samples: Pin<Box<dyn Stream<Item = Sample> + Send>>,
    ) -> Result<u64, LabError> {
        Ok(samples.count().await as u64)
    }

    async fn relay(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = u64> + Send, LabError> {
        let stay = self.probe.enter();
        Ok(numbers.inspect(move |_| {
            let _ = &stay;
            self.probe.item();
        }))
    }

    async fn relay_until(
        &self,
        fails_after: FailsAfter,
        numbers: impl Stream<Item = Result<u64, RpcError>> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u64, LabError>> + Send, LabError> {
        if fails_after == Some(0) {
            return Err(LabError::Empty);
        }
        let stay = self.probe.enter();
        let numbers = stream::iter(0..).zip(numbers);
        Ok(numbers.map(move |(at, number)| {
            let _ = &stay;
            let number = number.map_err(|error| LabError::Noted(format!("cut off: {error}")))?;
            self.probe.item();
            if fails_after == Some(at) {
                return Err(LabError::Noted(format!("after {at}")));
            }
            Ok(number)
        }))
    }

    async fn relay_boxed(
        &self,
        samples: Pin<Box<dyn Stream<Item = Sample> + Send>>,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Sample, LabError>> + Send>>, LabError> {
        Ok(Box::pin(samples.map(Ok)))
    }
}

/// A server of the lab, and of `echo`, with a client of it.
pub(crate) struct Scene {
    pub(crate) running: Running,
    pub(crate) rpc: RpcClient,
    pub(crate) lab: LabClient,
    pub(crate) probe: Probe,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let probe = Probe::new();
        let lab = LabServer::service(Bench::new(&probe));
        let running = Running::new(|server| async move {
            server.add_service(lab);
            echo(server).await;
        })
        .await;
        let rpc = running.client().await;
        Self {
            lab: LabClient::new(rpc.clone()),
            running,
            rpc,
            probe,
        }
    }
}
