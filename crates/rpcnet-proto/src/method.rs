//! The name of what a call asks for.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The name of a method: 1 to 128 characters of `[A-Za-z0-9_./-]`.
///
/// The set leaves nothing that a log, a metric label or a terminal could
/// misread, so a method may be written anywhere without escaping. Cloning
/// shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(Arc<str>);

impl Method {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks a name.
    ///
    /// # Errors
    /// [`MethodError`] says which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, MethodError> {
        check(name.as_bytes())?;
        Ok(Self(name.into()))
    }

    /// Checks a name that came off the wire.
    pub(crate) fn from_wire(name: &[u8]) -> Result<Self, MethodError> {
        check(name)?;
        // What passed the check is ASCII, so this finds no further fault.
        let name = str::from_utf8(name).map_err(|_| MethodError::Character { position: 0 })?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
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

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-')
}

impl Borrow<str> for Method {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Method {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
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

    #[test]
    fn a_map_keyed_by_methods_is_searched_by_text() {
        let mut methods = std::collections::HashMap::new();
        methods.insert(Method::new("a.b").expect("the name is legal"), 7);
        assert_eq!(methods.get("a.b"), Some(&7));
    }
}
