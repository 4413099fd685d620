//! The parts of a value, each under the limits of the whole.

use serde::de::{
    DeserializeSeed, EnumAccess, Error as DeError, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::visiting::{Room, Visiting};
use super::{Bounded, Limits};

/// The elements of a sequence or the entries of a map.
pub(super) struct Elements<'l, A> {
    access: A,
    limits: &'l Limits,
    is_claimed: bool,
    room: usize,
}

impl<'l, A> Elements<'l, A> {
    /// As many as the payload claims; room is granted for so many.
    pub(super) fn claimed(access: A, limits: &'l Limits, room: usize) -> Self {
        Self {
            access,
            limits,
            is_claimed: true,
            room,
        }
    }

    /// As many as the type has.
    pub(super) fn fixed(access: A, limits: &'l Limits, len: usize) -> Self {
        Self {
            access,
            limits,
            is_claimed: false,
            room: len,
        }
    }

    fn count<E: DeError>(&self) -> Result<(), E> {
        if self.is_claimed {
            self.limits.count_element()?;
        }
        Ok(())
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let element = self
            .access
            .next_element_seed(Bounded::new(seed, self.limits))?;
        if element.is_some() {
            self.count()?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.access
            .size_hint()
            .map(|claimed| claimed.min(self.room))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let key = self.access.next_key_seed(Bounded::new(seed, self.limits))?;
        if key.is_some() {
            self.count()?;
        }
        Ok(key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.access.next_value_seed(Bounded::new(seed, self.limits))
    }

    fn size_hint(&self) -> Option<usize> {
        self.access
            .size_hint()
            .map(|claimed| claimed.min(self.room))
    }
}

impl<'de, 'l, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'l, A> {
    type Error = A::Error;
    type Variant = Bounded<'l, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let limits = self.limits;
        let (value, variant) = self.inner.variant_seed(Bounded::new(seed, limits))?;
        Ok((value, Bounded::new(variant, limits)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner
            .newtype_variant_seed(Bounded::new(seed, self.limits))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = Visiting::new(visitor, self.limits, Room::Variant(len));
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Visiting::new(visitor, self.limits, Room::Variant(fields.len()));
        self.inner.struct_variant(fields, visitor)
    }
}
