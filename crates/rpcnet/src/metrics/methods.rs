//! [`MethodMetrics`]: the calls of one method; [`MethodTable`]: where a client finds its cell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rpcnet_proto::{Code, Method};
use serde::{Deserialize, Serialize};

use super::cell::{Counted, MethodCell};
use super::{CLIENT_METHODS_MAX, Histogram, OTHER_METHOD};
use crate::hash;

/// The calls of one method, on one side, since the server or the client was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodMetrics {
    /// Its name on the wire, of `A-Z a-z 0-9 _ . / -`; or
    /// [`UNKNOWN_METHOD`](super::UNKNOWN_METHOD) or [`OTHER_METHOD`].
    pub method: String,
    /// Calls that began, those that were refused included.
    pub started: u64,
    /// Of these, those that have not ended.
    pub in_flight: u64,
    /// Calls that ended well.
    pub ok: u64,
    /// Calls that ended otherwise.
    pub failed: u64,
    /// Of these, how many with which code, by its name as in [`code_name`](Self::code_name);
    /// those that never occurred are left out.
    pub codes: BTreeMap<String, u64>,
    /// How long calls took that have ended and were not refused by a server before their
    /// handler: on a server from their header to the end of their answer, on a client from
    /// the call until the answer was there, waiting and further attempts included.
    pub duration: Histogram,
    /// Bytes of the messages of requests, without what is around them. A server may add that of
    /// a unary call when the call ends.
    pub request_bytes: u64,
    /// Bytes of the messages of responses, without what is around them.
    pub response_bytes: u64,
}

impl MethodMetrics {
    pub(super) fn new(method: &str, counted: Counted<'_>) -> Self {
        let failed: u64 = counted.failed.iter().map(|(_, count)| count).sum();
        let occurred = counted.failed.iter().filter(|(_, count)| *count > 0);
        let ended = counted.ok + failed;
        Self {
            method: method.to_owned(),
            started: counted.started.max(ended),
            in_flight: counted.started.saturating_sub(ended),
            ok: counted.ok,
            failed,
            codes: occurred
                .map(|(code, count)| (Self::code_name(*code).to_owned(), *count))
                .collect(),
            duration: counted.duration,
            request_bytes: counted.request_bytes,
            response_bytes: counted.response_bytes,
        }
    }

    /// How many calls ended with a code.
    #[must_use]
    pub fn failed_with(&self, code: Code) -> u64 {
        let name = Self::code_name(code);
        self.codes.get(name).copied().unwrap_or(0)
    }

    /// The name of a code in [`codes`](Self::codes) and in labels: `deadline_exceeded`.
    #[must_use]
    pub const fn code_name(code: Code) -> &'static str {
        match code {
            Code::Cancelled => "cancelled",
            Code::InvalidArgument => "invalid_argument",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::NotFound => "not_found",
            Code::AlreadyExists => "already_exists",
            Code::PermissionDenied => "permission_denied",
            Code::ResourceExhausted => "resource_exhausted",
            Code::FailedPrecondition => "failed_precondition",
            Code::Aborted => "aborted",
            Code::OutOfRange => "out_of_range",
            Code::Unimplemented => "unimplemented",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
            Code::DataLoss => "data_loss",
            Code::Unauthenticated => "unauthenticated",
            // `Unknown`, and whatever is added before it has a name here.
            _ => "unknown",
        }
    }
}

/// The cells of the methods that a client has called. Looked up without a lock; a method's
/// cell is made by its first call and stays.
#[derive(Debug)]
pub(crate) struct MethodTable {
    chains: [Chain; CHAINS],
    len: AtomicUsize,
    other: Arc<MethodCell>,
}

/// A cell, and those after it whose methods have the same place.
type Chain = OnceLock<Box<Link>>;

#[derive(Debug)]
struct Link {
    method: Method,
    cell: Arc<MethodCell>,
    next: Chain,
}

const CHAINS: usize = 32;

