//! [`TagFilter`]: which members, by their tags.

use std::fmt;
use std::str::FromStr;

use rpcnet_proto::swim::Tags;
use thiserror::Error;

/// A condition on tags: `key`, `key=value`, `!key`, `!key=value`; a comma means *and*.
///
/// Blanks around a condition are ignored. The empty filter matches every member.
///
/// # Examples
///
/// ```
/// use rpcnet::cluster::{TagFilter, Tags};
///
/// let filter: TagFilter = "role=worker, gpu, !draining".parse()?;
/// let mut tags = Tags::new();
/// tags.set("role", "worker")?;
/// assert!(!filter.matches(&tags), "it has no tag `gpu`");
/// tags.set("gpu", "a100")?;
/// assert!(filter.matches(&tags));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagFilter(Vec<Condition>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Condition {
    key: Box<str>,
    value: Option<Box<str>>,
    is_negated: bool,
}

/// The text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A condition has no key, or one with characters that no tag can have.
    #[error(
        "condition {position} of the filter has no legal key: write `key`, `key=value` or `!key`, \
         joined by commas, with keys of 1 to 64 characters of [A-Za-z0-9._/-]"
    )]
    Key {
        /// Which condition, counted from 1.
        position: usize,
    },
    /// There are more conditions than [`TagFilter::CONDITIONS_MAX`].
    #[error("the filter has more than {max} conditions", max = TagFilter::CONDITIONS_MAX)]
    TooMany,
}

impl TagFilter {
    /// The most conditions of one filter.
    pub const CONDITIONS_MAX: usize = 32;

    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterError`] says which condition is wrong.
    pub fn new(text: &str) -> Result<Self, FilterError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut conditions = Vec::new();
        for (index, part) in text.split(',').enumerate() {
            if conditions.len() == Self::CONDITIONS_MAX {
                return Err(FilterError::TooMany);
            }
            let position = index + 1;
            conditions.push(Condition::read(part).ok_or(FilterError::Key { position })?);
        }
        Ok(Self(conditions))
    }

    /// Whether tags meet every condition.
    #[must_use]
    pub fn matches(&self, tags: &Tags) -> bool {
        self.0.iter().all(|condition| condition.holds(tags))
    }

    /// Whether the filter matches every member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Condition {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (is_negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.trim_end(), Some(value.trim_start())),
            None => (text, None),
        };
        let is_legal = (1..=Tags::KEY_BYTES_MAX).contains(&key.len())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
        is_legal.then(|| Self {
            key: key.into(),
            value: value.map(Into::into),
            is_negated,
        })
    }

    fn holds(&self, tags: &Tags) -> bool {
        let found = match (tags.get(&self.key), &self.value) {
            (Some(_), None) => true,
            (Some(found), Some(value)) => *found == **value,
            (None, _) => false,
        };
        found != self.is_negated
    }
}

impl FromStr for TagFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::new(text)
    }
}

/// The filter in its canonical form, which reads as the same filter.
impl fmt::Display for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, condition) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let not = if condition.is_negated { "!" } else { "" };
            write!(f, "{comma}{not}{}", condition.key)?;
            if let Some(value) = &condition.value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> Tags {
        let mut tags = Tags::new();
        for (key, value) in [("role", "worker"), ("gpu", ""), ("zone", "eu/1")] {
            tags.set(key, value).expect("the tag is legal");
        }
        tags
    }

    #[test]
    fn a_filter_is_the_and_of_its_conditions() {
        for (text, expected) in [
            ("", true),
            ("  ", true),
            ("gpu", true),
            ("!gpu", false),
            ("tpu", false),
            ("!tpu", true),
            ("role=worker", true),
            ("role=director", false),
            ("!role=director", true),
            ("role = worker , gpu,!tpu", true),
            ("role=worker,tpu", false),
            ("gpu=", true),
            ("zone=eu/1", true),
        ] {
            let filter = TagFilter::new(text).expect("the filter is legal");
            assert_eq!(filter.matches(&tags()), expected, "{text:?}");
            let again: TagFilter = filter.to_string().parse().expect("it was canonical");
            assert_eq!(again, filter);
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_place() {
        for (text, position) in [(",", 1), ("gpu,", 2), ("=x", 1), ("a b", 1), ("ok,!", 2)] {
            let refused = TagFilter::new(text);
            assert_eq!(refused, Err(FilterError::Key { position }), "{text:?}");
        }
        let most = vec!["a"; TagFilter::CONDITIONS_MAX].join(",");
        assert!(TagFilter::new(&most).is_ok());
        assert_eq!(TagFilter::new(&(most + ",a")), Err(FilterError::TooMany));
    }
}
