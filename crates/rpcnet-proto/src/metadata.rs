//! Key and value pairs that travel with a call.

use bytes::Bytes;
use thiserror::Error;

/// The ordered, bounded key and value pairs sent with a call.
///
/// At most 64 entries, each with a key of 1 to 64 characters of `[a-z0-9_.-]`,
/// unique, and a value of at most 4096 bytes. The receiver's header limit
/// bounds the sum. Empty metadata holds no heap memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// A list, not a map: the order is kept, and 64 keys are found sooner by
    /// looking than by hashing.
    entries: Vec<(Box<str>, Bytes)>,
}

impl Metadata {
    /// The most entries.
    pub const ENTRIES_MAX: usize = 64;
    /// The longest key, in bytes.
    pub const KEY_BYTES_MAX: usize = 64;
    /// The longest value, in bytes.
    pub const VALUE_BYTES_MAX: usize = 4096;

    /// Makes metadata without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Adds an entry at the end, or replaces the value of an entry with the same key in place.
    ///
    /// # Errors
    /// [`MetadataError`] says which rule the entry breaks; the metadata is unchanged.
    pub fn insert(&mut self, key: &str, value: impl Into<Bytes>) -> Result<(), MetadataError> {
        let value = value.into();
        check_key(key.as_bytes())?;
        check_value_len(value.len())?;
        if let Some((_, old)) = self.entries.iter_mut().find(|(k, _)| **k == *key) {
            *old = value;
            return Ok(());
        }
        self.append(key.into(), value)
    }

    /// Checks a key that came off the wire.
    pub(crate) fn key_from_wire(key: &[u8]) -> Result<Box<str>, MetadataError> {
        check_key(key)?;
        // What passed the check is ASCII, so this finds no further fault.
        let key = str::from_utf8(key).map_err(|_| MetadataError::KeyCharacter { position: 0 })?;
        Ok(key.into())
    }

    /// Adds an entry that came off the wire, where a repeated key is an error (W-21).
    pub(crate) fn insert_from_wire(
        &mut self,
        key: Box<str>,
        value: Bytes,
    ) -> Result<(), MetadataError> {
        check_value_len(value.len())?;
        if self.get(&key).is_some() {
            return Err(MetadataError::DuplicateKey);
        }
        self.append(key, value)
    }

    fn append(&mut self, key: Box<str>, value: Bytes) -> Result<(), MetadataError> {
        if self.entries.len() >= Self::ENTRIES_MAX {
            return Err(MetadataError::TooManyEntries);
        }
        self.entries.push((key, value));
        Ok(())
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.entries
            .iter()
            .find(|(k, _)| **k == *key)
            .map(|(_, value)| value)
    }

    /// The value of `key`, where it is UTF-8 text.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        str::from_utf8(self.get(key)?).ok()
    }

    /// Removes `key` and returns its value; the other entries keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Bytes> {
        let position = self.entries.iter().position(|(k, _)| **k == *key)?;
        Some(self.entries.remove(position).1)
    }

    /// The entries, in the order in which they were inserted.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Bytes)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn check_key(key: &[u8]) -> Result<(), MetadataError> {
    if key.is_empty() || key.len() > Metadata::KEY_BYTES_MAX {
        return Err(MetadataError::KeyLength { len: key.len() });
    }
    match key.iter().position(|byte| !is_allowed(*byte)) {
        Some(position) => Err(MetadataError::KeyCharacter { position }),
        None => Ok(()),
    }
}

const fn check_value_len(len: usize) -> Result<(), MetadataError> {
    if len > Metadata::VALUE_BYTES_MAX {
        return Err(MetadataError::ValueTooLong { len });
    }
    Ok(())
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-')
}

/// An entry of metadata breaks a rule.
///
/// The messages never repeat key or value: they may hold anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// There are [`Metadata::ENTRIES_MAX`] entries already.
    #[error("a call carries at most {max} metadata entries", max = Metadata::ENTRIES_MAX)]
    TooManyEntries,
    /// The key is empty or longer than [`Metadata::KEY_BYTES_MAX`].
    #[error("the metadata key has {len} bytes; it needs 1 to {max}", max = Metadata::KEY_BYTES_MAX)]
    KeyLength {
        /// The length of the key, in bytes.
        len: usize,
    },
    /// The key holds a character outside the set.
    #[error(
        "the metadata key has a character that is not allowed at byte {position}; use [a-z0-9_.-]"
    )]
    KeyCharacter {
        /// The offset of the first such character, in bytes.
        position: usize,
    },
    /// The value is longer than [`Metadata::VALUE_BYTES_MAX`].
    #[error("the metadata value has {len} bytes; at most {max} are allowed", max = Metadata::VALUE_BYTES_MAX)]
    ValueTooLong {
        /// The length of the value, in bytes.
        len: usize,
    },
    /// A received header holds the same key twice.
    #[error("the header holds a metadata key twice")]
    DuplicateKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserting_again_replaces_in_place() {
        let mut metadata = Metadata::new();
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            metadata.insert(key, value).expect("the entry is legal");
        }
        let entries: Vec<_> = metadata.iter().map(|(k, v)| (k, &v[..])).collect();
        assert_eq!(entries, [("a", &b"3"[..]), ("b", &b"2"[..])]);
        assert_eq!(metadata.get_text("a"), Some("3"));
        assert_eq!(metadata.remove("a").as_deref(), Some(&b"3"[..]));
        assert_eq!(metadata.remove("a"), None);
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn a_value_that_is_not_text_is_no_text() {
        let mut metadata = Metadata::new();
        metadata
            .insert("bin", vec![0xff])
            .expect("a value may hold any bytes");
        assert_eq!(metadata.get_text("bin"), None);
        assert_eq!(metadata.get("bin").map(|v| v.len()), Some(1));
    }

    #[test]
    fn the_limits_hold_at_the_limit_and_one_beyond() {
        let mut metadata = Metadata::new();
        for n in 0..Metadata::ENTRIES_MAX {
            assert_eq!(metadata.insert(&format!("k{n}"), ""), Ok(()));
        }
        assert_eq!(
            metadata.insert("beyond", ""),
            Err(MetadataError::TooManyEntries)
        );
        assert_eq!(metadata.insert("k0", "replacing is no new entry"), Ok(()));

        let mut metadata = Metadata::new();
        assert_eq!(metadata.insert(&"k".repeat(64), vec![0; 4096]), Ok(()));
        assert_eq!(
            metadata.insert(&"k".repeat(65), ""),
            Err(MetadataError::KeyLength { len: 65 })
        );
        assert_eq!(
            metadata.insert("", ""),
            Err(MetadataError::KeyLength { len: 0 })
        );
        let too_long = Err(MetadataError::ValueTooLong { len: 4097 });
        assert_eq!(metadata.insert("v", vec![0; 4097]), too_long);
        assert_eq!(metadata.len(), 1, "what was refused left no trace");
    }

    #[test]
    fn keys_are_lower_case_so_that_no_two_differ_in_case_only() {
        let mut metadata = Metadata::new();
        for key in ["Key", "a b", "a/b", "\u{e9}", "a\n"] {
            let refused = metadata.insert(key, "");
            assert!(
                matches!(refused, Err(MetadataError::KeyCharacter { .. })),
                "{key:?}"
            );
        }
    }
}
