//! A service as it was understood: what the emitters read, free of mistakes.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Path, Type, Visibility};

/// A service and its methods.
pub(crate) struct Service {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) attributes: Attributes,
    /// The first part of the wire names; empty for none.
    pub(crate) name: String,
    pub(crate) codec: Codec,
    /// Where the generated code finds the runtime.
    pub(crate) root: Path,
    pub(crate) methods: Vec<Method>,
}

/// The attributes of a service, by where they go.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Onto every generated item, and onto whatever names those items.
    pub(crate) cfgs: Vec<Attribute>,
    /// Levels of lints: onto every generated item.
    pub(crate) lints: Vec<Attribute>,
    /// Docs and deprecation: onto the handler and the client, which are the service to their users.
    pub(crate) docs: Vec<Attribute>,
    /// The others: onto the handler, as the trait that they were written for.
    pub(crate) handler: Vec<Attribute>,
}

/// Which messages a service exchanges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Types of serde, in any codec that the peers agree on.
    Serde,
    /// Messages of prost.
    Protobuf,
}

/// A method of a service.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    /// Docs, lints and deprecation: onto the methods of the handler and of the client.
    pub(crate) attributes: Vec<Attribute>,
    /// The whole name, with the service's.
    pub(crate) wire_name: String,
    pub(crate) idempotent: bool,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) reply: Reply,
    pub(crate) error: Type,
}

/// One argument, in the order of the definition.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) kind: ArgumentKind,
}

/// What an argument is to a call.
pub(crate) enum ArgumentKind {
    /// The call's context, which only the handler sees; its type as it was written.
    Context(Type),
    /// Part of the message that opens the call.
    Message(Type),
    /// The stream of requests.
    Requests(Stream),
}

/// What a call answers.
pub(crate) enum Reply {
    /// One message.
    Message(Type),
    /// A stream of messages.
    Stream(Stream),
}

/// A stream of messages in a signature.
pub(crate) struct Stream {
    pub(crate) item: Type,
    /// Whether the signature has `Result`s of the items.
    pub(crate) results: bool,
    /// `Pin<Box<dyn Stream>>` rather than `impl Stream`.
    pub(crate) boxed: bool,
    /// The words of the definition, so that what it imports is used: the whole type where
    /// it is boxed, the bound `Stream<Item = ..>` otherwise.
    pub(crate) written: TokenStream,
}

/// The four kinds of calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidirectional,
}

impl Method {
    pub(crate) fn kind(&self) -> Kind {
        match (self.requests().is_some(), &self.reply) {
            (false, Reply::Message(_)) => Kind::Unary,
            (false, Reply::Stream(_)) => Kind::ServerStreaming,
            (true, Reply::Message(_)) => Kind::ClientStreaming,
            (true, Reply::Stream(_)) => Kind::Bidirectional,
        }
    }

    /// The arguments that make up the opening message.
    pub(crate) fn messages(&self) -> Vec<(&Ident, &Type)> {
        self.arguments
            .iter()
            .filter_map(|argument| match &argument.kind {
                ArgumentKind::Message(ty) => Some((&argument.ident, ty)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn requests(&self) -> Option<&Stream> {
        self.arguments
            .iter()
            .find_map(|argument| match &argument.kind {
                ArgumentKind::Requests(stream) => Some(stream),
                _ => None,
            })
    }

    /// The name of the argument that is the stream of requests.
    pub(crate) fn requests_ident(&self) -> Option<&Ident> {
        let is_stream = |argument: &&Argument| matches!(argument.kind, ArgumentKind::Requests(_));
        self.arguments
            .iter()
            .find(is_stream)
            .map(|argument| &argument.ident)
    }

    pub(crate) fn takes_context(&self) -> bool {
        self.arguments
            .iter()
            .any(|argument| matches!(argument.kind, ArgumentKind::Context(_)))
    }

    /// The reply, or an item of it.
    pub(crate) fn answer(&self) -> &Type {
        match &self.reply {
            Reply::Message(ty) => ty,
            Reply::Stream(stream) => &stream.item,
        }
    }

    /// Every type of the signature, as tokens: what a generated name must not shadow.
    pub(crate) fn types(&self) -> TokenStream {
        let arguments = self.arguments.iter().map(|argument| match &argument.kind {
            ArgumentKind::Context(ty) | ArgumentKind::Message(ty) => ty,
            ArgumentKind::Requests(stream) => &stream.item,
        });
        let (answer, error) = (self.answer(), &self.error);
        quote!(#(#arguments)* #answer #error)
    }
}

impl Kind {
    /// The name of the constructor of the method, of its registration and of its call.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server_streaming",
            Self::ClientStreaming => "client_streaming",
            Self::Bidirectional => "bidirectional",
        }
    }
}
