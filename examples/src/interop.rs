//! The service that clients in other languages are tested against.
//!
//! The program `interop_server` serves it, and so does the test server of `clients/python`, which a
//! client of this library is tested against in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_stream::stream;
use futures::{Stream, StreamExt};
use rpcnet::CallContext;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

/// How many names [`InteropHandler::wait`] remembers; a call with one more fails.
pub const NAMES_MAX: usize = 1 << 10;

/// The longest item of [`InteropHandler::flood`], in bytes.
pub const ITEM_BYTES_MAX: u64 = 1 << 20;

/// Why a method does not do what it is asked.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum InteropError {
    /// Nothing can be divided by zero.
    DivisionByZero,
    /// A number is too large, or there are too many names.
    OutOfRange {
        /// The most that would do.
        most: u64,
    },
}

/// What a handler knows about its call.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// The method.
    pub method: String,
    /// Milliseconds left when the handler was entered.
    pub remaining_ms: u64,
    /// Whether the caller said that the call is idempotent.
    pub idempotent: bool,
    /// The metadata, with values in hexadecimal digits.
    pub metadata: BTreeMap<String, String>,
    /// The trace context, as the header `traceparent`.
    pub trace: Option<String>,
    /// The name in the caller's verified certificate.
    pub peer: Option<String>,
}

/// A method of each shape, and methods that show how calls end.
#[rpcnet::service]
pub trait Interop {
    /// Answers what it was told.
    #[rpc(idempotent)]
    async fn echo(&self, text: String) -> Result<String, InteropError>;
    /// Fails where the divisor is zero.
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, InteropError>;
    /// Takes nothing, answers nothing.
    async fn nothing(&self) -> Result<(), InteropError>;
    /// The numbers below one.
    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64>, InteropError>;
    /// The sum of the numbers and a first one.
    async fn sum(&self, start: i64, numbers: impl Stream<Item = i64>) -> Result<i64, InteropError>;
    /// The first of the numbers, without reading the others.
    async fn first(&self, numbers: impl Stream<Item = i64>) -> Result<i64, InteropError>;
    /// The dividend, divided by each of the divisors as it comes.
    async fn quotients(
        &self,
        dividend: i64,
        divisors: impl Stream<Item = i64>,
    ) -> Result<impl Stream<Item = Result<i64, InteropError>>, InteropError>;
    /// Items of this many bytes, without an end. How many were taken from it, `taken` says.
    async fn flood(&self, bytes: u64) -> Result<impl Stream<Item = String>, InteropError>;
    /// How many items of all floods the server has taken to send them.
    async fn taken(&self) -> Result<u64, InteropError>;
    /// Does not end by itself.
    async fn wait(&self, name: String) -> Result<(), InteropError>;
    /// Ends once the handler of `wait` with that name was entered.
    async fn entered(&self, name: String) -> Result<(), InteropError>;
    /// Ends once the handler of `wait` with that name was dropped.
    async fn dropped(&self, name: String) -> Result<(), InteropError>;
    /// What the handler knows about its call.
    async fn describe(&self, context: CallContext) -> Result<Described, InteropError>;
    /// Panics.
    async fn panic(&self) -> Result<(), InteropError>;
    /// Shuts the server down, which calls under way may outlive by this many milliseconds.
    async fn drain(&self, grace_ms: u64) -> Result<(), InteropError>;
}

/// The handlers.
#[derive(Debug)]
pub struct Wards {
    entered: Names,
    dropped: Arc<Names>,
    taken: Arc<Mutex<u64>>,
    drain: mpsc::Sender<Duration>,
}

impl Wards {
    /// The handlers, and what the server is told by `drain`.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Duration>) {
        let (drain, drained) = mpsc::channel(1);
        let wards = Self {
            entered: Names::default(),
            dropped: Arc::new(Names::default()),
            taken: Arc::default(),
            drain,
        };
        (wards, drained)
    }
}

