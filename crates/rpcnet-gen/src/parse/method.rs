//! Methods of a service.

use quote::quote;
use syn::{
    FnArg, GenericParam, ItemTrait, Pat, PatType, Receiver, ReceiverKind, ReturnType, Safety,
    Signature, TraitItem, TraitItemFn, Type,
};

use super::attributes::{self, last_is};
use super::names::Named;
use super::streams::{self, Direction, Found};
use super::{Mistakes, Place, generic, options, types};
use crate::model::{Argument, ArgumentKind, Codec, Method, Reply};

/// Reads the methods of one service.
pub(super) struct Reader<'a> {
    /// The first part of the wire names; none if it is not valid.
    pub(super) service: Option<&'a str>,
    pub(super) codec: Codec,
    pub(super) place: Place,
}

/// Reports a trait that `#[async_trait]` has rewritten already: once, as it is one mistake.
pub(super) fn report_desugared(item: &ItemTrait, mistakes: &mut Mistakes) -> bool {
    let desugared = item.items.iter().find_map(|item| match item {
        TraitItem::Fn(item) if item.sig.asyncness.is_none() => {
            let by_macro = |param: &GenericParam| match param {
                GenericParam::Lifetime(param) => param.lifetime.ident == "async_trait",
                _ => false,
            };
            item.sig
                .generics
                .params
                .iter()
                .any(by_macro)
                .then_some(&item.sig.ident)
        }
        _ => None,
    });
    if let Some(ident) = desugared {
        mistakes.report(
            ident,
            "`#[async_trait]` has rewritten this trait before it could be read",
            "remove `#[async_trait]`: a service does not need it (or put it below this attribute)",
        );
    }
    desugared.is_some()
}

impl Reader<'_> {
    /// Reads a method; its names even if it has mistakes.
    pub(super) fn read(
        &self,
        item: &TraitItemFn,
        mistakes: &mut Mistakes,
    ) -> (Named, Option<Method>) {
        let kept = attributes::of_method(&item.attrs, mistakes);
        let rpc = item
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("rpc"));
        let options = options::method(rpc, mistakes);
        let named = Named::new(self.service, &item.sig.ident, options.name, mistakes);
        check_modifiers(item, mistakes);
        check_receiver(&item.sig, mistakes);
        let arguments = self.arguments(&item.sig, mistakes);
        let output = self.output(&item.sig, mistakes);
        let method = match (&named.wire_name, output) {
            (Some(wire_name), Some((reply, error))) => Some(Method {
                ident: item.sig.ident.clone(),
                attributes: kept,
                wire_name: wire_name.clone(),
                idempotent: options.idempotent,
                timeout_ms: options.timeout_ms,
                arguments,
                reply,
                error,
            }),
            _ => None,
        };
        (named, method)
    }

    /// Reads the arguments, except for `self`.
    fn arguments(&self, sig: &Signature, mistakes: &mut Mistakes) -> Vec<Argument> {
        let mut arguments: Vec<Argument> = Vec::new();
        let mut taken = Taken::default();
        for input in &sig.inputs {
            let FnArg::Typed(input) = input else { continue };
            attributes::of_argument(&input.attrs, mistakes);
            let kind = self.argument_kind(input, &mut taken, mistakes);
            let ident = match &*input.pat {
                Pat::Ident(pat)
                    if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() =>
                {
                    pat.ident.clone()
                }
                pat => {
                    report_pattern(pat, mistakes);
                    continue;
                }
            };
            if arguments.iter().any(|argument| argument.ident == ident) {
                mistakes.report(
                    &ident,
                    format!("there are two arguments `{ident}`"),
                    "rename one of the two",
                );
            }
            arguments.extend(kind.map(|kind| Argument { ident, kind }));
        }
        arguments
    }

    fn argument_kind(
        &self,
        input: &PatType,
        taken: &mut Taken,
        mistakes: &mut Mistakes,
    ) -> Option<ArgumentKind> {
        let ty = &*input.ty;
        if is_context(ty) {
            taken.context(input, mistakes);
            return Some(ArgumentKind::Context(ty.clone()));
        }
        if let Type::Reference(reference) = types::plain(ty)
            && is_context(&reference.elem)
        {
            mistakes.report(
                ty,
                "the call's context is not borrowed",
                "take `CallContext` itself; it is the handler's own",
            );
            return None;
        }
        match streams::read(ty, Direction::Requests, mistakes) {
            Found::Stream(stream) => {
                taken.requests(input, mistakes);
                types::check(&stream.item, "an item of a stream", self.place, mistakes);
                Some(ArgumentKind::Requests(*stream))
            }
            Found::Broken => {
                taken.requests(input, mistakes);
                None
            }
            Found::Other => {
                taken.message(input, self.codec, mistakes);
                types::check(ty, "an argument", self.place, mistakes);
                Some(ArgumentKind::Message(ty.clone()))
            }
        }
    }

    /// Reads `Result<T, E>`.
    fn output(&self, sig: &Signature, mistakes: &mut Mistakes) -> Option<(Reply, Type)> {
        let ReturnType::Type(_, ty) = &sig.output else {
            mistakes.report(
                &sig.ident,
                format!("the method `{}` returns no `Result`", sig.ident),
                "write `-> Result<(), E>`, with an error type of yours in place of `E`",
            );
            return None;
        };
        let (reply, error) = result(sig, ty, mistakes)?;
        types::check(error, "an error", self.place, mistakes);
        match streams::read(reply, Direction::Responses(error), mistakes) {
            Found::Stream(stream) => {
                types::check(&stream.item, "an item of a stream", self.place, mistakes);
                Some((Reply::Stream(*stream), error.clone()))
            }
            Found::Broken => None,
            Found::Other => {
                types::check(reply, "a reply", self.place, mistakes);
                Some((Reply::Message(reply.clone()), error.clone()))
            }
        }
    }
}

