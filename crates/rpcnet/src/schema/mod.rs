//! What travels: the structure of a type, learnt from its `Deserialize` alone.
//!
//! The codecs that do not name their fields read whatever bytes they are given. Two sides
//! whose types differ would then exchange nonsense, so they compare fingerprints of what they
//! believe to travel. No macro or trait describes that: a deserialiser that has no input
//! answers each question of the type with something acceptable, and notes the question.
//!
//! # What is seen
//!
//! Kinds of numbers, text, bytes; names and order of fields and variants; options, sequences,
//! maps and tuples, and where a type contains itself. serde's attributes are seen as they take
//! effect: `rename`, `skip`, `transparent`, `with`, `try_from`.
//!
//! # What is not
//!
//! - Names of types, newtypes, boxes, and which collection it is: nothing of these travels.
//! - Whether a missing field has a default: without names, none can be missing.
//! - What a type accepts: a `NonZeroU32` is a `u32`. A name added by `alias` counts.
//! - Values without a structure, such as `serde_json::Value`, and types that ask the payload
//!   for it (`flatten`, `untagged`, `tag`): `any`, or `opaque` where they accept nothing.
//! - What comes after a value that could not be made up, such as a checksum that must be
//!   right, up to the option, collection or enum around it: `opaque`. A change there goes
//!   unnoticed.
//!
//! Nothing of this fails: a type that resists is seen in part, always the same part. A type
//! whose `Deserialize` panics is seen as far as it came, but the panic hook speaks up.

mod candidates;
mod canonical;
mod graph;
mod outline;
mod parts;
#[cfg(test)]
mod tests;
mod trace;
mod tracer;

use std::fmt;

use serde::de::DeserializeOwned;
use trace::{Reader, Trace};

pub use self::outline::Outline;

/// The structure of what travels, as canonical text.
///
/// Types that are the same on the wire of a codec without field names, and in the names that
/// a codec with them would write, have the same text; a type that contains itself is the same
/// no matter where one starts to unroll it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    text: Box<str>,
}

/// Learns the structure of a type; takes well under a millisecond for an ordinary one.
pub(crate) fn of<T: DeserializeOwned>() -> Schema {
    let graph = Trace::explore::<T>(Reader::Machine);
    Schema {
        text: canonical::text(&graph).into(),
    }
}

/// Learns what a type looks like in JSON, for people.
///
/// That is not always what other codecs carry: an address is text there, bytes here.
pub(crate) fn outline<T: DeserializeOwned>() -> Outline {
    outline::of(&Trace::explore::<T>(Reader::Human))
}

impl Schema {
    /// Fingerprint of the structure alone; see [`fingerprint`].
    #[cfg(test)]
    pub(crate) fn fingerprint64(&self) -> u64 {
        Fnv::default().write(self.text.as_bytes()).0
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Fingerprint of a method from the labelled schemas of its parts, in this order.
///
/// FNV-1a with 64 bits over the texts. That is enough because it guards against accidents: a
/// handful of versions of one method are compared with each other, and of two that differ one
/// pair in 2^64 collides. Against an attacker it guards nothing and need not, for a peer may
/// send any fingerprint, and any bytes are decoded safely.
pub(crate) fn fingerprint(parts: &[(&str, &Schema)]) -> u64 {
    let mut hash = Fnv::default();
    for (label, schema) in parts {
        hash = hash.write_sized(label).write_sized(&schema.text);
    }
    hash.0
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// With the length in front, so that no text runs into the next.
    fn write_sized(self, text: &str) -> Self {
        self.write(&(text.len() as u64).to_le_bytes())
            .write(text.as_bytes())
    }
}