impl InteropHandler for Wards {
    async fn echo(&self, text: String) -> Result<String, InteropError> {
        Ok(text)
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, InteropError> {
        dividend
            .checked_div(divisor)
            .ok_or(InteropError::DivisionByZero)
    }

    async fn nothing(&self) -> Result<(), InteropError> {
        Ok(())
    }

    async fn count(&self, below: u64) -> Result<impl Stream<Item = u64>, InteropError> {
        Ok(futures::stream::iter(0..below))
    }

    async fn sum(
        &self,
        start: i64,
        numbers: impl Stream<Item = i64> + Send,
    ) -> Result<i64, InteropError> {
        Ok(numbers
            .fold(start, |sum, number| async move { sum.wrapping_add(number) })
            .await)
    }

    async fn first(
        &self,
        mut numbers: impl Stream<Item = i64> + Send + Unpin,
    ) -> Result<i64, InteropError> {
        let none = InteropError::OutOfRange { most: 0 };
        numbers.next().await.ok_or(none)
    }

    async fn quotients(
        &self,
        dividend: i64,
        mut divisors: impl Stream<Item = i64> + Send + Unpin,
    ) -> Result<impl Stream<Item = Result<i64, InteropError>>, InteropError> {
        Ok(stream! {
            while let Some(divisor) = divisors.next().await {
                yield dividend.checked_div(divisor).ok_or(InteropError::DivisionByZero);
            }
        })
    }

    async fn flood(&self, bytes: u64) -> Result<impl Stream<Item = String>, InteropError> {
        if bytes > ITEM_BYTES_MAX {
            let most = ITEM_BYTES_MAX;
            return Err(InteropError::OutOfRange { most });
        }
        let item = "x".repeat(usize::try_from(bytes).unwrap_or(0));
        let taken = self.taken.clone();
        Ok(stream! {
            loop {
                *taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                yield item.clone();
            }
        })
    }

    async fn taken(&self) -> Result<u64, InteropError> {
        Ok(*self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn wait(&self, name: String) -> Result<(), InteropError> {
        self.entered.add(&name)?;
        let _tidy = OnDrop(self.dropped.clone(), name);
        std::future::pending().await
    }

    async fn entered(&self, name: String) -> Result<(), InteropError> {
        self.entered.has(&name).await;
        Ok(())
    }

    async fn dropped(&self, name: String) -> Result<(), InteropError> {
        self.dropped.has(&name).await;
        Ok(())
    }

    async fn describe(&self, context: CallContext) -> Result<Described, InteropError> {
        let metadata = context.metadata().iter();
        let trace = context.trace().map(|trace| {
            let (trace_id, parent_id) = (hex(&trace.trace_id), hex(&trace.parent_id));
            format!("00-{trace_id}-{parent_id}-{:02x}", trace.flags)
        });
        let peer = context.peer_identity();
        Ok(Described {
            method: context.method().to_owned(),
            remaining_ms: u64::try_from(context.remaining().as_millis()).unwrap_or(u64::MAX),
            idempotent: context.is_idempotent(),
            metadata: metadata
                .map(|(key, value)| (key.to_owned(), hex(value)))
                .collect(),
            trace,
            peer: peer.and_then(|peer| peer.common_name().map(ToOwned::to_owned)),
        })
    }

    async fn panic(&self) -> Result<(), InteropError> {
        panic!("as asked for")
    }

    async fn drain(&self, grace_ms: u64) -> Result<(), InteropError> {
        // Once is enough: a second one finds the channel full, or its reader gone.
        let _ = self.drain.try_send(Duration::from_millis(grace_ms));
        Ok(())
    }
}

/// Names that were seen, for others to wait for.
#[derive(Debug)]
struct Names(watch::Sender<BTreeSet<String>>);

impl Default for Names {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }
}

impl Names {
    fn add(&self, name: &str) -> Result<(), InteropError> {
        if self.0.borrow().len() >= NAMES_MAX {
            let most = NAMES_MAX as u64;
            return Err(InteropError::OutOfRange { most });
        }
        self.0.send_modify(|names| {
            names.insert(name.into());
        });
        Ok(())
    }

    async fn has(&self, name: &str) {
        let mut seen = self.0.subscribe();
        // It lives as long as the handlers do.
        let _ = seen.wait_for(|names| names.contains(name)).await;
    }
}

struct OnDrop(Arc<Names>, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // As many were entered as were dropped, so there is room.
        let _ = self.0.add(&self.1);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