/// What a call can have only one of.
#[derive(Default)]
struct Taken {
    context: bool,
    requests: bool,
    message: bool,
}

impl Taken {
    fn context(&mut self, input: &PatType, mistakes: &mut Mistakes) {
        if std::mem::replace(&mut self.context, true) {
            mistakes.report(input, "a call has one context", "remove one of the two");
        }
    }

    fn requests(&mut self, input: &PatType, mistakes: &mut Mistakes) {
        if std::mem::replace(&mut self.requests, true) {
            mistakes.report(
                input,
                "a call has one stream of requests",
                "make one stream of an enum, or two methods",
            );
        }
    }

    fn message(&mut self, input: &PatType, codec: Codec, mistakes: &mut Mistakes) {
        if std::mem::replace(&mut self.message, true) && codec == Codec::Protobuf {
            mistakes.report(
                input,
                "a protobuf call has one message",
                "make the arguments fields of one message",
            );
        }
    }
}

/// Reports what surrounds the arguments and the output.
fn check_modifiers(item: &TraitItemFn, mistakes: &mut Mistakes) {
    let sig = &item.sig;
    if let Some(token) = sig.constness {
        mistakes.report(
            token,
            "a method of a service cannot be `const`",
            "remove `const`",
        );
    }
    if let Safety::Unsafe(token) = sig.safety {
        mistakes.report(
            token,
            "a method of a service cannot be `unsafe`",
            "remove `unsafe`",
        );
    }
    if let Some(abi) = &sig.abi {
        mistakes.report(
            abi,
            "a method of a service cannot be `extern`",
            "remove `extern`",
        );
    }
    if sig.asyncness.is_none() {
        mistakes.report(
            sig.fn_token,
            format!("the method `{}` is not async", sig.ident),
            format!(
                "write `async fn {}`: a call waits for the other end",
                sig.ident
            ),
        );
    }
    if let Some(tokens) = generic(&sig.generics) {
        mistakes.report(
            tokens,
            format!("the method `{}` cannot be generic", sig.ident),
            "both ends must know the messages: write the types that are sent",
        );
    }
    if let Some(variadic) = &sig.variadic {
        mistakes.report(
            variadic,
            "the number of arguments cannot vary",
            "take a `Vec`, or a stream: `numbers: impl Stream<Item = T>`",
        );
    }
    if let Some(body) = &item.default {
        mistakes.report(
            body,
            format!("the method `{}` has a body", sig.ident),
            "write `;` in its place; the body belongs to the handler, in the server",
        );
    }
}

