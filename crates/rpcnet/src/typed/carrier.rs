//! [`Carrier`]: whatever can carry the calls of a generated client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::CallKind;

use super::then::then;
use crate::call_options::CallOptions;
use crate::client::{ResponseStream, RpcClient};
use crate::error::RpcError;

/// Carries calls from a generated client to whatever answers them.
///
/// [`RpcClient`] carries them over its connection, [`InProcess`](crate::InProcess) to
/// handlers in the same process. Implement it for a test double, a recorder, or a way
/// of choosing among connections; the generated client stays the same.
///
/// The futures borrow nothing from the carrier, so that callers can spawn them. An
/// implementation says `use<Self>` too and clones what it needs. The payloads are
/// written in [`CallOptions::codec`]; [`codec`](crate::codec) reads and writes them.
///
/// # Cancel safety
///
/// Dropping a future, or the stream of responses, must cancel the call.
///
/// # Examples
///
/// A double that answers every unary call with its argument:
///
/// ```
/// use std::future::Future;
/// use bytes::Bytes;
/// use rpcnet::{CallKind, CallOptions, Carrier, RpcError, Stream};
///
/// #[derive(Debug, Clone)]
/// struct Mirror;
///
/// impl Carrier for Mirror {
///     type Responses = futures::stream::Empty<Result<Bytes, RpcError>>;
///
///     fn call(
///         &self,
///         _method: &str,
///         payload: Bytes,
///         _options: CallOptions,
///     ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
///         async move { Ok(payload) }
///     }
///
///     fn call_server_streaming(
///         &self,
///         _method: &str,
///         _payload: Bytes,
///         _options: CallOptions,
///     ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<> {
///         async { Ok(futures::stream::empty()) }
///     }
///
///     fn call_streaming<S>(
///         &self,
///         _method: &str,
///         _kind: CallKind,
///         _requests: S,
///         _options: CallOptions,
///     ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<S>
///     where
///         S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
///     {
///         async { Ok(futures::stream::empty()) }
///     }
/// }
/// ```
pub trait Carrier: Send + Sync + 'static {
    /// The responses of a streaming call: in order, an error last where there is one.
    type Responses: Stream<Item = Result<Bytes, RpcError>> + Send + Unpin + 'static;

    /// Carries a unary call.
    ///
    /// # Errors
    ///
    /// Those of [`RpcClient::call`], where they mean the same.
    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<Self>;

    /// Carries a call with one request and any number of responses.
    ///
    /// # Errors
    ///
    /// Those of [`RpcClient::call_server_streaming`], where they mean the same.
    fn call_server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<Self>;

    /// Carries a call with any number of requests: client streaming or bidirectional.
    ///
    /// An `Err` among the requests is a problem on this side: the call ends with it.
    ///
    /// # Errors
    ///
    /// Those of [`RpcClient::call_streaming`], where they mean the same.
    fn call_streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<Self, S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static;
}

impl Carrier for RpcClient {
    type Responses = ResponseBytes;

    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        self.call_bytes(method, payload, options)
    }

    fn call_server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseBytes, RpcError>> + Send + use<> {
        let opened = self.open_with_message(method, payload, options);
        then(Ok(opened), |opened| opened.flatten().map(ResponseBytes))
    }

    fn call_streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseBytes, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let opened = self.open_with_upload(method, kind, requests, options);
        then(Ok(opened), |opened| opened.flatten().map(ResponseBytes))
    }
}

/// The responses of a streaming call in shared buffers.
#[derive(Debug)]
#[must_use = "dropping the responses cancels the call"]
pub struct ResponseBytes(ResponseStream);

impl Stream for ResponseBytes {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_bytes(cx)
    }
}
