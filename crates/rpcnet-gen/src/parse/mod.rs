//! Understands a definition, and collects what is wrong with it.
//!
//! No step stops at a mistake: each goes on with what it can read, so that one compilation
//! shows everything that is to be changed.

mod attributes;
#[cfg(feature = "files")]
pub(crate) mod definition;
mod method;
mod mistakes;
mod names;
mod options;
mod streams;
mod types;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Generics, Item, ItemTrait, TraitItem, parse_quote};

pub(crate) use mistakes::Mistakes;

use self::names::Named;
use self::options::ServiceOptions;
use crate::model::{Codec, Service};

/// Where the generated code goes, and so what relative paths would mean there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In place of the trait.
    Scope,
    /// Into files of their own.
    #[cfg(feature = "files")]
    File,
}

/// Reads the item under an attribute with these arguments.
pub(crate) fn attribute(
    arguments: TokenStream,
    item: TokenStream,
    place: Place,
    mistakes: &mut Mistakes,
) -> Option<Service> {
    let options = options::service(arguments, mistakes);
    match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => service(options, &item, place, mistakes),
        Ok(item) => {
            not_a_trait(&item, mistakes);
            None
        }
        Err(error) => {
            mistakes.report_syntax(error, "a service is a trait: `pub trait Calculator { .. }`");
            None
        }
    }
}

/// Reports an item that cannot be a service.
fn not_a_trait(item: &Item, mistakes: &mut Mistakes) {
    let help = "write a trait, such as `pub trait Calculator { async fn add(&self, a: i64, b: i64) \
                -> Result<i64, MathError>; }`";
    match item {
        Item::Impl(item) => mistakes.report(
            item.impl_token,
            "a service is a trait, not an `impl`",
            "put the attribute on the trait that lists the methods; the handler trait that is \
             generated from it is what a server implements",
        ),
        Item::Struct(item) => {
            mistakes.report(&item.ident, "a service is a trait, not a struct", help)
        }
        Item::Enum(item) => mistakes.report(&item.ident, "a service is a trait, not an enum", help),
        Item::Fn(item) => mistakes.report(
            &item.sig.ident,
            "a service is a trait, not a function",
            help,
        ),
        Item::Mod(item) => mistakes.report(&item.ident, "a service is a trait, not a module", help),
        item => mistakes.report(item, "a service is a trait", help),
    }
}

/// Reads a trait.
fn service(
    options: ServiceOptions,
    item: &ItemTrait,
    place: Place,
    mistakes: &mut Mistakes,
) -> Option<Service> {
    let attributes = attributes::of_service(item, mistakes);
    if method::report_desugared(item, mistakes) {
        return None;
    }
    check_head(item, mistakes);
    let name = service_name(&options, item, mistakes);
    let codec = options.codec.unwrap_or(Codec::Serde);
    let reader = method::Reader {
        service: name.as_deref(),
        codec,
        place,
    };
    let mut named: Vec<Named> = Vec::new();
    let mut methods = Vec::new();
    for item in &item.items {
        match item {
            TraitItem::Fn(item) => {
                let (name, method) = reader.read(item, mistakes);
                named.push(name);
                methods.extend(method);
            }
            other => not_a_method(other, mistakes),
        }
    }
    if item.items.is_empty() {
        mistakes.report(
            &item.ident,
            format!("the service `{}` is without methods", item.ident),
            "write at least one, such as `async fn add(&self, a: i64, b: i64) -> Result<i64, \
             MathError>;`",
        );
    }
    names::check(&item.ident, &named, mistakes);
    Some(Service {
        ident: item.ident.clone(),
        vis: item.vis.clone(),
        attributes,
        name: name?,
        codec,
        root: options.root.unwrap_or_else(|| parse_quote!(::rpcnet)),
        methods,
    })
}

/// The first part of the wire names; none if it is not valid.
fn service_name(
    options: &ServiceOptions,
    item: &ItemTrait,
    mistakes: &mut Mistakes,
) -> Option<String> {
    use syn::ext::IdentExt as _;

    if let Some(name) = &options.name {
        return Some(name.clone());
    }
    let name = item.ident.unraw().to_string();
    names::is_valid(&item.ident, &name, mistakes).then_some(name)
}

/// Checks what a trait has around its methods.
fn check_head(item: &ItemTrait, mistakes: &mut Mistakes) {
    if let Some(token) = item.unsafety {
        mistakes.report(
            token,
            "a service cannot be an unsafe trait",
            "remove `unsafe`",
        );
    }
    if let Some(token) = item.modifiers.auto_token {
        mistakes.report(token, "a service cannot be an auto trait", "remove `auto`");
    }
    if let Some(tokens) = generic(&item.generics) {
        mistakes.report(
            tokens,
            "a service cannot be generic",
            "both ends must know the messages: write the types that are sent",
        );
    }
    if !item.supertraits.is_empty() {
        mistakes.report(
            &item.supertraits,
            "a service cannot have supertraits",
            "remove them; the generated handler trait demands `Send + Sync + 'static` already",
        );
    }
}

/// What makes an item generic, as tokens to point at.
fn generic(generics: &Generics) -> Option<TokenStream> {
    if generics.lt_token.is_some() {
        let Generics {
            lt_token,
            params,
            gt_token,
            ..
        } = generics;
        return Some(quote!(#lt_token #params #gt_token));
    }
    generics
        .where_clause
        .as_ref()
        .map(ToTokens::to_token_stream)
}

/// Reports what a trait has between its methods.
fn not_a_method(item: &TraitItem, mistakes: &mut Mistakes) {
    let help = "a service has methods only; put it outside of the trait";
    match item {
        TraitItem::Const(item) => {
            mistakes.report(&item.ident, "a service cannot have constants", help);
        }
        TraitItem::Type(item) => mistakes.report(
            &item.ident,
            "a service cannot have associated types",
            "write the type itself where it is used",
        ),
        TraitItem::Macro(item) => mistakes.report(
            &item.mac.path,
            "a macro in a service cannot be read",
            "write out the methods: an attribute sees the macro, not what it expands to",
        ),
        item => {
            let mut tokens = item.to_token_stream().into_iter();
            let first = tokens.find(|token| token.to_string() == "pub");
            match first {
                Some(token) => mistakes.report(
                    token,
                    "a method of a service has no visibility of its own",
                    "remove it; methods are as visible as the trait",
                ),
                None => mistakes.report(item, "this is not a method of a service", help),
            }
        }
    }
}
