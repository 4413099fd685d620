//! [`Meter`]: counts one call, once, however it ends.

use std::ops::Deref;
use std::time::{Duration, Instant};

use rpcnet_proto::Code;

use super::cell::{MethodCell, Outcome};
use crate::clock;

/// A call that is counted; dropped before its end, it was cancelled. Counts nothing where
/// there is nowhere to count.
#[derive(Debug)]
pub(crate) struct Meter<C: Deref<Target = MethodCell>> {
    cell: Option<C>,
    began: Instant,
}

impl<C: Deref<Target = MethodCell>> Meter<C> {
    pub(crate) fn begin(cell: Option<C>, began: Instant) -> Self {
        if let Some(cell) = &cell {
            cell.begin();
        }
        Self { cell, began }
    }

    /// Where the call's messages are counted.
    pub(crate) const fn cell(&self) -> Option<&C> {
        self.cell.as_ref()
    }

    pub(crate) fn count_request(&self, bytes: usize) {
        if let Some(cell) = &self.cell {
            cell.count_request(bytes);
        }
    }

    pub(crate) fn count_response(&self, bytes: usize) {
        if let Some(cell) = &self.cell {
            cell.count_response(bytes);
        }
    }

    /// The call has ended now.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if self.cell.is_some() {
            let took = clock::now().saturating_duration_since(self.began);
            self.end_after(outcome, took);
        }
    }

    /// The call has ended, and took so long: saves a look at the clock where somebody had one.
    pub(crate) fn end_after(&mut self, outcome: Outcome, took: Duration) {
        if let Some(cell) = self.cell.take() {
            cell.end(outcome, took);
        }
    }

    /// When the call began.
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }
}

impl<C: Deref<Target = MethodCell>> Drop for Meter<C> {
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
        drop(Meter::<&MethodCell>::begin(None, clock::now()));
    }
}
