//! Types that can be sent.

use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, Path, PathArguments, PathSegment, Type, TypeParamBound};

use super::attributes::last_is;
use super::{Mistakes, Place};

/// Reports what a message cannot consist of. `what` names the message's part in the call, such
/// as "an argument".
pub(super) fn check(ty: &Type, what: &'static str, place: Place, mistakes: &mut Mistakes) {
    if let Some(at) = bare_stream(ty) {
        mistakes.report(
            at,
            "a stream behind `dyn` is always pinned, boxed and `Send`",
            "write `Pin<Box<dyn Stream<Item = T> + Send>>`, or `impl Stream<Item = T>`",
        );
        return;
    }
    Check {
        what,
        place,
        mistakes,
    }
    .visit_type(ty);
}

/// The path of a type that is nothing but a path.
pub(super) fn path(ty: &Type) -> Option<&Path> {
    match plain(ty) {
        Type::Path(ty) if ty.qself.is_none() => Some(&ty.path),
        _ => None,
    }
}

/// A type without the parentheses, visible or not, around it.
pub(super) fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => plain(&inner.elem),
        Type::Group(inner) => plain(&inner.elem),
        ty => ty,
    }
}

/// The types between the angle brackets of a segment; none if there is anything but types.
pub(super) fn type_arguments(segment: &PathSegment) -> Option<Vec<&Type>> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return segment.arguments.is_none().then(Vec::new);
    };
    let ty = |argument: &'_ GenericArgument| matches!(argument, GenericArgument::Type(_));
    if !arguments.args.iter().all(ty) {
        return None;
    }
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// The segment of the `Stream` among bounds.
pub(super) fn stream_bound<'a>(
    bounds: impl IntoIterator<Item = &'a TypeParamBound>,
) -> Option<&'a PathSegment> {
    bounds.into_iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .filter(|last| last.ident == "Stream"),
        _ => None,
    })
}

/// What a type consists of if it is `Result`: the types in its angle brackets.
pub(super) fn result(ty: &Type) -> Option<(&PathSegment, Vec<&Type>)> {
    let last = path(ty)?
        .segments
        .last()
        .filter(|last| last.ident == "Result")?;
    Some((last, type_arguments(last)?))
}

/// A `dyn Stream` that is the whole type but for pointers.
fn bare_stream(ty: &Type) -> Option<&Type> {
    let inner = match plain(ty) {
        Type::TraitObject(object) => return stream_bound(&object.bounds).map(|_| ty),
        Type::Reference(reference) => &*reference.elem,
        ty => {
            let last = path(ty)?.segments.last()?;
            let pointer = last.ident == "Box" || last.ident == "Pin";
            type_arguments(last)
                .filter(|_| pointer)?
                .into_iter()
                .next()?
        }
    };
    bare_stream(inner).map(|_| ty)
}

struct Check<'a> {
    what: &'static str,
    place: Place,
    mistakes: &'a mut Mistakes,
}

impl Check<'_> {
    fn report(&mut self, at: impl ToTokens, what: &str, help: impl Into<String>) {
        let message = format!("{} cannot {what}", self.what);
        self.mistakes.report(at, message, help);
    }

    fn bounds(&mut self, ty: &Type, keyword: &str, bounds: &[&TypeParamBound]) {
        if stream_bound(bounds.iter().copied()).is_some() {
            self.report(
                ty,
                "contain a stream",
                "a stream is a whole argument or a whole reply: `numbers: impl Stream<Item = T>` or \
                 `Result<impl Stream<Item = T>, E>`",
            );
        } else {
            let what = format!("be `{keyword} Trait`");
            self.report(
                ty,
                &what,
                "write the type itself; only a `Stream` may be known by its trait alone",
            );
        }
    }
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::Reference(reference) => {
                let mut lifetimes = reference.lifetime.iter();
                let long = lifetimes.any(|lifetime| lifetime.ident == "static");
                let lifetime = if long { ", not even for `'static`" } else { "" };
                let what = format!("be borrowed{lifetime}: it is sent to another process");
                self.report(ty, &what, owned(&reference.elem));
            }
            Type::ImplTrait(ty_impl) => {
                self.bounds(ty, "impl", &ty_impl.bounds.iter().collect::<Vec<_>>());
            }
            Type::TraitObject(object) => {
                self.bounds(ty, "dyn", &object.bounds.iter().collect::<Vec<_>>());
            }
            Type::FnPtr(_) => {
                self.report(ty, "be a function", "send what the function is to act on")
            }
            Type::Infer(_) => self.report(ty, "be left to inference", "write the type out"),
            Type::Never(_) => self.report(ty, "be `!`", "write `()`, or an empty enum of your own"),
            Type::Ptr(_) => self.report(ty, "be a pointer", "send the value itself"),
            Type::Slice(slice) => {
                let element = text(&slice.elem);
                self.report(ty, "be a slice", format!("write `Vec<{element}>`"));
            }
            Type::Macro(_) => {
                self.report(ty, "be a macro", "write out the type that it stands for")
            }
            Type::Verbatim(_) => self.report(ty, "be of this type", "write a type of stable Rust"),
            ty => visit::visit_type(self, ty),
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.report(
                lifetime,
                "borrow: it is sent to another process",
                "write an owned type, or `'static`",
            );
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(segment) = path.segments.iter().find(|segment| segment.ident == "Self") {
            self.report(
                &segment.ident,
                "mention `Self`",
                "the trait becomes a handler and a client, two types: write the type itself",
            );
        }
        check_relative(path, self.place, self.mistakes);
        visit::visit_path(self, path);
    }
}

/// Reports a path that has another meaning where the generated code is.
fn check_relative(path: &Path, place: Place, mistakes: &mut Mistakes) {
    if place == Place::Scope {
        return;
    }
    let first = path
        .segments
        .first()
        .filter(|_| path.leading_colon.is_none());
    if let Some(first) = first.filter(|first| first.ident == "self" || first.ident == "super") {
        mistakes.report(
            &first.ident,
            format!(
                "a path from `{}` has another meaning in the generated files",
                first.ident
            ),
            "write it from `crate`",
        );
    }
}

/// What to write instead of a reference.
fn owned(referenced: &Type) -> String {
    let referenced = plain(referenced);
    match (referenced, path(referenced)) {
        (Type::Slice(slice), _) => {
            let element = &slice.elem;
            format!("write `{}`", text(quote!(Vec<#element>)))
        }
        (_, Some(path)) if last_is(path, "str") => "write `String`".to_owned(),
        (Type::TraitObject(_) | Type::ImplTrait(_), _) => "write the type itself".to_owned(),
        (referenced, _) => format!("write `{}`", text(referenced)),
    }
}

/// A type as one would write it, near enough.
pub(super) fn text(ty: impl ToTokens) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in [
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (" ,", ","),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}
