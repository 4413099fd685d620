//! The deserialiser that has no input.

use std::any::type_name;
use std::iter;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Visitor};

use super::candidates::{BOOLS, BYTE_LENGTHS, BYTES, CHARS, FLOATS, SIGNED, TEXTS, UNSIGNED};
use super::graph::{Identity, Leaf, NodeId, Shape, Slot};
use super::parts::{Entries, EnumParts, Parts};
use super::trace::{Reader, Trace, TraceError};

/// Answers the question for one part.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'t> {
    pub(super) trace: &'t Trace,
    pub(super) slot: Slot,
    depth: usize,
}

impl<'t> Tracer<'t> {
    pub(super) fn new(trace: &'t Trace, slot: Slot) -> Self {
        let depth = 0;
        Self { trace, slot, depth }
    }

    /// For a part of a node, one level down.
    pub(super) fn part(self, node: NodeId, index: usize) -> Self {
        Self {
            slot: Slot { node, index },
            ..self.deeper()
        }
    }

    /// The node of a variant's parts, which belongs to it alone: visitors of variants have
    /// names that do not tell them apart.
    pub(super) fn variant_node(self, shape: Shape) -> Result<NodeId, TraceError> {
        self.trace.step(self.depth)?;
        self.trace.node(|graph| graph.part(self.slot, shape))
    }

    /// Makes a value of a number of parts that the type fixes.
    pub(super) fn made_of<'de, V: Visitor<'de>>(
        self,
        node: NodeId,
        parts: Parts<'t>,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        self.trace.enter(node);
        let made = visitor.visit_seq(parts);
        self.trace.leave(made)
    }

    pub(super) fn leaf(self, leaf: Leaf) -> Result<usize, TraceError> {
        self.trace.step(self.depth)?;
        let node = self
            .trace
            .node(|graph| graph.part(self.slot, Shape::Leaf(leaf)))?;
        Ok(self.trace.candidate(node))
    }

    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    fn node<'de, V: Visitor<'de>>(self, shape: Shape) -> Result<NodeId, TraceError> {
        self.trace.step(self.depth)?;
        let identity = Identity {
            visitor: type_name::<V>(),
            value_bytes: size_of::<V::Value>(),
            shape,
        };
        self.trace.node(|graph| graph.intern(self.slot, identity))
    }
}

macro_rules! leaves {
    ($($method:ident as $leaf:ident: $visit:ident($values:ident);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
            let candidate = self.leaf(Leaf::$leaf)?;
            visitor.$visit($values[candidate].into())
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = TraceError;

    leaves! {
        deserialize_bool as Bool: visit_bool(BOOLS);
        deserialize_i8 as I8: visit_i8(SIGNED);
        deserialize_i16 as I16: visit_i16(SIGNED);
        deserialize_i32 as I32: visit_i32(SIGNED);
        deserialize_i64 as I64: visit_i64(SIGNED);
        deserialize_i128 as I128: visit_i128(SIGNED);
        deserialize_u8 as U8: visit_u8(UNSIGNED);
        deserialize_u16 as U16: visit_u16(UNSIGNED);
        deserialize_u32 as U32: visit_u32(UNSIGNED);
        deserialize_u64 as U64: visit_u64(UNSIGNED);
        deserialize_u128 as U128: visit_u128(UNSIGNED);
        deserialize_f32 as F32: visit_f32(FLOATS);
        deserialize_f64 as F64: visit_f64(FLOATS);
        deserialize_char as Char: visit_char(CHARS);
    }

    fn is_human_readable(&self) -> bool {
        self.trace.reader == Reader::Human
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let candidate = self.leaf(Leaf::String)?;
        visitor.visit_str(TEXTS[candidate])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let candidate = self.leaf(Leaf::Bytes)?;
        visitor.visit_bytes(&BYTES[..BYTE_LENGTHS[candidate]])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.leaf(Leaf::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let no_elements = SeqDeserializer::new(iter::empty::<u8>());
        let no_entries = MapDeserializer::new(iter::empty::<(u8, u8)>());
        match self.leaf(Leaf::Any)? {
            0 => visitor.visit_unit(),
            1 => visitor.visit_bool(false),
            2 => visitor.visit_u64(0),
            3 => visitor.visit_str(""),
            4 => visitor.visit_seq(no_elements),
            _ => visitor.visit_map(no_entries),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        self.trace.step(self.depth)?;
        visitor.visit_newtype_struct(self.deeper())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Option)?;
        let made = if self.trace.enter_option(node) {
            visitor.visit_some(self.part(node, 0))
        } else {
            visitor.visit_none()
        };
        self.trace.leave(made)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Sequence)?;
        let len = self.trace.enter_collection(node);
        let made = visitor.visit_seq(Parts::alike(self, node, len));
        self.trace.leave(made)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Map)?;
        let len = self.trace.enter_collection(node);
        let made = visitor.visit_map(Entries::new(self, node, len));
        self.trace.leave(made)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Tuple(len))?;
        self.made_of(node, Parts::tuple(self, node, len), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Struct(fields))?;
        self.made_of(node, Parts::all(self, node, fields.len()), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let node = self.node::<V>(Shape::Enum(variants))?;
        let variant = self.trace.enter_enum(node)?;
        let made = visitor.visit_enum(EnumParts::new(self.part(node, variant)));
        self.trace.leave(made)
    }
}
