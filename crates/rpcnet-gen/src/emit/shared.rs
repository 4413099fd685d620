//! What both ends need: the messages made of arguments, and the methods.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Attribute;

use super::names::{self, Names};
use crate::model::{Codec, Kind, Method, Service};

/// Emits a message for each method that needs one, and a constant for each method.
pub(super) fn items(service: &Service, _names: &Names) -> Vec<TokenStream> {
    let messages = service
        .methods
        .iter()
        .filter_map(|method| message(service, method));
    let constants = service
        .methods
        .iter()
        .map(|method| constant(service, method));
    messages.chain(constants).collect()
}

/// The type of a call's opening message.
pub(super) fn message_type(service: &Service, method: &Method) -> TokenStream {
    match method.messages().as_slice() {
        [] if method.requests().is_some() => no_message(service),
        [] => quote!(()),
        [(_, ty)] => quote!(#ty),
        _ => {
            let ident = names::args(service, method);
            quote!(#ident)
        }
    }
}

/// The opening message of a call that opens with none.
pub(super) fn no_message(service: &Service) -> TokenStream {
    let root = &service.root;
    quote!(#root::__private::NoArgs)
}

/// The place of a method in the definition, for errors of the compiler; the names in it are
/// looked up where the attribute is.
pub(super) fn place_of(method: &Method) -> Span {
    Span::call_site().located_at(method.ident.span())
}

/// Whether what carries these attributes may be deprecated, and then must not be said to be
/// used where it is only passed on.
pub(super) fn allow_deprecated<'a>(
    attributes: impl IntoIterator<Item = &'a Attribute>,
) -> Option<TokenStream> {
    let deprecated = |attribute: &&Attribute| {
        attribute.path().is_ident("deprecated") || attribute.path().is_ident("cfg_attr")
    };
    attributes
        .into_iter()
        .any(|a| deprecated(&a))
        .then(|| quote!(#[allow(deprecated)]))
}

fn message(service: &Service, method: &Method) -> Option<TokenStream> {
    let messages = method.messages();
    if messages.len() < 2 {
        return None;
    }
    let (root, vis) = (&service.root, &service.vis);
    let (cfgs, lints) = (&service.attributes.cfgs, &service.attributes.lints);
    let serde = quote!(#root::__private::serde);
    let serde_path = serde.to_string().replace(' ', "");
    let ident = names::args(service, method);
    let fields = messages.iter().map(|(ident, ty)| quote!(#vis #ident: #ty));
    let place = place_of(method);
    Some(quote_spanned! {place=>
        #(#cfgs)*
        #(#lints)*
        #[doc(hidden)]
        #[allow(missing_debug_implementations, unreachable_pub)]
        #[derive(#serde::Serialize, #serde::Deserialize)]
        #[serde(crate = #serde_path)]
        #vis struct #ident {
            #(#fields,)*
        }
    })
}

fn constant(service: &Service, method: &Method) -> TokenStream {
    let (root, vis) = (&service.root, &service.vis);
    let (cfgs, lints) = (&service.attributes.cfgs, &service.attributes.lints);
    let ident = names::constant(service, method);
    let message = message_type(service, method);
    let request = match method.requests() {
        Some(stream) => {
            let item = &stream.item;
            quote!(#item)
        }
        None => quote!(()),
    };
    let (answer, error, wire_name) = (method.answer(), &method.error, &method.wire_name);
    let codec = match service.codec {
        Codec::Serde => None,
        Codec::Protobuf => Some(quote!(, #root::__private::Protobuf)),
    };
    let constructor = constructor(method.kind());
    let idempotent = method.idempotent.then(|| quote!(.idempotent()));
    let timeout = method.timeout_ms.map(|ms| {
        let ms = proc_macro2::Literal::u64_unsuffixed(ms);
        quote!(.with_timeout_ms(#ms))
    });
    let place = place_of(method);
    quote_spanned! {place=>
        #(#cfgs)*
        #(#lints)*
        #[doc(hidden)]
        #[allow(unreachable_pub)]
        #vis static #ident: #root::__private::Method<#message, #request, #answer, #error #codec> =
            #root::__private::Method::#constructor(#wire_name) #idempotent #timeout;
    }
}

/// The name of a kind, as an identifier.
pub(super) fn constructor(kind: Kind) -> proc_macro2::Ident {
    proc_macro2::Ident::new(kind.name(), Span::call_site())
}
