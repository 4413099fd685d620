//! Where a server and a client count what is not in a method's cell alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcnet_proto::Method;

use super::refusals::RefusalCounts;
use super::{MethodCell, MethodTable, Reason, Refusals, UNKNOWN_METHOD};

/// What a server counts of calls and connections that it did not let in.
#[derive(Debug)]
pub(crate) struct ServerFigures {
    unknown: Option<Arc<MethodCell>>,
    refusals: RefusalCounts,
    pub(crate) connections_accepted: Total,
    pub(crate) connections_refused: Total,
}

impl ServerFigures {
    /// Calls are counted by method only where that is wanted.
    pub(crate) fn new(are_calls_counted: bool) -> Self {
        let unknown = are_calls_counted.then(|| Arc::new(MethodCell::new(UNKNOWN_METHOD)));
        Self {
            unknown,
            refusals: RefusalCounts::default(),
            connections_accepted: Total::default(),
            connections_refused: Total::default(),
        }
    }

    /// Where calls are counted whose method is not known.
    pub(crate) const fn unknown(&self) -> Option<&Arc<MethodCell>> {
        self.unknown.as_ref()
    }

    /// A new cell, where calls are counted.
    pub(crate) fn cell(&self, method: &Method) -> Option<Arc<MethodCell>> {
        let cell = || Arc::new(MethodCell::new(method.as_str()));
        self.unknown.is_some().then(cell)
    }

    pub(crate) fn refuse(&self, reason: Reason) {
        self.refusals.count(reason);
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals.read()
    }
}

/// What a client counts.
#[derive(Debug)]
pub(crate) struct ClientFigures {
    pub(crate) methods: Option<MethodTable>,
    pub(crate) retries: Total,
    pub(crate) attempts: Total,
    pub(crate) made: Total,
    pub(crate) given_up: Total,
}

impl ClientFigures {
    /// Calls are counted by method only where that is wanted.
    pub(crate) fn new(are_calls_counted: bool) -> Self {
        Self {
            methods: are_calls_counted.then(MethodTable::new),
            retries: Total::default(),
            attempts: Total::default(),
            made: Total::default(),
            given_up: Total::default(),
        }
    }

    /// Where the calls of a method are counted, if they are.
    pub(crate) fn cell(&self, method: &Method) -> Option<&Arc<MethodCell>> {
        self.methods.as_ref().map(|methods| methods.cell(method))
    }
}

/// One number that only grows, and not with every call.
#[derive(Debug, Default)]
pub(crate) struct Total(AtomicU64);

impl Total {
    /// Counts one; how many there were before.
    pub(crate) fn one(&self) -> u64 {
        self.add(1)
    }

    pub(crate) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