fn check_receiver(sig: &Signature, mistakes: &mut Mistakes) {
    let Some(receiver) = sig.receiver() else {
        mistakes.report(
            &sig.ident,
            format!("the method `{}` is without `&self`", sig.ident),
            format!(
                "write `async fn {}(&self, ..)`: it is called on a handler",
                sig.ident
            ),
        );
        return;
    };
    let help = "write `&self`: one handler serves many calls at once";
    let Receiver {
        self_token,
        kind,
        mutability,
        ..
    } = receiver;
    attributes::of_argument(&receiver.attrs, mistakes);
    match kind {
        ReceiverKind::Reference(_, None, None) => {}
        ReceiverKind::Reference(and, lifetime, Some(mutable)) => mistakes.report(
            quote!(#and #lifetime #mutable #self_token),
            "a method of a service cannot take `&mut self`",
            "write `&self`: one handler serves many calls at once; keep what changes in a `Mutex` \
             or an atomic",
        ),
        // Generic over the lifetime, too: one mistake, reported there.
        ReceiverKind::Reference(_, Some(_), None) if sig.generics.lt_token.is_some() => {}
        ReceiverKind::Reference(_, Some(lifetime), None) => {
            mistakes.report(lifetime, "`&self` has no lifetime in a service", help);
        }
        ReceiverKind::Value => mistakes.report(
            quote!(#mutability #self_token),
            "a method of a service cannot take `self` by value",
            help,
        ),
        _ => mistakes.report(
            receiver,
            "a method of a service cannot give `self` a type",
            help,
        ),
    }
}

fn result<'a>(
    sig: &Signature,
    ty: &'a Type,
    mistakes: &mut Mistakes,
) -> Option<(&'a Type, &'a Type)> {
    let Some((_, arguments)) = types::result(ty) else {
        if sig.asyncness.is_none() && is_future(ty) {
            // It is a future because the method is not async: one mistake, reported already.
            return None;
        }
        mistakes.report(
            ty,
            format!("the method `{}` returns no `Result`", sig.ident),
            format!(
                "write `Result<{}, E>`, with an error type of yours in place of `E`",
                types::text(ty)
            ),
        );
        return None;
    };
    match arguments.as_slice() {
        [reply, error] => Some((reply, error)),
        _ => {
            mistakes.report(
                ty,
                "this `Result` hides its error",
                "write both types: `Result<T, E>`; an alias cannot be seen through",
            );
            None
        }
    }
}

fn report_pattern(pat: &Pat, mistakes: &mut Mistakes) {
    let help = match pat {
        Pat::Ident(pat) => {
            format!(
                "write `{}`; an implementation of the handler may add what it likes",
                pat.ident
            )
        }
        Pat::Wild(_) => "give it a name: the client takes it under that name".to_owned(),
        _ => "write a name; the handler may take it apart".to_owned(),
    };
    mistakes.report(pat, "an argument is not a plain name", help);
}

fn is_context(ty: &Type) -> bool {
    types::path(ty).is_some_and(|path| last_is(path, "CallContext"))
}

/// `impl Future<..>`, or `Pin<Box<dyn Future<..>>>` as far as its name tells.
fn is_future(ty: &Type) -> bool {
    match types::plain(ty) {
        Type::ImplTrait(_) => true,
        ty => types::path(ty)
            .and_then(|path| path.segments.last())
            .is_some_and(|last| {
                last.ident == "Pin" || last.ident == "BoxFuture" || last.ident == "Box"
            }),
    }
}
