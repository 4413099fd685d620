//! The forms of a stream in a signature.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{AngleBracketedGenericArguments, GenericArgument, PathArguments, PathSegment};
use syn::{Type, TypeParamBound};

use super::Mistakes;
use super::attributes::last_is;
use super::types::{path, plain, result, stream_bound, type_arguments};
use crate::model::Stream;

/// Which way a stream flows, and with it what its items may be.
#[derive(Clone, Copy)]
pub(super) enum Direction<'a> {
    /// From the client.
    Requests,
    /// From the server; with the method's error.
    Responses(&'a Type),
}

/// What a type has turned out to be.
pub(super) enum Found {
    Stream(Box<Stream>),
    /// A stream with mistakes, which are reported.
    Broken,
    Other,
}

/// Reads a type that may be a stream.
pub(super) fn read(ty: &Type, direction: Direction<'_>, mistakes: &mut Mistakes) -> Found {
    let (bounds, boxed): (Vec<&TypeParamBound>, bool) = match plain(ty) {
        Type::ImplTrait(ty) => (ty.bounds.iter().collect(), false),
        ty => match boxed_bounds(ty) {
            Some(bounds) => (bounds, true),
            None => return Found::Other,
        },
    };
    let Some(segment) = stream_bound(bounds.iter().copied()) else {
        return Found::Other;
    };
    if boxed && !bounds.iter().any(|bound| is_bound(bound, "Send")) {
        // Without `Send` it is another type than the one that is generated.
        mistakes.report(
            ty,
            "a stream behind `dyn` is always pinned, boxed and `Send`",
            "write `Pin<Box<dyn Stream<Item = T> + Send>>`, or `impl Stream<Item = T>`",
        );
        return Found::Broken;
    }
    let before = mistakes.len();
    check_bounds(&bounds, segment, boxed, mistakes);
    let stream = item(segment, mistakes).and_then(|item| {
        let (item, results) = unwrap(item, direction, mistakes)?;
        Some(Stream {
            item: item.clone(),
            results,
            boxed,
            written: written(ty, &bounds, boxed),
        })
    });
    match stream {
        Some(stream) if mistakes.len() == before => Found::Stream(Box::new(stream)),
        _ => Found::Broken,
    }
}

/// What is carried over as it stands.
fn written(ty: &Type, bounds: &[&TypeParamBound], boxed: bool) -> TokenStream {
    if boxed {
        return quote!(#ty);
    }
    let is_stream = |bound: &&&TypeParamBound| stream_bound([**bound]).is_some();
    let stream = bounds.iter().find(is_stream);
    quote!(#stream)
}

/// The bounds of `Pin<Box<dyn ..>>`.
fn boxed_bounds(ty: &Type) -> Option<Vec<&TypeParamBound>> {
    let boxed = only_argument(ty, "Pin")?;
    match plain(only_argument(boxed, "Box")?) {
        Type::TraitObject(object) => Some(object.bounds.iter().collect()),
        _ => None,
    }
}

/// `T` of `Name<T>`.
fn only_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let last = path(ty)?
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    match type_arguments(last)?.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

fn is_bound(bound: &TypeParamBound, name: &str) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => bound.maybe.is_none() && last_is(&bound.path, name),
        _ => false,
    }
}

/// Reports the bounds beside `Stream` that would be lost.
fn check_bounds(
    bounds: &[&TypeParamBound],
    stream: &PathSegment,
    boxed: bool,
    mistakes: &mut Mistakes,
) {
    for bound in bounds {
        let known = match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
            TypeParamBound::Trait(trait_bound) => {
                let is_stream = trait_bound
                    .path
                    .segments
                    .last()
                    .is_some_and(|last| std::ptr::eq(last, stream))
                    && trait_bound.maybe.is_none()
                    && trait_bound.lifetimes.is_none();
                is_stream || is_bound(bound, "Send") || (!boxed && is_bound(bound, "Unpin"))
            }
            _ => false,
        };
        if !known {
            let help = if boxed {
                "remove it: write `Pin<Box<dyn Stream<Item = T> + Send>>`"
            } else {
                "remove it; the streams of the generated code are `Send` without being asked"
            };
            mistakes.report(bound, "this bound of a stream is not carried over", help);
        }
    }
}

/// `X` of `Stream<Item = X>`.
fn item<'a>(stream: &'a PathSegment, mistakes: &mut Mistakes) -> Option<&'a Type> {
    let no_arguments = None::<&AngleBracketedGenericArguments>;
    let arguments = match &stream.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        PathArguments::None => no_arguments,
        PathArguments::Parenthesized(_) => None,
    };
    let arguments: Vec<_> = arguments
        .iter()
        .flat_map(|arguments| &arguments.args)
        .collect();
    if let [GenericArgument::AssocType(assoc)] = arguments.as_slice()
        && assoc.ident == "Item"
        && assoc.generics.is_none()
    {
        return Some(&assoc.ty);
    }
    mistakes.report(
        stream,
        "a stream is without the type of its items",
        "write `Stream<Item = T>`, with the type in place of `T` and nothing beside it",
    );
    None
}

/// The item without its `Result`, and whether it has one; none if that is a mistake.
fn unwrap<'a>(
    ty: &'a Type,
    direction: Direction<'_>,
    mistakes: &mut Mistakes,
) -> Option<(&'a Type, bool)> {
    let Some((_, arguments)) = result(ty) else {
        return Some((ty, false));
    };
    let [item, error] = arguments.as_slice() else {
        mistakes.report(
            ty,
            "the `Result` of a stream's items hides its error",
            "write both types: `Result<T, E>`",
        );
        return None;
    };
    match direction {
        Direction::Requests if path(error).is_some_and(|path| last_is(path, "RpcError")) => {}
        Direction::Requests => {
            mistakes.report(
                error,
                "a client's stream has no errors of its own",
                "take items `T`, or `Result<T, RpcError>` to learn how the requests end",
            );
            return None;
        }
        Direction::Responses(expected) if !same(error, expected) => {
            mistakes.report(
                error,
                "the items have another error than the method",
                "write the same error type in both places, so that a call has one type of error",
            );
            return None;
        }
        Direction::Responses(_) => {}
    }
    Some((item, true))
}

fn same(one: &Type, other: &Type) -> bool {
    let (one, other) = (plain(one), plain(other));
    quote!(#one).to_string() == other.to_token_stream().to_string()
}
