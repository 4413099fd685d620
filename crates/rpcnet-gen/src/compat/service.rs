//! A service of a definition, and its methods.

use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, ItemTrait, Pat, PathArguments, ReturnType, TraitItem, TraitItemFn,
    Type, TypeParamBound,
};

use super::change::Site;
use super::item::{Field, Fields, FieldsKind, SiteOf, source_text, unraw};
use super::options::Options;
use super::rename::{Named, WireName};
use super::ty::{Names, Ty};

#[derive(Debug)]
pub(super) struct Service {
    /// The name of the trait.
    pub(super) ident: String,
    /// The name on the wire; may be empty.
    pub(super) wire: String,
    pub(super) codec: Codec,
    pub(super) methods: Vec<Method>,
    pub(super) site: Site,
}

/// How the messages of a service are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Codec {
    Serde,
    Protobuf,
}

#[derive(Debug)]
pub(super) struct Method {
    /// The name of the function.
    pub(super) ident: String,
    /// The whole name on the wire.
    pub(super) wire: String,
    /// The name on the wire within the service.
    pub(super) wire_part: String,
    pub(super) arguments: Fields,
    /// The item of the request stream, if there is one.
    pub(super) request_item: Option<Message>,
    /// The reply, or the item of the response stream.
    pub(super) response: Message,
    pub(super) is_response_stream: bool,
    pub(super) error: Message,
    pub(super) is_idempotent: bool,
    pub(super) timeout: Option<String>,
    pub(super) site: Site,
}

/// A type that travels by itself.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) ty: Ty,
    /// The type as it is written.
    pub(super) text: String,
    pub(super) site: Site,
}

impl Service {
    /// Reads a trait, if it is a service.
    pub(super) fn read(
        names: &Names,
        place: &dyn SiteOf,
        item: &ItemTrait,
    ) -> syn::Result<Option<Self>> {
        let is_service = item.attrs.iter().any(|attribute| {
            attribute
                .path()
                .segments
                .last()
                .is_some_and(|segment| segment.ident == "service")
        });
        if !is_service {
            return Ok(None);
        }
        let options = Options::parse("service", &item.attrs)?;
        let ident = unraw(&item.ident);
        let wire = options.value("name").unwrap_or(&ident).to_owned();
        let codec = match options.value("codec") {
            Some("protobuf") => Codec::Protobuf,
            _ => Codec::Serde,
        };
        let reader = MethodReader {
            names,
            place,
            service: &wire,
        };
        let functions = item.items.iter().filter_map(|item| match item {
            TraitItem::Fn(function) => Some(reader.method(function)),
            _ => None,
        });
        let methods = functions.collect::<syn::Result<_>>()?;
        Ok(Some(Self {
            ident,
            wire,
            codec,
            methods,
            site: place.site(item.ident.span()),
        }))
    }
}

struct MethodReader<'a> {
    names: &'a Names,
    place: &'a dyn SiteOf,
    service: &'a str,
}

impl MethodReader<'_> {
    fn method(&self, function: &TraitItemFn) -> syn::Result<Method> {
        let options = Options::parse("rpc", &function.attrs)?;
        let ident = unraw(&function.sig.ident);
        let wire_part = options.value("name").unwrap_or(&ident).to_owned();
        let mut arguments = Fields {
            kind: FieldsKind::Named,
            list: Vec::new(),
        };
        let mut request_item = None;
        for input in &function.sig.inputs {
            let FnArg::Typed(input) = input else { continue };
            if let Some(item) = stream_item(&input.ty) {
                // `Result<I, RpcError>` lets the handler see how the requests end; `I` travels.
                let item = result(item)
                    .filter(|(_, error)| is_named(error, "RpcError"))
                    .map_or(item, |(item, _)| item);
                request_item = Some(self.message(item));
            } else if !is_named(&input.ty, "CallContext") {
                arguments.list.push(self.argument(&input.pat, &input.ty));
            }
        }
        let returned = match &function.sig.output {
            ReturnType::Type(_, ty) => result(ty),
            _ => None,
        };
        let Some((reply, error)) = returned else {
            return Err(syn::Error::new(
                function.sig.ident.span(),
                "a method returns `Result<T, E>`",
            ));
        };
        let item = stream_item(reply);
        let response = match item {
            // The error of the items is that of the method.
            Some(item) => result(item).map_or(item, |(item, _)| item),
            None => reply,
        };
        Ok(Method {
            wire: if self.service.is_empty() {
                wire_part.clone()
            } else {
                format!("{}.{wire_part}", self.service)
            },
            arguments,
            request_item,
            response: self.message(response),
            is_response_stream: item.is_some(),
            error: self.message(error),
            is_idempotent: options.has("idempotent"),
            timeout: options.value("timeout").map(str::to_owned),
            site: self.place.site(function.sig.ident.span()),
            wire_part,
            ident,
        })
    }

    fn argument(&self, pattern: &Pat, ty: &Type) -> Field {
        let ident = match pattern {
            Pat::Ident(pattern) => unraw(&pattern.ident),
            _ => "_".to_owned(),
        };
        let none = Options::default();
        Field {
            wire: WireName::new(&ident, Named::Field, &none, &none, "rename_all"),
            ty: self.names.ty(&[], ty),
            text: source_text(ty),
            serde: Options::default(),
            prost: Options::default(),
            site: self.place.site(pattern.span()),
            ident,
        }
    }

    fn message(&self, ty: &Type) -> Message {
        Message {
            ty: self.names.ty(&[], ty),
            text: source_text(ty),
            site: self.place.site(ty.span()),
        }
    }
}

/// The item of `impl Stream<Item = X>` and of `Pin<Box<dyn Stream<Item = X>>>`.
fn stream_item(ty: &Type) -> Option<&Type> {
    let bounds = match ty {
        Type::ImplTrait(ty) => &ty.bounds,
        Type::TraitObject(ty) => &ty.bounds,
        Type::Paren(ty) => return stream_item(&ty.elem),
        Type::Path(_) if is_named(ty, "Pin") || is_named(ty, "Box") => {
            return type_arguments(ty)
                .first()
                .and_then(|inner| stream_item(inner));
        }
        _ => return None,
    };
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound
            .path
            .segments
            .last()
            .filter(|last| last.ident == "Stream")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
            _ => None,
        })
    })
}

/// The two arguments of a `Result`.
fn result(ty: &Type) -> Option<(&Type, &Type)> {
    match type_arguments(ty).as_slice() {
        [value, error] if is_named(ty, "Result") => Some((value, error)),
        _ => None,
    }
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn type_arguments(ty: &Type) -> Vec<&Type> {
    let Type::Path(path) = ty else {
        return Vec::new();
    };
    let Some(PathArguments::AngleBracketed(list)) =
        path.path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    let types = list.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}
