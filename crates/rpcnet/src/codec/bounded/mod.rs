//! A deserialiser that a payload cannot make recurse, loop or reserve beyond its length.
//!
//! [`Bounded`] stands between a format and a type's `Deserialize`. It changes nothing of
//! what passes; it counts levels and elements against [`Limits`], which all the parts of one
//! payload share.

mod access;
mod limits;
mod visiting;

pub(super) use limits::{Excess, Limits};
pub use limits::{NESTING_MAX, ZERO_SIZE_ELEMENTS_MAX};

use serde::de::{DeserializeSeed, Deserializer, Visitor};
use visiting::{Room, Visiting};

/// A deserialiser, a seed or an access of a format, under limits.
pub(super) struct Bounded<'l, T> {
    inner: T,
    limits: &'l Limits,
}

impl<'l, T> Bounded<'l, T> {
    pub(super) fn new(inner: T, limits: &'l Limits) -> Self {
        Self { inner, limits }
    }
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*) in $room:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            let visitor = Visiting::new(visitor, self.limits, $room);
            self.inner.$method($($argument,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    // Only where the type fixes the count is it not the payload that claims it.
    forward! {
        deserialize_any() in Room::Claimed;
        deserialize_bool() in Room::Claimed;
        deserialize_i8() in Room::Claimed;
        deserialize_i16() in Room::Claimed;
        deserialize_i32() in Room::Claimed;
        deserialize_i64() in Room::Claimed;
        deserialize_i128() in Room::Claimed;
        deserialize_u8() in Room::Claimed;
        deserialize_u16() in Room::Claimed;
        deserialize_u32() in Room::Claimed;
        deserialize_u64() in Room::Claimed;
        deserialize_u128() in Room::Claimed;
        deserialize_f32() in Room::Claimed;
        deserialize_f64() in Room::Claimed;
        deserialize_char() in Room::Claimed;
        deserialize_str() in Room::Claimed;
        deserialize_string() in Room::Claimed;
        deserialize_bytes() in Room::Claimed;
        deserialize_byte_buf() in Room::Claimed;
        deserialize_option() in Room::Claimed;
        deserialize_unit() in Room::Claimed;
        deserialize_unit_struct(name: &'static str) in Room::Claimed;
        deserialize_newtype_struct(name: &'static str) in Room::Claimed;
        deserialize_seq() in Room::Claimed;
        deserialize_tuple(len: usize) in Room::Fixed(len);
        deserialize_tuple_struct(name: &'static str, len: usize) in Room::Fixed(len);
        deserialize_map() in Room::Claimed;
        deserialize_struct(
            name: &'static str,
            fields: &'static [&'static str]
        ) in Room::Fixed(fields.len());
        deserialize_enum(
            name: &'static str,
            variants: &'static [&'static str]
        ) in Room::Claimed;
        deserialize_identifier() in Room::Claimed;
        deserialize_ignored_any() in Room::Claimed;
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner
            .deserialize(Bounded::new(deserializer, self.limits))
    }
}