impl MethodTable {
    pub(crate) fn new() -> Self {
        Self {
            chains: [const { OnceLock::new() }; CHAINS],
            len: AtomicUsize::new(0),
            other: Arc::new(MethodCell::new(OTHER_METHOD)),
        }
    }

    /// The cell of a method; that of all others once there are too many.
    pub(crate) fn cell(&self, method: &Method) -> &Arc<MethodCell> {
        // What they are called comes from the program itself, and how many there are is bounded.
        let mut chain = &self.chains[hash::of_method(method) as usize % CHAINS];
        loop {
            let Some(link) = chain.get() else {
                match self.add(chain, method) {
                    Some(cell) => return cell,
                    // Somebody else added one meanwhile, maybe this.
                    None if chain.get().is_some() => continue,
                    None => return &self.other,
                }
            };
            if link.method == *method {
                return &link.cell;
            }
            chain = &link.next;
        }
    }

    /// Adds a method at the end of a chain; `None` where it has another end by now, or there
    /// is no room. Apart from looking up, which needs no room for a cell on its stack.
    #[cold]
    #[inline(never)]
    fn add<'a>(&self, end: &'a Chain, method: &Method) -> Option<&'a Arc<MethodCell>> {
        let has_room = |len: usize| (len < CLIENT_METHODS_MAX).then_some(len + 1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.len.fetch_update(set, get, has_room).ok()?;
        let link = Link {
            method: method.clone(),
            cell: Arc::new(MethodCell::new(method.as_str())),
            next: OnceLock::new(),
        };
        if end.set(Box::new(link)).is_err() {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        end.get().map(|link| &link.cell)
    }

    /// Of all methods that were called, in the order of their names.
    pub(crate) fn read(&self) -> Vec<MethodMetrics> {
        let mut read: Vec<MethodMetrics> = Vec::new();
        for mut chain in &self.chains {
            while let Some(link) = chain.get() {
                read.extend(link.cell.read());
                chain = &link.next;
            }
        }
        read.extend(self.other.read());
        read.sort_unstable_by(|a, b| a.method.cmp(&b.method));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(number: usize) -> Method {
        Method::new(&format!("m/{number}")).expect("legal")
    }

    fn call(table: &MethodTable, method: &Method) {
        table.cell(method).refuse(Code::Unavailable);
    }

    #[test]
    fn methods_beyond_the_limit_are_counted_as_one() {
        let table = MethodTable::new();
        for number in 0..CLIENT_METHODS_MAX - 1 {
            call(&table, &method(number));
        }
        assert_eq!(table.read().len(), CLIENT_METHODS_MAX - 1);
        call(&table, &method(CLIENT_METHODS_MAX - 1));
        assert_eq!(table.read().len(), CLIENT_METHODS_MAX);
        assert!(table.read().iter().all(|it| it.method != OTHER_METHOD));
        for number in CLIENT_METHODS_MAX..10_000 {
            call(&table, &method(number));
        }
        let read = table.read();
        assert_eq!(read.len(), CLIENT_METHODS_MAX + 1);
        let other = read.iter().find(|it| it.method == OTHER_METHOD);
        let others = (10_000 - CLIENT_METHODS_MAX) as u64;
        assert_eq!(other.map(|it| it.failed), Some(others));
        call(&table, &method(0));
        let read = table.read();
        let first = read.iter().find(|it| it.method == "m/0");
        assert_eq!(first.map(|it| it.started), Some(2), "it has its own cell");
    }

    #[test]
    fn threads_that_add_at_once_find_the_same_cells() {
        let table = Arc::new(MethodTable::new());
        let threads = (0..4).map(|_| {
            let table = table.clone();
            std::thread::spawn(move || (0..500).for_each(|number| call(&table, &method(number))))
        });
        let threads: Vec<_> = threads.collect();
        for thread in threads {
            thread.join().expect("it calls");
        }
        let read = table.read();
        assert_eq!(read.len(), 500);
        assert!(read.iter().all(|it| it.started == 4));
    }
}
