//! What a node is called.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use thiserror::Error;

use crate::mix::Mix;

/// The name of a node: 1 to 64 characters of `[A-Za-z0-9._-]` (M-1).
///
/// It is unique in its cluster and the driver has checked it against the
/// certificate of whoever uses it. Cloning shares the text.
#[derive(Clone)]
pub struct NodeName {
    text: Arc<str>,
    /// Computed once: tables and sync buckets need it at every look-up.
    hash: u64,
}

impl NodeName {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong { len: name.len() });
        }
        if let Some(position) = name.bytes().position(|byte| !is_allowed(byte)) {
            return Err(NameError::Character { position });
        }
        let mut mix = Mix::new();
        mix.bytes(name.as_bytes());
        Ok(Self {
            text: name.into(),
            hash: mix.finish(),
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The hash that M-29 defines; its highest bits choose the sync bucket.
    #[must_use]
    pub const fn hash64(&self) -> u64 {
        self.hash
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

impl PartialEq for NodeName {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

impl Eq for NodeName {}

impl Hash for NodeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for NodeName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NodeName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl AsRef<str> for NodeName {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// The name of a node breaks a rule. The messages never repeat the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no character.
    #[error("the node name is empty; it needs 1 to {max} characters of [A-Za-z0-9._-]", max = NodeName::BYTES_MAX)]
    Empty,
    /// The name is longer than [`NodeName::BYTES_MAX`].
    #[error("the node name has {len} bytes; at most {max} are allowed", max = NodeName::BYTES_MAX)]
    TooLong {
        /// The length of the name, in bytes.
        len: usize,
    },
    /// The name holds a character outside the set.
    #[error(
        "the node name has a character that is not allowed at byte {position}; use [A-Za-z0-9._-]"
    )]
    Character {
        /// The offset of the first such character, in bytes.
        position: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M-1.
    #[test]
    fn names_have_1_to_64_characters_of_the_set() {
        for name in ["a", "worker-7.eu_west", &"n".repeat(64)] {
            assert_eq!(NodeName::new(name).as_ref().map(NodeName::as_str), Ok(name));
        }
        assert_eq!(NodeName::new(""), Err(NameError::Empty));
        let long = "n".repeat(65);
        assert_eq!(NodeName::new(&long), Err(NameError::TooLong { len: 65 }));
        for (name, position) in [("a b", 1), ("é", 0), ("x\n", 1), ("a/b", 1), ("\0", 0)] {
            assert_eq!(NodeName::new(name), Err(NameError::Character { position }));
        }
    }

    #[test]
    fn equal_names_have_equal_hashes() {
        let name = |text| NodeName::new(text).expect("the name is legal");
        assert_eq!(name("a").hash64(), name("a").hash64());
        assert_ne!(name("a").hash64(), name("b").hash64());
    }
}
