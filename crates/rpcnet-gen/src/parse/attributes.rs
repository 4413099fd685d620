//! Which attributes of a definition go where.

use syn::{AttrStyle, Attribute, Ident, ItemTrait, Meta, Path};

use super::Mistakes;
use crate::model::Attributes;

/// Sorts the attributes of a service.
pub(super) fn of_service(item: &ItemTrait, mistakes: &mut Mistakes) -> Attributes {
    let mut sorted = Attributes::default();
    for attribute in &item.attrs {
        if is_inner(attribute, mistakes) {
            continue;
        }
        let name = name(attribute);
        match name.as_str() {
            "service" => mistakes.report(
                attribute,
                "`#[service]` is given twice",
                "keep one of the two, with the options of both",
            ),
            // The generated traits are asynchronous without help.
            "async_trait" | "derive" => {}
            "cfg" => sorted.cfgs.push(attribute.clone()),
            "doc" | "deprecated" | "cfg_attr" => sorted.docs.push(attribute.clone()),
            name if is_lint(name) => sorted.lints.push(lint(attribute)),
            _ => sorted.handler.push(attribute.clone()),
        }
    }
    sorted
}

/// Keeps the attributes of a method that its handler and its client both carry.
pub(super) fn of_method(attributes: &[Attribute], mistakes: &mut Mistakes) -> Vec<Attribute> {
    let mut kept = Vec::new();
    for attribute in attributes {
        if is_inner(attribute, mistakes) {
            continue;
        }
        let name = name(attribute);
        match name.as_str() {
            "rpc" => {}
            "doc" | "deprecated" => kept.push(attribute.clone()),
            name if is_lint(name) => kept.push(lint(attribute)),
            "cfg" | "cfg_attr" => mistakes.report(
                attribute,
                format!("a method cannot have `#[{name}]`"),
                "both ends must agree on the methods: put `#[cfg(..)]` on the whole trait, or move \
                 the method to a trait of its own",
            ),
            _ => mistakes.report(
                attribute,
                format!("`#[{name}]` on a method has no effect on what is generated"),
                "remove it; `#[rpc(..)]`, docs, `#[deprecated]` and levels of lints are carried over",
            ),
        }
    }
    kept
}

/// Reports the attributes of an argument: none has an effect.
pub(super) fn of_argument(attributes: &[Attribute], mistakes: &mut Mistakes) {
    for attribute in attributes {
        mistakes.report(
            attribute,
            "attributes of arguments are not carried over",
            "remove it; to choose how a value is encoded, put it into a struct of your own",
        );
    }
}

/// Whether a path is that of the attribute of a service.
#[cfg(feature = "files")]
pub(super) fn is_service(attribute: &Attribute) -> bool {
    last_is(attribute.path(), "service")
}

/// Whether a path ends in a name, and says nothing in angle brackets there.
pub(super) fn last_is(path: &Path, name: &str) -> bool {
    path.segments
        .last()
        .is_some_and(|last| last.ident == name && last.arguments.is_none())
}

fn is_inner(attribute: &Attribute, mistakes: &mut Mistakes) -> bool {
    let inner = matches!(attribute.style, AttrStyle::Inner(_));
    if inner {
        mistakes.report(
            attribute,
            "an attribute or a doc comment inside the body of a trait is not carried over",
            "put it above the trait: `#[..]` and `///` rather than `#![..]` and `//!`",
        );
    }
    inner
}

/// The last part of the attribute's path.
fn name(attribute: &Attribute) -> String {
    let last = attribute.path().segments.last();
    last.map(|segment| segment.ident.to_string())
        .unwrap_or_default()
}

fn is_lint(name: &str) -> bool {
    matches!(name, "allow" | "expect" | "warn" | "deny" | "forbid")
}

/// A lint that is expected in the definition need not occur in all that is made of it.
fn lint(attribute: &Attribute) -> Attribute {
    let mut lint = attribute.clone();
    if let Meta::List(list) = &mut lint.meta
        && list.path.is_ident("expect")
    {
        let span = list
            .path
            .segments
            .first()
            .map(|segment| segment.ident.span());
        let span = span.unwrap_or_else(proc_macro2::Span::call_site);
        list.path = Path::from(Ident::new("allow", span));
    }
    lint
}
