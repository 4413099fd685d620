//! Calls with any number of requests.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use super::choose::Course;
use super::stream::WorkerStream;
use super::{Inner, Target};
use crate::client::{OpenedUpload, Request, failed};
use crate::cluster::workers::SelectedWorker;
use crate::error::RpcError;

/// Opens a call at a worker, and begins to send. Until the call is open another worker may be
/// asked; from then on requests are taken, and cannot be taken again.
pub(super) async fn open<S>(
    inner: Arc<Inner>,
    request: Request,
    requests: S,
    target: Target,
) -> Result<WorkerStream, RpcError>
where
    S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
{
    inner.begin();
    let span = request.span();
    let mut meter = inner.figures.begin_stream(&request);
    let sought = sought(&inner, &request, &target).await;
    let sought = sought.inspect_err(|error| span.fail(error));
    let (opened, selected) = sought.map_err(|error| failed(&mut meter, error))?;
    let responses = opened.upload(requests, meter.metered().clone());
    Ok(WorkerStream::once(inner, responses, selected, span, meter))
}

/// A worker at which the call is open, within the call's deadline.
async fn sought(
    inner: &Inner,
    request: &Request,
    target: &Target,
) -> Result<(OpenedUpload, SelectedWorker), RpcError> {
    let seeking = pin!(async {
        let mut course = Course::new();
        let mut failed = None;
        loop {
            let next = inner.next(request, target, &mut course, failed.take());
            let selected = next.await?;
            let opened = match inner.client(&selected).await {
                Ok(client) => client.open_for_upload(request).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(opened) => return Ok((opened, selected)),
                Err(error) => failed = Some(inner.judged(&selected, error)),
            }
        }
    });
    request.within_deadline(seeking).await
}
