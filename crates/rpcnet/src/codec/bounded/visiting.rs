//! A type's visitor, told of nothing that is beyond the limits.

use std::fmt;

use serde::de::{Deserializer, EnumAccess, Error as DeError, MapAccess, SeqAccess, Visitor};

use super::access::Elements;
use super::{Bounded, Limits};

/// Who says how many elements there are, and with that, how much room to reserve.
#[derive(Clone, Copy)]
pub(super) enum Room {
    /// The payload.
    Claimed,
    /// The type: so many.
    Fixed(usize),
    /// The type, for a variant whose enum is the level already.
    Variant(usize),
}

pub(super) struct Visiting<'l, V> {
    visitor: V,
    limits: &'l Limits,
    room: Room,
}

impl<'l, V> Visiting<'l, V> {
    pub(super) fn new(visitor: V, limits: &'l Limits, room: Room) -> Self {
        Self {
            visitor,
            limits,
            room,
        }
    }

    fn elements<A>(&self, access: A, claimed: Option<usize>) -> Elements<'l, A> {
        match self.room {
            Room::Claimed => {
                let room = claimed.map_or(0, |claimed| self.limits.reserve(claimed));
                Elements::claimed(access, self.limits, room)
            }
            Room::Fixed(len) | Room::Variant(len) => Elements::fixed(access, self.limits, len),
        }
    }
}

macro_rules! pass {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: DeError>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Visiting<'_, V> {
    type Value = V::Value;

    pass! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
        visit_char(char)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_none<E: DeError>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: DeError>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let _level = self.limits.descend()?;
        self.visitor
            .visit_some(Bounded::new(deserializer, self.limits))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let _level = self.limits.descend()?;
        self.visitor
            .visit_newtype_struct(Bounded::new(deserializer, self.limits))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let _level = match self.room {
            Room::Variant(_) => None,
            Room::Claimed | Room::Fixed(_) => Some(self.limits.descend()?),
        };
        let claimed = access.size_hint();
        let elements = self.elements(access, claimed);
        self.visitor.visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let _level = match self.room {
            Room::Variant(_) => None,
            Room::Claimed | Room::Fixed(_) => Some(self.limits.descend()?),
        };
        let claimed = access.size_hint();
        let elements = self.elements(access, claimed);
        self.visitor.visit_map(elements)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let _level = self.limits.descend()?;
        self.visitor.visit_enum(Bounded::new(access, self.limits))
    }
}
