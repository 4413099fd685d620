//! The calls that run on a connection, and the places they take.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpcnet_proto::CallId;

use crate::context::{CallContext, Ending};

/// CANCELs that overtook their call, remembered per connection; the oldest goes first.
const EARLY_CANCELS_MAX: usize = 1024;

/// The calls of one connection by their number, for CANCEL and for the connection's end.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    table: Mutex<Table>,
    /// Whether there is anything in the table that a call that begins would have to know.
    is_in_use: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    running: HashMap<CallId, CallContext>,
    early_cancels: EarlyCancels,
    /// Set once no call may start any more.
    closed: Option<Ending>,
}

/// Why a call cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotStarted {
    /// Its number is taken by a call that runs: the peer broke the protocol.
    NumberTaken,
    /// It was cancelled before it came, or the connection has ended.
    Ended(Ending),
}

impl Calls {
    /// Enters a call, until the entry is dropped. One that may be over before anybody else
    /// could ask for it is not in the table before it is [listed](Entry::list), except where
    /// something in there may concern it.
    pub(crate) fn pass(self: &Arc<Self>, context: &CallContext) -> Result<Entry, NotStarted> {
        let mut entry = Entry {
            calls: self.clone(),
            context: context.clone(),
            is_listed: false,
        };
        if self.is_in_use.load(Ordering::Acquire) {
            entry.list()?;
        }
        Ok(entry)
    }

    /// Ends a call, or remembers the CANCEL for a call that it has overtaken (W-51).
    pub(crate) fn cancel(&self, call_id: CallId) {
        let mut table = self.table();
        if let Some(context) = table.running.get(&call_id) {
            let context = context.clone();
            drop(table);
            return context.end(Ending::Cancelled);
        }
        table.early_cancels.remember(call_id);
        self.note(&table);
    }

    /// Ends every call and lets none start; returns how many it ended.
    pub(crate) fn close(&self, ending: Ending) -> usize {
        let contexts: Vec<CallContext> = {
            let mut table = self.table();
            table.closed = Some(ending);
            self.note(&table);
            table.running.values().cloned().collect()
        };
        contexts.iter().for_each(|context| context.end(ending));
        contexts.len()
    }

    /// Adds those that run to what was seen, up to `most` in all. A call that is over at once
    /// is never among them.
    pub(super) fn see(&self, seen: &mut Vec<CallContext>, most: usize) {
        let table = self.table();
        let room = most.saturating_sub(seen.len());
        seen.extend(table.running.values().take(room).cloned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table().running.is_empty()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, table: &Table) {
        let is_in_use = !table.running.is_empty()
            || !table.early_cancels.waiting.is_empty()
            || table.closed.is_some();
        self.is_in_use.store(is_in_use, Ordering::Release);
    }
}

/// The newest CANCELs for which there was no call; most of them came too late.
#[derive(Debug, Default)]
struct EarlyCancels {
    waiting: HashSet<CallId>,
    /// All of `waiting`, oldest first, and some that were used up.
    order: VecDeque<CallId>,
}

impl EarlyCancels {
    fn remember(&mut self, call_id: CallId) {
        if self.order.len() == EARLY_CANCELS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.waiting.remove(&oldest);
        }
        if self.waiting.insert(call_id) {
            self.order.push_back(call_id);
        }
    }

    fn take(&mut self, call_id: CallId) -> bool {
        !self.waiting.is_empty() && self.waiting.remove(&call_id)
    }
}

/// A call's entry in the table of its connection. The call is over when it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    calls: Arc<Calls>,
    context: CallContext,
    is_listed: bool,
}

impl Entry {
    /// Has the call in the table, where a CANCEL and the connection's end find it.
    pub(crate) fn list(&mut self) -> Result<(), NotStarted> {
        if self.is_listed {
            return Ok(());
        }
        let call_id = self.context.call_id();
        let mut table = self.calls.table();
        if let Some(ending) = table.closed {
            return Err(NotStarted::Ended(ending));
        }
        if table.early_cancels.take(call_id) {
            self.calls.note(&table);
            return Err(NotStarted::Ended(Ending::Cancelled));
        }
        if table.running.contains_key(&call_id) {
            return Err(NotStarted::NumberTaken);
        }
        table.running.insert(call_id, self.context.clone());
        self.calls.note(&table);
        self.is_listed = true;
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.is_listed {
            let mut table = self.calls.table();
            let context = table.running.remove(&self.context.call_id());
            self.calls.note(&table);
            drop(table);
            drop(context);
        }
        self.context.close();
    }
}

