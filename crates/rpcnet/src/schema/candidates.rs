//! What to make up for a value, the plainest first.
//!
//! The later ones are for types that accept not just any value. Their order is part of no
//! promise: it decides what can be seen of such types, not how it is written.

use super::graph::{Leaf, Shape};

pub(super) const UNSIGNED: [u8; 6] = [0, 1, 2, 7, 16, 100];
pub(super) const SIGNED: [i8; 7] = [0, 1, 2, 7, 16, 100, -1];
pub(super) const FLOATS: [f32; 4] = [0.0, 1.0, 0.5, -1.0];
pub(super) const BOOLS: [bool; 2] = [false, true];
pub(super) const CHARS: [char; 4] = ['a', '0', 'A', ' '];
pub(super) const BYTES: [u8; 64] = [0; 64];
pub(super) const BYTE_LENGTHS: [usize; 9] = [0, 16, 32, 1, 4, 8, 12, 24, 64];
pub(super) const TEXTS: [&str; 20] = [
    "",
    "a",
    "0",
    "A",
    "/",
    "true",
    "00000000-0000-0000-0000-000000000000",
    "1970-01-01T00:00:00Z",
    "1970-01-01",
    "00:00:00",
    "127.0.0.1",
    "::1",
    "127.0.0.1:1",
    "http://a.example/",
    "a@a.example",
    "a.example",
    "0.0.1",
    "en",
    "00",
    "00000000000000000000000000000000",
];

/// How many elements, where not as many as exploring asks for.
pub(super) const LENGTHS: [usize; 7] = [1, 2, 3, 4, 8, 16, 32];

/// Of values without a structure: unit, false, zero, no text, no elements, no entries.
pub(super) const ANY_COUNT: usize = 6;

/// How many values there are to try.
pub(super) fn count(shape: Shape) -> usize {
    match shape {
        Shape::Leaf(leaf) => match leaf {
            Leaf::Bool => BOOLS.len(),
            Leaf::I8 | Leaf::I16 | Leaf::I32 | Leaf::I64 | Leaf::I128 => SIGNED.len(),
            Leaf::U8 | Leaf::U16 | Leaf::U32 | Leaf::U64 | Leaf::U128 => UNSIGNED.len(),
            Leaf::F32 | Leaf::F64 => FLOATS.len(),
            Leaf::Char => CHARS.len(),
            Leaf::String => TEXTS.len(),
            Leaf::Bytes => BYTE_LENGTHS.len(),
            Leaf::Unit => 1,
            Leaf::Any => ANY_COUNT,
        },
        Shape::Sequence | Shape::Map => 1 + LENGTHS.len(),
        Shape::Root | Shape::Option | Shape::Tuple(_) | Shape::Struct(_) | Shape::Enum(_) => 1,
    }
}
