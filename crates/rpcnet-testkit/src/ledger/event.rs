//! What a server writes down, and its form in a file.

use super::call_id::CallId;
use std::fs;
use std::io;
use std::path::Path;

/// One thing that happened to a call's handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// Whose handler.
    pub id: CallId,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen to a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It began to run: from here on the call counts as executed.
    Started,
    /// It ran to its end, whatever it answered.
    Finished,
    /// It was dropped on the way, or panicked.
    Cancelled,
}

/// The length of one event in a file: 16 bytes of id, 1 of kind, 7 that must be zero.
///
/// All are of one length so that one `write` appends one event whole, also when several processes
/// append to the same file or one of them is killed.
pub const RECORD_BYTES: usize = 24;

impl Event {
    pub(super) fn encode(self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        record[..CallId::BYTES].copy_from_slice(&self.id.to_bytes());
        record[CallId::BYTES] = match self.kind {
            EventKind::Started => b'S',
            EventKind::Finished => b'F',
            EventKind::Cancelled => b'C',
        };
        record
    }

    fn decode(record: &[u8; RECORD_BYTES]) -> Option<Self> {
        let id = CallId::from_head(record)?;
        let kind = match record[CallId::BYTES] {
            b'S' => EventKind::Started,
            b'F' => EventKind::Finished,
            b'C' => EventKind::Cancelled,
            _ => return None,
        };
        let padding = &record[CallId::BYTES + 1..];
        padding
            .iter()
            .all(|byte| *byte == 0)
            .then_some(Self { id, kind })
    }
}

/// Reads the events of a ledger file, in the order they were written.
///
/// Meant for after the run: an event that is being written meanwhile may read as damage.
///
/// # Errors
///
/// What the system says about the file; [`io::ErrorKind::InvalidData`] if it does not consist of whole
/// events. A file with holes proves nothing, so none of it is returned.
pub fn read_events(path: &Path) -> io::Result<Vec<Event>> {
    let bytes = fs::read(path)?;
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(damaged(path, bytes.len() - rest.len()));
    }
    records
        .iter()
        .enumerate()
        .map(|(index, record)| {
            Event::decode(record).ok_or_else(|| damaged(path, index * RECORD_BYTES))
        })
        .collect()
}

fn damaged(path: &Path, offset: usize) -> io::Error {
    let message = format!("{} has no event at byte {offset}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_survives_the_file() {
        let events = [
            EventKind::Started,
            EventKind::Finished,
            EventKind::Cancelled,
        ]
        .map(|kind| Event {
            id: CallId::from(u128::MAX - 5),
            kind,
        });
        let bytes: Vec<u8> = events.iter().flat_map(|event| event.encode()).collect();
        assert_eq!(read(&bytes).expect("the file is sound"), events);
    }

    #[test]
    fn an_empty_file_has_no_events() {
        assert_eq!(read(&[]).expect("the file is sound"), []);
    }

    #[test]
    fn a_file_cut_at_any_byte_is_refused() {
        let bytes = event().encode().repeat(2);
        for len in (1..bytes.len()).filter(|len| len % RECORD_BYTES != 0) {
            let error = read(&bytes[..len]).expect_err("the last event is cut");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn damage_is_reported_with_its_place() {
        let mut bytes = event().encode().repeat(3);
        bytes[2 * RECORD_BYTES - 1] = 1;
        let error = read(&bytes).expect_err("the second event is damaged");
        assert!(error.to_string().ends_with("at byte 24"), "{error}");
    }

    fn event() -> Event {
        Event {
            id: CallId::from(1),
            kind: EventKind::Started,
        }
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<Event>> {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        let path = directory.path().join("ledger");
        fs::write(&path, bytes).expect("the temporary directory is writable");
        read_events(&path)
    }
}
