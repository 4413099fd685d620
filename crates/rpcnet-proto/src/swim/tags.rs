//! What a node says of itself: sorted, bounded key/value pairs.

use thiserror::Error;

/// The tags of a node, sorted by key (M-2).
///
/// Keys are 1 to 64 characters of `[A-Za-z0-9._/-]`; values are up to 256 bytes of
/// UTF-8 without control characters; at most 32 tags and 2 KiB in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    /// The most tags that a node can have.
    pub const COUNT_MAX: usize = 32;
    /// The longest key, in bytes.
    pub const KEY_BYTES_MAX: usize = 64;
    /// The longest value, in bytes.
    pub const VALUE_BYTES_MAX: usize = 256;
    /// The most that all keys and values may have together, in bytes.
    pub const BYTES_MAX: usize = 2048;

    /// Makes an empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a tag, replacing an earlier value; returns whether anything changed.
    ///
    /// # Errors
    /// [`TagError`] says which limit the tag breaks; the set is unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<bool, TagError> {
        check_key(key)?;
        check_value(value)?;
        let found = self.position(key);
        let (old_len, count) = match found {
            Ok(at) => (self.0.get(at).map_or(0, entry_len), self.0.len()),
            Err(_) => (0, self.0.len().saturating_add(1)),
        };
        if count > Self::COUNT_MAX {
            return Err(TagError::TooMany);
        }
        let len = self.bytes_len().saturating_sub(old_len) + key.len() + value.len();
        if len > Self::BYTES_MAX {
            return Err(TagError::TooLarge { len });
        }
        match found {
            Ok(at) => match self.0.get_mut(at) {
                Some(entry) if *entry.1 != *value => entry.1 = value.into(),
                _ => return Ok(false),
            },
            Err(at) => self.0.insert(at, (key.into(), value.into())),
        }
        Ok(true)
    }

    /// Removes a tag; returns whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.position(key);
        if let Ok(at) = found {
            self.0.remove(at);
        }
        found.is_ok()
    }

    /// The value of a tag.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.position(key).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }

    /// All tags in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The number of tags.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tag.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of all keys and values together.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.0.iter().map(entry_len).sum()
    }

    /// Appends a tag that came off the wire, where keys must ascend.
    pub(super) fn push_sorted(&mut self, key: &str, value: &str) -> Result<(), TagError> {
        if self.0.last().is_some_and(|(last, _)| **last >= *key) {
            return Err(TagError::Order);
        }
        self.set(key, value).map(|_| ())
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(entry, _)| (**entry).cmp(key))
    }
}

const fn entry_len(entry: &(Box<str>, Box<str>)) -> usize {
    entry.0.len() + entry.1.len()
}

fn check_key(key: &str) -> Result<(), TagError> {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    if key.is_empty() || key.len() > Tags::KEY_BYTES_MAX || !key.bytes().all(is_allowed) {
        return Err(TagError::Key);
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), TagError> {
    if value.len() > Tags::VALUE_BYTES_MAX || value.chars().any(char::is_control) {
        return Err(TagError::Value);
    }
    Ok(())
}

/// A tag breaks a rule. The messages never repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TagError {
    /// The key is empty, too long, or holds a character outside the set.
    #[error("a tag's key needs 1 to {max} characters of [A-Za-z0-9._/-]", max = Tags::KEY_BYTES_MAX)]
    Key,
    /// The value is too long or holds a control character.
    #[error("a tag's value has at most {max} bytes and no control character", max = Tags::VALUE_BYTES_MAX)]
    Value,
    /// There are too many tags.
    #[error("a node has at most {max} tags", max = Tags::COUNT_MAX)]
    TooMany,
    /// All tags together are too large.
    #[error("the tags have {len} bytes together; at most {max} are allowed", max = Tags::BYTES_MAX)]
    TooLarge {
        /// What they would have together, in bytes.
        len: usize,
    },
    /// Tags off the wire are not in the order of their keys.
    #[error("the tags are not in the order of their keys")]
    Order,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(entries: &[(&str, &str)]) -> Tags {
        let mut tags = Tags::new();
        for (key, value) in entries {
            tags.set(key, value).expect("the tag is legal");
        }
        tags
    }

    #[test]
    fn tags_are_sorted_replaced_and_removed() {
        let mut tags = tags(&[("zone", "eu"), ("role", "worker"), ("zone", "us")]);
        assert_eq!(
            tags.iter().collect::<Vec<_>>(),
            [("role", "worker"), ("zone", "us")]
        );
        assert_eq!(tags.set("zone", "us"), Ok(false), "nothing changed");
        assert!(tags.remove("role"));
        assert!(!tags.remove("role"));
        assert_eq!(tags.get("role"), None);
        assert_eq!(tags.bytes_len(), 6);
    }

    /// M-2, at limit and beyond it.
    #[test]
    fn each_limit_admits_its_last_value_and_refuses_the_next() {
        let mut many = Tags::new();
        for n in 0..Tags::COUNT_MAX {
            assert_eq!(many.set(&format!("k{n}"), ""), Ok(true));
        }
        assert_eq!(many.set("one-more", ""), Err(TagError::TooMany));
        assert_eq!(many.set("k0", "replaced"), Ok(true), "replacing adds none");
        let mut tags = Tags::new();
        assert_eq!(tags.set(&"k".repeat(64), ""), Ok(true));
        assert_eq!(tags.set(&"k".repeat(65), ""), Err(TagError::Key));
        assert_eq!(tags.set("v", &"v".repeat(256)), Ok(true));
        assert_eq!(tags.set("v", &"v".repeat(257)), Err(TagError::Value));
        for key in ["", "a b", "a=b", "a,b", "!a", "é"] {
            assert_eq!(tags.set(key, ""), Err(TagError::Key), "{key:?}");
        }
        assert_eq!(tags.set("v", "a\nb"), Err(TagError::Value));
        assert_eq!(tags.get("v"), Some(&*"v".repeat(256)), "still as it was");
    }

    /// M-2.
    #[test]
    fn all_tags_together_have_at_most_2_kib() {
        let mut tags = Tags::new();
        for n in 0..7 {
            assert_eq!(tags.set(&format!("k{n}"), &"v".repeat(254)), Ok(true));
        }
        assert_eq!(tags.bytes_len(), 1792);
        assert_eq!(tags.set("k7", &"v".repeat(254)), Ok(true));
        assert_eq!(tags.bytes_len(), 2048);
        let len = 2049;
        assert_eq!(tags.set("k", ""), Err(TagError::TooLarge { len }));
        assert_eq!(tags.bytes_len(), 2048);
    }
}
