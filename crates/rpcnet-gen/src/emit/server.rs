//! The handler trait, and the server that calls it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::names::{self, Names};
use super::notes;
use super::shared::{allow_deprecated, constructor, place_of};
use crate::model::{ArgumentKind, Kind, Method, Reply, Service, Stream};

/// Emits the server's side.
pub(super) fn items(service: &Service, names: &Names) -> Vec<TokenStream> {
    vec![
        handler(service, names),
        server(service, names),
        server_impl(service, names),
    ]
}

fn handler(service: &Service, names: &Names) -> TokenStream {
    let crate::model::Attributes {
        cfgs,
        lints,
        docs,
        handler,
    } = &service.attributes;
    let (vis, ident) = (&service.vis, &names.handler);
    let about = format!(
        " What a server of `{}` implements: one method for each of its calls. One handler serves \
         many calls at once.",
        service.ident
    );
    let separator = has_docs(docs).then(|| quote!(#[doc = ""]));
    let methods = service.methods.iter().map(handler_method);
    let allow_deprecated = deprecated_anywhere(service);
    quote! {
        #(#cfgs)*
        #(#lints)*
        #(#handler)*
        #(#docs)*
        #separator
        #[doc = #about]
        #[allow(dead_code, unreachable_pub, clippy::too_many_arguments, clippy::type_complexity)]
        #[allow(clippy::wrong_self_convention)]
        #allow_deprecated
        #vis trait #ident: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

fn handler_method(method: &Method) -> TokenStream {
    let (ident, attributes, error) = (&method.ident, &method.attributes, &method.error);
    let about = format!(" Answers `{}`.", method.wire_name);
    let about = (!has_docs(attributes)).then(|| quote!(#[doc = #about]));
    let arguments = method.arguments.iter().map(|argument| {
        let ident = &argument.ident;
        let ty = match &argument.kind {
            ArgumentKind::Context(ty) | ArgumentKind::Message(ty) => quote!(#ty),
            ArgumentKind::Requests(stream) => requests_type(stream),
        };
        quote!(#ident: #ty)
    });
    let reply = match &method.reply {
        Reply::Message(ty) => quote!(#ty),
        Reply::Stream(stream) => reply_type(stream),
    };
    let place = place_of(method);
    quote_spanned! {place=>
        #(#attributes)*
        #about
        fn #ident(
            &self,
            #(#arguments,)*
        ) -> impl ::core::future::Future<Output = ::core::result::Result<#reply, #error>>
            + ::core::marker::Send;
    }
}

/// The requests as the handler sees them.
fn requests_type(stream: &Stream) -> TokenStream {
    let written = &stream.written;
    if stream.boxed {
        return written.clone();
    }
    quote!(impl #written + ::core::marker::Send + ::core::marker::Unpin + 'static)
}

/// The responses as the handler returns them.
fn reply_type(stream: &Stream) -> TokenStream {
    let written = &stream.written;
    if stream.boxed {
        return written.clone();
    }
    quote!(impl #written + ::core::marker::Send)
}

fn server(service: &Service, names: &Names) -> TokenStream {
    let (cfgs, lints) = (&service.attributes.cfgs, &service.attributes.lints);
    let (root, vis, ident) = (&service.root, &service.vis, &names.server);
    let about = format!(
        " Serves the calls of `{}` with a [`{}`].",
        service.ident, names.handler
    );
    quote! {
        #(#cfgs)*
        #(#lints)*
        #[doc = #about]
        #[derive(::core::fmt::Debug)]
        #[allow(dead_code, unreachable_pub)]
        #vis struct #ident {
            server: #root::ServiceServer,
        }
    }
}

fn server_impl(service: &Service, names: &Names) -> TokenStream {
    let (cfgs, lints) = (&service.attributes.cfgs, &service.attributes.lints);
    let (root, vis, ident) = (&service.root, &service.vis, &names.server);
    let constructors = constructors(service, names);
    quote! {
        #(#cfgs)*
        #(#lints)*
        #[allow(dead_code, unreachable_pub, clippy::unit_arg)]
        impl #ident {
            #constructors

            /// Binds the port, and returns its address. Serving does it, too; do it before to
            /// learn the address.
            ///
            /// # Errors
            ///
            /// The configuration is not valid, or the port is not to be had.
            #vis fn bind(
                &mut self,
            ) -> ::core::result::Result<::std::net::SocketAddr, #root::RpcError> {
                self.server.bind()
            }

            /// Serves until the server is shut down.
            ///
            /// # Errors
            ///
            /// The port could not be bound, or is lost.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future stops the server, and the calls in it.
            #vis async fn serve(self) -> ::core::result::Result<(), #root::RpcError> {
                self.server.serve().await
            }

            /// Serves until `signal` is ready, then accepts no more calls and leaves those that
            /// are running up to `grace` to end.
            ///
            /// # Errors
            ///
            /// The port could not be bound, or is lost.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future stops the server, and the calls in it.
            #vis async fn serve_with_shutdown(
                self,
                signal: impl ::core::future::Future<Output = ()>,
                grace: ::core::time::Duration,
            ) -> ::core::result::Result<#root::ShutdownReport, #root::RpcError> {
                self.server.serve_with_shutdown(signal, grace).await
            }

            /// The server beneath: counters, more methods, shutdown.
            #[must_use]
            #vis fn rpc_server(&self) -> &#root::RpcServer {
                self.server.rpc_server()
            }
        }
    }
}

fn constructors(service: &Service, names: &Names) -> TokenStream {
    let (root, vis, handler, name) = (&service.root, &service.vis, &names.handler, &service.name);
    let methods = service
        .methods
        .iter()
        .map(|method| registration(service, method));
    let doc = notes::of_service(service);
    let allow_deprecated = deprecated_anywhere(service);
    quote! {
        /// Serves `handler` as `config` says, and nothing beside it.
        #[must_use]
        #allow_deprecated
        #vis fn new<H: #handler>(handler: H, config: #root::RpcConfig) -> Self {
            Self { server: #root::ServiceServer::new(config, Self::service(handler)) }
        }

        /// The methods alone, to be served beside other services.
        #[must_use]
        #allow_deprecated
        #vis fn service<H: #handler>(handler: H) -> #root::Service {
            #root::__private::Methods::new(#name, handler) #doc #(#methods)* .service()
        }
    }
}

/// Registers a method. Its handler is called by path: a handler's method may have the name of
/// one that every type has.
fn registration(service: &Service, method: &Method) -> TokenStream {
    let (ident, constant) = (&method.ident, names::constant(service, method));
    let kind = method.kind();
    let register = constructor(kind);
    let messages = method.messages();
    let args = match messages.as_slice() {
        [] if method.requests().is_some() => quote!(_no_args),
        [] => quote!(()),
        _ => quote!(args),
    };
    let context = if method.takes_context() {
        quote!(context)
    } else {
        quote!(_context)
    };
    let requests = method.requests().map(|_| quote!(, requests));
    let responses =
        matches!(kind, Kind::ServerStreaming | Kind::Bidirectional).then(|| quote!(, out));
    let arguments = method
        .arguments
        .iter()
        .map(|argument| match &argument.kind {
            ArgumentKind::Context(_) => quote!(context),
            ArgumentKind::Message(_) if messages.len() == 1 => quote!(args),
            ArgumentKind::Message(_) => {
                let field = &argument.ident;
                quote!(args.#field)
            }
            ArgumentKind::Requests(stream) => passed_requests(stream),
        });
    let call = quote!(H::#ident(&handler #(, #arguments)*).await);
    let call = match &method.reply {
        Reply::Message(_) => call,
        Reply::Stream(stream) if stream.results => quote!(out.send_results(#call).await),
        Reply::Stream(_) => quote!(out.send_items(#call).await),
    };
    let noted = notes::of_method(service, method);
    let place = place_of(method);
    quote_spanned! {place=>
        .#register(&#constant, |handler, #context, #args #requests #responses| async move {
            #call
        })
        #noted
    }
}

fn passed_requests(stream: &Stream) -> TokenStream {
    let requests = if stream.results {
        quote!(requests.results())
    } else {
        quote!(requests)
    };
    if stream.boxed {
        quote!(::std::boxed::Box::pin(#requests))
    } else {
        requests
    }
}

fn has_docs(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"))
}

fn deprecated_anywhere(service: &Service) -> Option<TokenStream> {
    let methods = service.methods.iter().flat_map(|method| &method.attributes);
    allow_deprecated(service.attributes.docs.iter().chain(methods))
}
