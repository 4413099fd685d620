//! [`Calls`]: the part of a generated client that all clients share.

use std::future::Future;
use std::pin::pin;

use futures_core::Stream;
use rpcnet_proto::CodecId;

use super::carrier::Carrier;
use super::encoding::Encoding;
use super::error::CallError;
use super::method::{Encodes, Method};
use super::responses::{Responses, failure};
use super::then::then;
use super::upload::Upload;
use crate::call_options::CallOptions;
use crate::client::only;
use crate::codec;

/// A carrier, and what the calls over it have in common.
#[derive(Debug, Clone)]
pub struct Calls<C> {
    carrier: C,
    options: CallOptions,
}

impl<C> Calls<C> {
    /// Calls over this carrier, with the method's own options.
    #[must_use]
    pub fn new(carrier: C) -> Self {
        let options = CallOptions::new();
        Self { carrier, options }
    }

    /// Writes arguments, and has replies written, in this codec.
    #[must_use]
    pub fn with_codec(mut self, codec: CodecId) -> Self {
        self.options = self.options.with_codec(codec);
        self
    }

    /// Makes the calls with these options; a codec that was set before stays, where they
    /// name none.
    #[must_use]
    pub fn with_options(mut self, options: CallOptions) -> Self {
        let codec = options.codec.or(self.options.codec);
        self.options = CallOptions { codec, ..options };
        self
    }

    /// What carries the calls.
    #[must_use]
    pub fn carrier(&self) -> &C {
        &self.carrier
    }

    fn options_for<A, I, R, E, X>(&self, method: &Method<A, I, R, E, X>) -> CallOptions
    where
        X: Encodes<A, I, R, E>,
    {
        let mut options = self.options.clone();
        let codec = options.codec.unwrap_or(X::DEFAULT_CODEC);
        options.codec = Some(codec);
        options.idempotent |= method.is_idempotent;
        options.timeout = options.timeout.or(method.timeout);
        // W-59: with the others there is nothing to compare.
        if !codec::is_self_describing(codec) {
            options.schema = method.schema();
        }
        options
    }
}

impl<C: Carrier> Calls<C> {
    /// Calls a unary method.
    ///
    /// # Errors
    ///
    /// [`CallError::Service`] with the method's own error, [`CallError::Rpc`] with
    /// whatever kept it from answering.
    pub fn unary<A, R, E, X>(
        &self,
        method: &'static Method<A, (), R, E, X>,
        args: &A,
    ) -> impl Future<Output = Result<R, CallError<E>>> + Send + use<C, A, R, E, X>
    where
        X: Encodes<A, (), R, E>,
    {
        let options = self.options_for(method);
        let codec = options.codec();
        let call = <X as Encoding<A>>::encode(codec, args)
            .map(|payload| self.carrier.call(method.name, payload, options));
        then(call, move |reply| match reply.flatten() {
            Ok(reply) => Ok(<X as Encoding<R>>::decode(codec, &reply)?),
            Err(error) => Err(failure::<E, X>(codec, error)),
        })
    }

    /// Calls a method that streams its responses.
    ///
    /// # Errors
    ///
    /// [`CallError::Rpc`] where the call could not be sent; the method's own error is an
    /// item of the responses.
    pub fn server_streaming<A, R, E, X>(
        &self,
        method: &'static Method<A, (), R, E, X>,
        args: &A,
    ) -> impl Future<Output = Result<Responses<R, E>, CallError<E>>> + Send + use<C, A, R, E, X>
    where
        X: Encodes<A, (), R, E>,
    {
        let options = self.options_for(method);
        let codec = options.codec();
        let call = <X as Encoding<A>>::encode(codec, args).map(|payload| {
            self.carrier
                .call_server_streaming(method.name, payload, options)
        });
        then(call, move |opened| match opened.flatten() {
            Ok(responses) => Ok(Responses::new::<X>(responses, codec)),
            Err(error) => Err(failure::<E, X>(codec, error)),
        })
    }

    /// Calls a method that takes a stream of requests.
    ///
    /// # Errors
    ///
    /// [`CallError::Service`] with the method's own error, [`CallError::Rpc`] with
    /// whatever kept it from answering.
    pub fn client_streaming<A, I, R, E, X, S>(
        &self,
        method: &'static Method<A, I, R, E, X>,
        args: &A,
        items: S,
    ) -> impl Future<Output = Result<R, CallError<E>>> + Send + use<C, A, I, R, E, X, S>
    where
        X: Encodes<A, I, R, E>,
        S: Stream<Item = I> + Send + 'static,
        I: 'static,
    {
        let options = self.options_for(method);
        let codec = options.codec();
        let upload = Upload::<S, I, X>::new(args, items, codec);
        let call = self
            .carrier
            .call_streaming(method.name, method.kind, upload, options);
        async move {
            let reply = match call.await {
                Ok(responses) => only(pin!(responses)).await,
                Err(error) => Err(error),
            };
            match reply {
                Ok(reply) => Ok(<X as Encoding<R>>::decode(codec, &reply)?),
                Err(error) => Err(failure::<E, X>(codec, error)),
            }
        }
    }

    /// Calls a method that streams both ways.
    ///
    /// # Errors
    ///
    /// [`CallError::Rpc`] where the call could not be sent; the method's own error is an
    /// item of the responses.
    pub fn bidirectional<A, I, R, E, X, S>(
        &self,
        method: &'static Method<A, I, R, E, X>,
        args: &A,
        items: S,
    ) -> impl Future<Output = Result<Responses<R, E>, CallError<E>>> + Send + use<C, A, I, R, E, X, S>
    where
        X: Encodes<A, I, R, E>,
        S: Stream<Item = I> + Send + 'static,
        I: 'static,
    {
        let options = self.options_for(method);
        let codec = options.codec();
        let upload = Upload::<S, I, X>::new(args, items, codec);
        let call = self
            .carrier
            .call_streaming(method.name, method.kind, upload, options);
        then(Ok(call), move |opened| match opened.flatten() {
            Ok(responses) => Ok(Responses::new::<X>(responses, codec)),
            Err(error) => Err(failure::<E, X>(codec, error)),
        })
    }
}
