//! The one response of a call that has exactly one.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;

use super::unary::wrong_shape;
use crate::error::RpcError;

/// Waits for the one response, which counts only once the call has ended after it.
pub(crate) async fn only<S, T>(mut responses: Pin<&mut S>) -> Result<T, RpcError>
where
    S: Stream<Item = Result<T, RpcError>>,
{
    let mut next = async || poll_fn(|cx| responses.as_mut().poll_next(cx)).await;
    let reply = next().await.ok_or_else(wrong_shape)??;
    match next().await {
        None => Ok(reply),
        Some(Ok(_)) => Err(wrong_shape()),
        Some(Err(error)) => Err(error),
    }
}
