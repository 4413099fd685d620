//! [`Outline`]: the structure of a type as a table that travels, for people and tools.
//!
//! A table rather than a tree: a type that contains itself, or is used twice, is there once,
//! and what reads it need not recurse as deep as a peer says.

use std::collections::HashMap;

use serde::Serialize;

use super::canonical::{Class, Form, classes, leaf_name};
use super::graph::Graph;

/// The types that a type consists of, each named by its place in the table.
#[derive(Debug, Serialize)]
pub struct Outline {
    /// The type itself.
    root: usize,
    /// In the order of their first mention.
    types: Vec<Entry>,
}

/// One type: what `kind` it is of, and what belongs to that kind.
#[derive(Debug, Default, Serialize)]
struct Entry {
    kind: &'static str,
    /// Of options, lists and arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<usize>,
    /// Of arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<usize>,
    /// Of maps.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<usize>,
    /// Of tuples.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<usize>>,
    /// Of structs.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<Named>>,
    /// Of enums; of a variant that holds nothing the type is `unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<Vec<Named>>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    #[serde(rename = "type")]
    ty: usize,
}

/// The table of what was learnt.
pub(super) fn of(graph: &Graph) -> Outline {
    let forms = classes(graph);
    let mut places = Places::default();
    let root = places.of(forms.root);
    let mut types = Vec::new();
    while let Some(class) = places.order.get(types.len()).copied() {
        types.push(places.entry(&forms.forms[class]));
    }
    Outline { root, types }
}

/// Where each type will be.
#[derive(Default)]
struct Places {
    by_class: HashMap<Class, usize>,
    order: Vec<Class>,
}

impl Places {
    fn of(&mut self, class: Class) -> usize {
        let next = self.order.len();
        let place = *self.by_class.entry(class).or_insert(next);
        if place == next {
            self.order.push(class);
        }
        place
    }

    fn entry(&mut self, form: &Form) -> Entry {
        let mut entry = Entry {
            kind: kind(form),
            ..Entry::default()
        };
        match form {
            Form::Leaf(_) | Form::Opaque | Form::Unread => {}
            Form::Option(part) | Form::Sequence(part) => entry.of = Some(self.of(*part)),
            Form::Array(len, part) => {
                entry.len = Some(*len);
                entry.of = Some(self.of(*part));
            }
            Form::Map(key, value) => {
                entry.key = Some(self.of(*key));
                entry.value = Some(self.of(*value));
            }
            Form::Tuple(parts) => {
                entry.items = Some(parts.iter().map(|part| self.of(*part)).collect());
            }
            Form::Struct(fields) => entry.fields = Some(self.named(fields)),
            Form::Enum(variants) => entry.variants = Some(self.named(variants)),
        }
        entry
    }

    fn named(&mut self, parts: &[(&'static str, Class)]) -> Vec<Named> {
        let named = parts.iter().map(|(name, part)| Named {
            name,
            ty: self.of(*part),
        });
        named.collect()
    }
}

fn kind(form: &Form) -> &'static str {
    match form {
        Form::Leaf(leaf) => leaf_name(*leaf),
        Form::Opaque => "opaque",
        Form::Unread => "unread",
        Form::Option(_) => "option",
        Form::Sequence(_) => "list",
        Form::Map(..) => "map",
        Form::Array(..) => "array",
        Form::Tuple(_) => "tuple",
        Form::Struct(_) => "struct",
        Form::Enum(_) => "enum",
    }
}
