//! The way in of the attribute.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit;
use crate::parse::{self, Mistakes, Place};

/// Expands `#[rpcnet::service(arguments)] item`.
///
/// The result takes the place of the item. It never panics: each mistake of the definition
/// becomes a `compile_error!` where it was made.
#[must_use]
pub fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let service = parse::attribute(arguments, item, Place::Scope, &mut mistakes);
    let Some(service) = service.filter(|_| mistakes.is_empty()) else {
        return mistakes.into_compile_errors();
    };
    let emit::Items {
        shared,
        server,
        client,
    } = emit::items(&service);
    quote!(#(#shared)* #(#server)* #(#client)*)
}
