//! [`Types`]: what a message looks like in JSON.

use serde::{Deserialize, Serialize};

/// The types that a message consists of, each named by its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Types {
    pub(crate) root: usize,
    types: Vec<Type>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    String,
    Bytes,
    Unit,
    Any,
    Option {
        of: usize,
    },
    List {
        of: usize,
    },
    Array {
        of: usize,
        len: usize,
    },
    Map {
        key: usize,
        value: usize,
    },
    Tuple {
        items: Vec<usize>,
    },
    Struct {
        fields: Vec<Named>,
    },
    Enum {
        variants: Vec<Named>,
    },
    /// Nothing is known of it; or of a kind that this version of the command does not know.
    #[serde(other)]
    Opaque,
}

/// A field or a variant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: usize,
}

impl Types {
    /// The type at a place; a place that is not there says nothing.
    pub(crate) fn at(&self, place: usize) -> &Type {
        self.types.get(place).unwrap_or(&Type::Opaque)
    }

    /// How often each type is a part of others, or the whole.
    pub(super) fn mentions(&self) -> Vec<usize> {
        let mut mentions = vec![0; self.types.len()];
        let parts = self.types.iter().flat_map(Type::parts);
        for place in parts.chain([self.root]) {
            if let Some(count) = mentions.get_mut(place) {
                *count += 1;
            }
        }
        mentions
    }

    #[cfg(test)]
    pub(super) fn of(root: usize, types: Vec<Type>) -> Self {
        Self { root, types }
    }
}

impl Type {
    /// The places of its parts.
    fn parts(&self) -> Vec<usize> {
        match self {
            Self::Option { of } | Self::List { of } | Self::Array { of, .. } => vec![*of],
            Self::Map { key, value } => vec![*key, *value],
            Self::Tuple { items } => items.clone(),
            Self::Struct { fields: named } | Self::Enum { variants: named } => {
                named.iter().map(|named| named.ty).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Its name, where it has no parts.
    pub(super) fn leaf_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Unit => "null",
            Self::Any | Self::Opaque => "any",
            Self::Option { .. }
            | Self::List { .. }
            | Self::Array { .. }
            | Self::Map { .. }
            | Self::Tuple { .. }
            | Self::Struct { .. }
            | Self::Enum { .. } => return None,
        })
    }

    /// The integers that it holds.
    pub(super) fn range(&self) -> Option<(i128, u128)> {
        Some(match self {
            Self::I8 => (i8::MIN.into(), i8::MAX as u128),
            Self::I16 => (i16::MIN.into(), i16::MAX as u128),
            Self::I32 => (i32::MIN.into(), i32::MAX as u128),
            Self::I64 => (i64::MIN.into(), i64::MAX as u128),
            Self::I128 => (i128::MIN, i128::MAX as u128),
            Self::U8 => (0, u8::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
            Self::U128 => (0, u128::MAX),
            _ => return None,
        })
    }
}