/// Counts what runs at once and refuses beyond a limit.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    limit: usize,
}

impl Places {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            limit,
        }
    }

    /// Takes a place until the guard is dropped; `None` where all are taken.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let taken = self.taken.fetch_add(1, Ordering::AcqRel);
        let place = Place(self.clone());
        (taken < self.limit).then_some(place)
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

/// One of the [`Places`].
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(id: u64) -> CallContext {
        CallContext::for_test(CallId::new(id).expect("small"))
    }

    fn enter(calls: &Arc<Calls>, context: &CallContext) -> Result<Entry, NotStarted> {
        let mut entry = calls.pass(context)?;
        entry.list()?;
        Ok(entry)
    }

    #[test]
    fn a_cancel_that_overtook_its_call_still_ends_it() {
        let calls = Arc::new(Calls::default());
        let late = context(7);
        calls.cancel(late.call_id());
        assert_eq!(
            enter(&calls, &late).err(),
            Some(NotStarted::Ended(Ending::Cancelled))
        );
        assert!(
            enter(&calls, &late).is_ok(),
            "a cancel is used up by its call"
        );
    }

    #[test]
    fn early_cancels_are_bounded_and_the_oldest_goes_first() {
        let calls = Arc::new(Calls::default());
        for id in 0..=EARLY_CANCELS_MAX as u64 {
            calls.cancel(context(id).call_id());
        }
        assert!(enter(&calls, &context(0)).is_ok());
        assert!(enter(&calls, &context(1)).is_err());
        let table = calls.table();
        assert!(table.early_cancels.waiting.len() < EARLY_CANCELS_MAX);
        assert_eq!(table.early_cancels.order.len(), EARLY_CANCELS_MAX);
    }

    #[test]
    fn a_number_in_use_is_refused_and_free_again_after_its_call() {
        let calls = Arc::new(Calls::default());
        let first = context(7);
        let entry = enter(&calls, &first).expect("free");
        assert_eq!(
            enter(&calls, &context(7)).err(),
            Some(NotStarted::NumberTaken)
        );
        drop(entry);
        assert!(first.is_cancelled(), "what the handler left behind is told");
        assert!(enter(&calls, &context(7)).is_ok());
    }

    #[test]
    fn a_call_that_passes_is_found_once_it_is_listed() {
        let calls = Arc::new(Calls::default());
        let (first, second) = (context(1), context(2));
        let mut entry = calls.pass(&first).expect("free");
        assert!(calls.is_empty());
        entry.list().expect("nobody has its number");
        entry.list().expect("it is its own");
        let other = calls.pass(&second).expect("free");
        assert!(other.is_listed, "another one runs");
        assert_eq!(calls.pass(&context(1)).err(), Some(NotStarted::NumberTaken));
        calls.cancel(first.call_id());
        assert_eq!(first.ending(), Ending::Cancelled);
        drop((entry, other));
        let passing = calls.pass(&second).expect("free");
        drop(passing);
        assert!(
            second.is_cancelled(),
            "what the handler left behind is told"
        );
    }

    #[test]
    fn a_call_that_passes_meets_what_happened_meanwhile_when_it_is_listed() {
        for ending in [Ending::Cancelled, Ending::ConnectionLost] {
            let calls = Arc::new(Calls::default());
            let passing = context(1);
            let mut entry = calls.pass(&passing).expect("free");
            match ending {
                Ending::Cancelled => calls.cancel(passing.call_id()),
                other => drop(calls.close(other)),
            }
            assert_eq!(entry.list().err(), Some(NotStarted::Ended(ending)));
            drop(entry);
            let next = calls.pass(&context(2));
            assert_eq!(next.is_ok(), ending == Ending::Cancelled);
        }
    }

    #[test]
    fn closing_ends_every_call_once_and_lets_none_start() {
        let calls = Arc::new(Calls::default());
        let running = context(1);
        let _entry = enter(&calls, &running).expect("free");
        assert_eq!(calls.close(Ending::Shutdown), 1);
        assert!(running.is_cancelled());
        assert_eq!(
            enter(&calls, &context(2)).err(),
            Some(NotStarted::Ended(Ending::Shutdown))
        );
    }

    #[test]
    fn places_run_out_at_the_limit_and_return_on_drop() {
        let places = Arc::new(Places::new(2));
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some());
        assert!(places.take().is_none());
        assert_eq!(places.taken(), 2, "a refusal takes nothing");
        drop(first);
        assert!(places.take().is_some());
    }
}
