//! The client.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Attribute;

use super::names::{self, Names};
use super::shared::{allow_deprecated, constructor, no_message, place_of};
use crate::model::{ArgumentKind, Method, Reply, Service};

/// Emits the client's side.
pub(super) fn items(service: &Service, names: &Names) -> Vec<TokenStream> {
    vec![
        client(service, names),
        connect(service, names),
        client_impl(service, names),
    ]
}

fn client(service: &Service, names: &Names) -> TokenStream {
    let crate::model::Attributes {
        cfgs, lints, docs, ..
    } = &service.attributes;
    let (root, vis) = (&service.root, &service.vis);
    let Names {
        client, carrier, ..
    } = names;
    let about = format!(
        " Calls `{}` on a server. Clones are cheap, and share what carries their calls.",
        service.ident
    );
    let separator = has_docs(docs).then(|| quote!(#[doc = ""]));
    let allow_deprecated = allow_deprecated(docs);
    quote! {
        #(#cfgs)*
        #(#lints)*
        #(#docs)*
        #separator
        #[doc = #about]
        #[doc = ""]
        #[doc = " # Cancel safety"]
        #[doc = ""]
        #[doc = " The futures of its calls borrow nothing from it. Dropping one cancels the call, as"]
        #[doc = " dropping the responses of a stream does; its handler may have run by then."]
        #[derive(::core::fmt::Debug, ::core::clone::Clone)]
        #[allow(dead_code, unreachable_pub)]
        #allow_deprecated
        #vis struct #client<#carrier = #root::RpcClient> {
            calls: #root::__private::Calls<#carrier>,
        }
    }
}

fn connect(service: &Service, names: &Names) -> TokenStream {
    let crate::model::Attributes {
        cfgs, lints, docs, ..
    } = &service.attributes;
    let (root, vis, client) = (&service.root, &service.vis, &names.client);
    let allow_deprecated = allow_deprecated(docs);
    quote! {
        #(#cfgs)*
        #(#lints)*
        #[allow(dead_code, unreachable_pub)]
        #allow_deprecated
        impl #client {
            /// Connects to a server.
            ///
            /// # Errors
            ///
            /// The configuration is not valid, or the server cannot be reached or trusted.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future gives the connection up.
            #vis async fn connect(
                address: ::std::net::SocketAddr,
                config: #root::RpcConfig,
            ) -> ::core::result::Result<Self, #root::RpcError> {
                #root::RpcClient::connect(address, config).await.map(Self::new)
            }
        }
    }
}

fn client_impl(service: &Service, names: &Names) -> TokenStream {
    let crate::model::Attributes {
        cfgs, lints, docs, ..
    } = &service.attributes;
    let (root, vis) = (&service.root, &service.vis);
    let Names {
        client, carrier, ..
    } = names;
    let methods = service
        .methods
        .iter()
        .map(|method| client_method(service, names, method));
    let allow_deprecated = allow_deprecated(docs);
    quote! {
        #(#cfgs)*
        #(#lints)*
        #[allow(dead_code, unreachable_pub)]
        #[allow(clippy::needless_pass_by_value, clippy::should_implement_trait)]
        #[allow(clippy::too_many_arguments, clippy::type_complexity)]
        #[allow(clippy::wrong_self_convention)]
        #allow_deprecated
        impl<#carrier: #root::Carrier> #client<#carrier> {
            /// Calls through a connection, a server in this process, a cluster, or a double for
            /// tests.
            #[must_use]
            #vis fn new(carrier: #carrier) -> Self {
                Self { calls: #root::__private::Calls::new(carrier) }
            }

            /// Encodes the messages of this handle's calls with another codec than postcard.
            #[must_use]
            #vis fn with_codec(self, codec: #root::CodecId) -> Self {
                Self { calls: self.calls.with_codec(codec) }
            }

            /// Sets the deadline and the metadata of the calls that are made through this handle.
            #[must_use]
            #vis fn with_options(self, options: #root::CallOptions) -> Self {
                Self { calls: self.calls.with_options(options) }
            }

            /// What carries the calls.
            #[must_use]
            #vis fn carrier(&self) -> &#carrier {
                self.calls.carrier()
            }

            #(#methods)*
        }
    }
}

fn client_method(service: &Service, names: &Names, method: &Method) -> TokenStream {
    let (root, vis, carrier, items) = (&service.root, &service.vis, &names.carrier, &names.items);
    let (ident, attributes, error) = (&method.ident, &method.attributes, &method.error);
    let about = format!(" Calls `{}`.", method.wire_name);
    let about = (!has_docs(attributes)).then(|| quote!(#[doc = #about]));
    let arguments = method.arguments.iter().filter_map(|argument| {
        let ident = &argument.ident;
        match &argument.kind {
            ArgumentKind::Context(_) => None,
            ArgumentKind::Message(ty) => Some(quote!(#ident: #ty)),
            ArgumentKind::Requests(_) => Some(quote!(#ident: #items)),
        }
    });
    let answer = match &method.reply {
        Reply::Message(ty) => quote!(#ty),
        Reply::Stream(stream) => {
            let item = &stream.item;
            quote!(#root::Responses<#item, #error>)
        }
    };
    let requests = method.requests().map(|stream| &stream.item);
    let parameter = requests.map(|_| quote!(<#items>));
    let captured = requests.map(|_| quote!(, #items));
    let bound = requests.map(
        |item| quote!(where #items: #root::Stream<Item = #item> + ::core::marker::Send + 'static),
    );
    let call = call(service, method);
    let place = place_of(method);
    quote_spanned! {place=>
        #(#attributes)*
        #about
        #vis fn #ident #parameter(
            &self,
            #(#arguments,)*
        ) -> impl ::core::future::Future<
            Output = ::core::result::Result<#answer, #root::CallError<#error>>
        > + ::core::marker::Send + use<#carrier #captured>
        #bound
        {
            #call
        }
    }
}

/// The expression that makes the call.
fn call(service: &Service, method: &Method) -> TokenStream {
    let call = constructor(method.kind());
    let constant = names::constant(service, method);
    let messages = method.messages();
    let message = match messages.as_slice() {
        [] if method.requests().is_some() => no_message(service),
        [] => quote!(()),
        [(ident, _)] => quote!(#ident),
        fields => {
            let message = names::args(service, method);
            let fields = fields.iter().map(|(ident, _)| ident);
            quote!(#message { #(#fields),* })
        }
    };
    let requests = method
        .arguments
        .iter()
        .find_map(|argument| match &argument.kind {
            ArgumentKind::Requests(_) => Some(&argument.ident),
            _ => None,
        });
    let requests = requests.map(|ident| quote!(, #ident));
    quote!(self.calls.#call(&#constant, &#message #requests))
}

fn has_docs(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"))
}
