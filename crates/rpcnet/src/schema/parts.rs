//! The parts of a value, each a question of its own.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::graph::{Leaf, NodeId, Shape, TUPLE_SLOTS_MAX};
use super::trace::TraceError;
use super::tracer::Tracer;

/// Parts in a row.
pub(super) struct Parts<'t> {
    tracer: Tracer<'t>,
    node: NodeId,
    len: usize,
    next: usize,
    are_alike: bool,
    is_collection: bool,
}

impl<'t> Parts<'t> {
    /// One after the other, each in its place, as many as the type has.
    pub(super) fn all(tracer: Tracer<'t>, node: NodeId, len: usize) -> Self {
        Self {
            tracer,
            node,
            len,
            next: 0,
            are_alike: false,
            is_collection: false,
        }
    }

    /// The elements of a collection.
    pub(super) fn alike(tracer: Tracer<'t>, node: NodeId, len: usize) -> Self {
        Self {
            are_alike: true,
            is_collection: true,
            ..Self::all(tracer, node, len)
        }
    }

    /// The elements of a tuple; of too many, all have one place.
    pub(super) fn tuple(tracer: Tracer<'t>, node: NodeId, len: usize) -> Self {
        Self {
            are_alike: len > TUPLE_SLOTS_MAX,
            ..Self::all(tracer, node, len)
        }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = TraceError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TraceError> {
        if self.next == self.len {
            if self.is_collection {
                self.tracer.trace.ended(self.node);
            }
            return Ok(None);
        }
        let index = if self.are_alike { 0 } else { self.next };
        self.next += 1;
        seed.deserialize(self.tracer.part(self.node, index))
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// The entries of a map.
pub(super) struct Entries<'t> {
    tracer: Tracer<'t>,
    node: NodeId,
    left: usize,
}

impl<'t> Entries<'t> {
    pub(super) fn new(tracer: Tracer<'t>, node: NodeId, left: usize) -> Self {
        Self { tracer, node, left }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = TraceError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TraceError> {
        let Some(left) = self.left.checked_sub(1) else {
            self.tracer.trace.ended(self.node);
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(self.tracer.part(self.node, 0)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, TraceError> {
        seed.deserialize(self.tracer.part(self.node, 1))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant, by its index, as the codecs without names write it.
pub(super) struct EnumParts<'t> {
    tracer: Tracer<'t>,
}

impl<'t> EnumParts<'t> {
    pub(super) fn new(tracer: Tracer<'t>) -> Self {
        Self { tracer }
    }
}

impl<'de> EnumAccess<'de> for EnumParts<'_> {
    type Error = TraceError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), TraceError> {
        let index = u32::try_from(self.tracer.slot.index).unwrap_or(u32::MAX);
        let index: U32Deserializer<TraceError> = index.into_deserializer();
        match seed.deserialize(index) {
            Ok(value) => Ok((value, self)),
            Err(error) => {
                self.tracer.trace.give_up();
                Err(error)
            }
        }
    }
}

impl<'de> VariantAccess<'de> for EnumParts<'_> {
    type Error = TraceError;

    fn unit_variant(self) -> Result<(), TraceError> {
        self.tracer.leaf(Leaf::Unit).map(drop)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, TraceError> {
        seed.deserialize(self.tracer)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let node = self.tracer.variant_node(Shape::Tuple(len))?;
        let parts = Parts::tuple(self.tracer, node, len);
        self.tracer.made_of(node, parts, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let node = self.tracer.variant_node(Shape::Struct(fields))?;
        let parts = Parts::all(self.tracer, node, fields.len());
        self.tracer.made_of(node, parts, visitor)
    }
}
