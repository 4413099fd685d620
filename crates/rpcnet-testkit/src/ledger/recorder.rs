//! The server's side: which handlers ran.

use super::call_id::CallId;
use super::event::{Event, EventKind, read_events};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The server's record of the handlers that ran; clones write to the same record.
///
/// Recording is synchronous and takes about a microsecond, also into a file: the event is with the
/// kernel before the handler goes on, so it outlives the process, though not a power cut.
///
/// ```
/// use rpcnet_testkit::ledger::{CallIds, EventKind, Ledger};
///
/// # fn main() -> std::io::Result<()> {
/// let ledger = Ledger::in_memory();
/// let execution = ledger.started(CallIds::new(1).next())?;
/// // … what the handler does …
/// execution.finished()?;
///
/// let kinds: Vec<_> = ledger.events()?.iter().map(|event| event.kind).collect();
/// assert_eq!(kinds, [EventKind::Started, EventKind::Finished]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    unrecorded: AtomicU64,
}

#[derive(Debug)]
enum Store {
    Memory(Mutex<Vec<Event>>),
    File { file: File, path: PathBuf },
}

impl Ledger {
    /// Creates a record that lives as long as this process, for up to [`EVENTS_MAX`] events.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Store::Memory(Mutex::default()))
    }

    /// Opens the record in `path`, or creates it; several processes may have the same one open.
    ///
    /// # Errors
    ///
    /// What the system says about opening the file.
    pub fn append_to(path: &Path) -> io::Result<Self> {
        // Append mode makes the kernel place each write at the end, so that no two overlap.
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let path = path.to_owned();
        Ok(Self::new(Store::File { file, path }))
    }

    /// Records that the handler of this call begins; call it before the handler has any effect.
    ///
    /// # Errors
    ///
    /// The event could not be recorded: the handler must not run, or the record is worth nothing.
    pub fn started(&self, id: CallId) -> io::Result<Execution> {
        self.record(id, EventKind::Started)?;
        Ok(Execution {
            ledger: self.clone(),
            id,
            ended: false,
        })
    }

    /// Returns everything recorded so far, by all who write to the same file, in order.
    ///
    /// # Errors
    ///
    /// As [`read_events`]; and if events were lost because they could not be recorded.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let unrecorded = self.shared.unrecorded.load(Ordering::Relaxed);
        if unrecorded > 0 {
            return Err(io::Error::other(format!(
                "{unrecorded} events could not be recorded"
            )));
        }
        match &self.shared.store {
            Store::Memory(events) => Ok(events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()),
            Store::File { path, .. } => read_events(path),
        }
    }

    fn new(store: Store) -> Self {
        let shared = Shared {
            store,
            unrecorded: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn record(&self, id: CallId, kind: EventKind) -> io::Result<()> {
        let recorded = self.shared.store.append(Event { id, kind });
        if recorded.is_err() {
            self.shared.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
        recorded
    }
}

impl Store {
    fn append(&self, event: Event) -> io::Result<()> {
        match self {
            Self::Memory(events) => {
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                if events.len() >= EVENTS_MAX {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                events.push(event);
                Ok(())
            }
            Self::File { file, .. } => append_whole(file, event),
        }
    }
}

/// The most events that a ledger in memory takes; further ones are an error.
pub const EVENTS_MAX: usize = 50_000_000;

/// Appends the event with one `write`, since two could be torn apart by another process or a kill.
fn append_whole(mut file: &File, event: Event) -> io::Result<()> {
    let record = event.encode();
    loop {
        match file.write(&record) {
            Ok(written) if written == record.len() => return Ok(()),
            Ok(_) => return Err(io::Error::other("an event was written in part")),
            // Nothing was written, says the system.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A handler that runs; dropped before [`finished`](Self::finished) it counts as cancelled.
#[derive(Debug)]
#[must_use = "dropped at once, it records a cancellation"]
pub struct Execution {
    ledger: Ledger,
    id: CallId,
    ended: bool,
}

impl Execution {
    /// Returns whose handler runs.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Records that the handler ran to its end; call it before the answer goes out.
    ///
    /// # Errors
    ///
    /// The event could not be recorded; [`Ledger::events`] will fail from now on.
    pub fn finished(mut self) -> io::Result<()> {
        self.ended = true;
        self.ledger.record(self.id, EventKind::Finished)
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.ended {
            // A failure is counted, and makes `Ledger::events` fail.
            let _ = self.ledger.record(self.id, EventKind::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call_id::CallIds;
    use super::*;

    #[test]
    fn a_dropped_execution_counts_as_cancelled() {
        let ledger = Ledger::in_memory();
        let id = CallId::from(1);
        drop(ledger.started(id).expect("there is room"));
        assert_eq!(
            ledger.events().expect("all were recorded"),
            [EventKind::Started, EventKind::Cancelled].map(|kind| Event { id, kind })
        );
    }

    #[test]
    fn a_panicking_handler_counts_as_cancelled() {
        let ledger = Ledger::in_memory();
        let in_handler = ledger.clone();
        let handler = std::thread::spawn(move || {
            let _execution = in_handler.started(CallId::from(1)).expect("there is room");
            std::panic::resume_unwind(Box::new("the handler panics"));
        });
        handler.join().expect_err("it panicked");
        let events = ledger.events().expect("all were recorded");
        assert_eq!(
            events.last().map(|event| event.kind),
            Some(EventKind::Cancelled)
        );
    }

    #[test]
    fn threads_and_processes_share_a_file_without_losing_events() {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        let path = directory.path().join("ledger");
        let threads: Vec<_> = (0..4)
            .map(|client| {
                // Each opens the file for itself, as processes do.
                let ledger = Ledger::append_to(&path).expect("the file can be opened");
                std::thread::spawn(move || {
                    let ids = CallIds::new(client);
                    for _ in 0..500 {
                        let execution = ledger.started(ids.next()).expect("the file takes it");
                        execution.finished().expect("the file takes it");
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        let events = read_events(&path).expect("the file is sound");
        assert_eq!(events.len(), 4 * 500 * 2);
    }

    #[test]
    fn an_event_that_could_not_be_recorded_spoils_the_ledger() {
        // Every write to this device fails for want of space.
        let ledger = Ledger::append_to(Path::new("/dev/full")).expect("the device can be opened");
        assert!(ledger.started(CallId::from(1)).is_err());
        assert!(ledger.events().is_err());
    }
}
