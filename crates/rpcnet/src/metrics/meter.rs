//! [`Meter`]: counts one call, once, however it ends.

use std::ops::Deref;
use std::time::{Duration, Instant};

use rpcnet_proto::Code;

use super::cell::{MethodCell, Outcome};
use crate::clock;

/// Somebody who knows where a call is counted, if it is.
pub(crate) trait Metered {
    fn cell(&self) -> Option<&MethodCell>;
}

impl<C: Deref<Target = MethodCell>> Metered for Option<C> {
    fn cell(&self) -> Option<&MethodCell> {
        self.as_deref()
    }
}

/// A call that is counted; dropped before its end, it was cancelled. Counts nothing where
/// there is nowhere to count.
#[derive(Debug)]
pub(crate) struct Meter<M: Metered> {
    metered: M,
    began: Instant,
    /// Bytes of its request that are counted with its end.
    request_bytes: usize,
    is_over: bool,
}

impl<M: Metered> Meter<M> {
    pub(crate) fn begin(metered: M, began: Instant) -> Self {
        Self::begin_with(metered, began, 0)
    }

    /// As [`begin`](Self::begin), where the request is there: saves looking for the counts.
    pub(crate) fn begin_with(metered: M, began: Instant, request_bytes: usize) -> Self {
        if let Some(cell) = metered.cell() {
            cell.begin(request_bytes);
        }
        Self {
            metered,
            began,
            request_bytes: 0,
            is_over: false,
        }
    }

    /// What says where the call is counted.
    pub(crate) const fn metered(&self) -> &M {
        &self.metered
    }

    pub(crate) fn count_request(&self, bytes: usize) {
        if let Some(cell) = self.metered.cell() {
            cell.count_request(bytes);
        }
    }

    /// Counts the only message of the request, when the call ends.
    pub(crate) const fn hold_request(&mut self, bytes: usize) {
        self.request_bytes = bytes;
    }

    pub(crate) fn count_response(&self, bytes: usize) {
        if let Some(cell) = self.metered.cell() {
            cell.count_response(bytes);
        }
    }

    /// The call has ended now.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.end_with(outcome, 0);
    }

    /// The call has ended now, with the only message of its response or with none.
    pub(crate) fn end_with(&mut self, outcome: Outcome, response_bytes: usize) {
        if !self.is_over && self.metered.cell().is_some() {
            let took = clock::now().saturating_duration_since(self.began);
            self.end_after(outcome, response_bytes, took);
        }
    }

    /// As [`end_with`](Self::end_with), and took so long: saves a look at the clock where
    /// somebody had one.
    pub(crate) fn end_after(&mut self, outcome: Outcome, response_bytes: usize, took: Duration) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        if let Some(cell) = self.metered.cell() {
            cell.end(outcome, took, (self.request_bytes, response_bytes));
        }
    }

    /// When the call began.
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }
}

impl<M: Metered> Drop for Meter<M> {
    fn drop(&mut self) {
        self.end(Some(Code::Cancelled));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_and_as_cancelled_where_nobody_said_how_it_ended() {
        let cell = MethodCell::new("m");
        let mut ended = Meter::begin(Some(&cell), clock::now());
        let dropped = Meter::begin(Some(&cell), clock::now());
        let read = || cell.read().expect("there were calls");
        assert_eq!(read().in_flight, 2);
        ended.end(None);
        ended.end(Some(Code::Internal));
        drop((ended, dropped));
        assert_eq!((read().in_flight, read().ok), (0, 1));
        assert_eq!(read().failed, 1);
        assert_eq!(read().failed_with(Code::Cancelled), 1);
        drop(Meter::begin(None::<&MethodCell>, clock::now()));
    }

    #[test]
    fn messages_count_with_the_beginning_or_with_the_end_also_of_a_call_that_is_dropped() {
        let cell = MethodCell::new("m");
        let bytes = || {
            let read = cell.read().expect("there were calls");
            (read.request_bytes, read.response_bytes)
        };
        let mut known = Meter::begin_with(Some(&cell), clock::now(), 1);
        assert_eq!(bytes(), (1, 0));
        known.end_with(None, 2);
        assert_eq!(bytes(), (1, 2));
        let mut held = Meter::begin(Some(&cell), clock::now());
        held.hold_request(10);
        assert_eq!(bytes(), (1, 2));
        drop(held);
        assert_eq!(bytes(), (11, 2));
    }
}
