//! The name of what a call asks for.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use thiserror::Error;

/// The name of a method: 1 to 128 characters of `[A-Za-z0-9_./-]`.
///
/// The set leaves nothing that a log, a metric label or a terminal could
/// misread, so a method may be written anywhere without escaping. A short name is
/// held in place; clones of a longer one share it.
#[derive(Clone)]
pub struct Method(Name);

#[derive(Clone)]
enum Name {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<str>),
}

/// The longest name that is held in place: what fits beside a length where else a pointer
/// and a length are.
const SHORT: usize = 22;

impl Method {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks a name.
    ///
    /// # Errors
    /// [`MethodError`] says which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, MethodError> {
        Self::from_wire(name.as_bytes())
    }

    /// Checks a name that came off the wire.
    pub(crate) fn from_wire(name: &[u8]) -> Result<Self, MethodError> {
        check(name)?;
        let mut bytes = [0; SHORT];
        if let (Some(place), Ok(len)) = (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            place.copy_from_slice(name);
            return Ok(Self(Name::Short { len, bytes }));
        }
        // What passed the check is ASCII, so this finds no further fault.
        let name = str::from_utf8(name).map_err(|_| MethodError::Character { position: 0 })?;
        Ok(Self(Name::Long(name.into())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // What passed the check is ASCII.
            Name::Short { .. } => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Name::Long(name) => name,
        }
    }

    /// The name, as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Name::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Name::Long(name) => name.as_bytes(),
        }
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // Behind a short name there are zeros, so that whole arrays are compared, at once.
            (Name::Short { bytes, .. }, Name::Short { bytes: others, .. }) => bytes == others,
            (Name::Long(name), Name::Long(others)) => name == others,
            // A name is held in place if it can be.
            _ => false,
        }
    }
}

impl Eq for Method {}

impl PartialOrd for Method {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Method {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Method {
    /// A short name as three words, without a loop: it takes part in every call.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Name::Short { bytes, .. } => {
                for word in short_words(bytes) {
                    state.write_u64(word);
                }
            }
            Name::Long(name) => name.hash(state),
        }
    }
}

/// All bytes of a short name; some of them twice. Those behind the name are zero.
fn short_words(bytes: &[u8; SHORT]) -> [u64; 3] {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [
        word(bytes.first_chunk()),
        word(bytes.get(8..).and_then(|rest| rest.first_chunk())),
        word(bytes.last_chunk()),
    ]
}

fn check(name: &[u8]) -> Result<(), MethodError> {
    if name.is_empty() {
        return Err(MethodError::Empty);
    }
    if name.len() > Method::BYTES_MAX {
        return Err(MethodError::TooLong { len: name.len() });
    }
    match name.iter().position(|byte| !is_allowed(*byte)) {
        Some(position) => Err(MethodError::Character { position }),
        None => Ok(()),
    }
}

/// The characters that a name may have, one bit each: every call's name is checked, on both
/// sides.
const ALLOWED: u128 = {
    let mut allowed = 0;
    let mut byte = 0u8;
    while byte.is_ascii() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-') {
            allowed |= 1 << byte;
        }
        byte += 1;
    }
    allowed
};

const fn is_allowed(byte: u8) -> bool {
    // The half that the byte is in: to shift both takes several times the instructions.
    let half = if byte < 64 {
        ALLOWED as u64
    } else {
        (ALLOWED >> 64) as u64
    };
    byte.is_ascii() && half >> (byte & 63) & 1 == 1
}

impl AsRef<str> for Method {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A method name breaks a rule.
///
/// The messages never repeat the name: it may hold anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MethodError {
    /// The name has no character.
    #[error("the method name is empty; it needs 1 to {max} characters of [A-Za-z0-9_./-]", max = Method::BYTES_MAX)]
    Empty,
    /// The name is longer than [`Method::BYTES_MAX`].
    #[error("the method name has {len} bytes; at most {max} are allowed", max = Method::BYTES_MAX)]
    TooLong {
        /// The length of the name, in bytes.
        len: usize,
    },
    /// The name holds a character outside the set.
    #[error(
        "the method name has a character that is not allowed at byte {position}; use [A-Za-z0-9_./-]"
    )]
    Character {
        /// The offset of the first such character, in bytes.
        position: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_to_128_allowed_characters_pass() {
        for name in ["a", "Greeter.hello", "v1/users-list_all", &"m".repeat(128)] {
            assert_eq!(Method::new(name).as_ref().map(Method::as_str), Ok(name));
        }
        assert_eq!(
            Method::new(&"m".repeat(127)).map(|m| m.as_str().len()),
            Ok(127)
        );
    }

    #[test]
    fn names_held_in_place_and_shared_ones_are_alike() {
        for len in [1, SHORT - 1, SHORT, SHORT + 1, Method::BYTES_MAX] {
            let name = "m".repeat(len);
            let method = Method::new(&name).expect("allowed");
            assert_eq!(
                (method.as_str(), method.as_bytes()),
                (&*name, name.as_bytes())
            );
            assert_eq!(method, method.clone());
            assert_eq!(format!("{method} {method:?}"), format!("{name} {name:?}"));
            let longer = Method::new(&"m".repeat(len + 1));
            assert!(longer.is_err() || longer.is_ok_and(|longer| longer != method));
            let shorter = Method::new("k").expect("allowed");
            assert_eq!(shorter.cmp(&method), "k".cmp(&*name));
            let map = std::collections::HashMap::from([(method, len)]);
            let same = Method::new(&name).expect("allowed");
            assert_eq!(map.get(&same), Some(&len));
        }
        assert_eq!(size_of::<Method>(), 24);
    }

    #[test]
    fn names_outside_the_rule_are_refused() {
        assert_eq!(Method::new(""), Err(MethodError::Empty));
        assert_eq!(
            Method::new(&"m".repeat(129)),
            Err(MethodError::TooLong { len: 129 })
        );
        for (name, position) in [
            ("a b", 1),
            ("a\n", 1),
            ("\0", 0),
            ("ab\u{e9}", 2),
            ("a:b", 1),
        ] {
            assert_eq!(
                Method::new(name),
                Err(MethodError::Character { position }),
                "{name:?}"
            );
        }
        assert_eq!(
            Method::from_wire(&[b'a', 0xff]),
            Err(MethodError::Character { position: 1 })
        );
    }

    #[test]
    fn an_error_never_repeats_the_name() {
        let error = Method::new("evil\u{1b}[31m").expect_err("an escape is not allowed");
        assert!(!error.to_string().contains("evil"));
        assert!(error.to_string().contains("[A-Za-z0-9_./-]"));
    }
}
