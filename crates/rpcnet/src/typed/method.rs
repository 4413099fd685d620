//! [`Method`]: what both sides know about one method of a service.

use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::Duration;

use rpcnet_proto::{CallKind, CodecId};

use super::encoding::{Encoding, Serde};
use crate::schema;
use crate::server::Contract;
use crate::server::about::{Described, Outlines};

/// Neither holds nor drops the types, so that methods can be statics.
type Signature<A, I, R, E, X> = fn(A, I, X) -> (R, E);

/// A method: its name on the wire, its shape and its types.
///
/// `A` is the message of the arguments, `I` an item of the request stream, `R` the reply
/// or an item of the responses, `E` the error, `X` the family of codecs.
pub struct Method<A, I, R, E, X = Serde> {
    pub(super) name: &'static str,
    pub(super) kind: CallKind,
    pub(super) is_idempotent: bool,
    pub(super) timeout: Option<Duration>,
    /// Learnt from the types when first asked for.
    schema: OnceLock<Option<u64>>,
    types: PhantomData<Signature<A, I, R, E, X>>,
}

impl<A, I, R, E, X> Method<A, I, R, E, X> {
    const fn new(name: &'static str, kind: CallKind) -> Self {
        Self {
            name,
            kind,
            is_idempotent: false,
            timeout: None,
            schema: OnceLock::new(),
            types: PhantomData,
        }
    }

    /// A method with one request and one response.
    #[must_use]
    pub const fn unary(name: &'static str) -> Self {
        Self::new(name, CallKind::Unary)
    }

    /// A method with one request and any number of responses.
    #[must_use]
    pub const fn server_streaming(name: &'static str) -> Self {
        Self::new(name, CallKind::ServerStreaming)
    }

    /// A method with any number of requests and one response.
    #[must_use]
    pub const fn client_streaming(name: &'static str) -> Self {
        Self::new(name, CallKind::ClientStreaming)
    }

    /// A method with any number of messages both ways.
    #[must_use]
    pub const fn bidirectional(name: &'static str) -> Self {
        Self::new(name, CallKind::Bidirectional)
    }

    /// Executing it twice is the same as executing it once.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// How long a call may take where the caller does not say.
    #[must_use]
    pub const fn with_timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout = Some(Duration::from_millis(timeout));
        self
    }
}

impl<A, I, R, E, X: Encodes<A, I, R, E>> Method<A, I, R, E, X> {
    /// The fingerprint of the method's types; none where they evolve by themselves.
    pub(super) fn schema(&self) -> Option<u64> {
        *self.schema.get_or_init(|| {
            let parts = [
                ("arguments", <X as Encoding<A>>::schema()),
                ("items", <X as Encoding<I>>::schema()),
                ("reply", <X as Encoding<R>>::schema()),
                ("error", <X as Encoding<E>>::schema()),
            ];
            let parts: Vec<_> = parts
                .iter()
                .filter_map(|(label, schema)| Some((*label, schema.as_ref()?)))
                .collect();
            (!parts.is_empty()).then(|| schema::fingerprint(&parts))
        })
    }

    pub(super) fn contract(&self) -> Contract {
        Contract {
            kind: self.kind,
            accepts: X::accepts,
            schema: self.schema(),
        }
    }
}

impl<A, I, R, E, X: Encodes<A, I, R, E>> Described for Method<A, I, R, E, X> {
    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn accepts(&self, codec: CodecId) -> bool {
        X::accepts(codec)
    }

    fn outlines(&self) -> Outlines {
        let items = self
            .kind
            .streams_requests()
            .then(<X as Encoding<I>>::outline);
        Outlines {
            arguments: <X as Encoding<A>>::outline(),
            items: items.flatten(),
            reply: <X as Encoding<R>>::outline(),
            error: <X as Encoding<E>>::outline(),
        }
    }
}

impl<A, I, R, E, X> fmt::Debug for Method<A, I, R, E, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A family that has all types of a method.
pub trait Encodes<A, I, R, E>: Encoding<A> + Encoding<I> + Encoding<R> + Encoding<E> {}

impl<X, A, I, R, E> Encodes<A, I, R, E> for X where
    X: Encoding<A> + Encoding<I> + Encoding<R> + Encoding<E>
{
}
