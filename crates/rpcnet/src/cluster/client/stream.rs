//! [`WorkerStream`]: the responses of a streaming call at a worker.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::choose::Course;
use super::decide::{self, Next};
use super::{Inner, Target};
use crate::client::{Request, ResponseStream, StreamMeter, count_item, failed};
use crate::cluster::workers::{SelectedWorker, Worker};
use crate::error::RpcError;
use crate::span::CallSpan;

/// The responses of a streaming call, in order; the last item may be an error.
///
/// Ends with `None` only where the worker ended the call in good order. It holds the call's
/// place at its worker. Dropping it earlier cancels the call.
#[must_use = "dropping the responses cancels the call"]
pub struct WorkerStream {
    now: Now,
    /// That of the call, whatever workers it goes to.
    span: CallSpan,
    meter: StreamMeter,
}

enum Now {
    Open(Box<Open>),
    /// The call goes to another worker; nothing was received from the last one.
    Moving(Moving),
    Over,
}

/// A call under way at one worker.
struct Open {
    inner: Arc<Inner>,
    responses: ResponseStream,
    selected: SelectedWorker,
    /// What it takes to make the call elsewhere; gone once that cannot be any more.
    again: Option<Again>,
    has_answered: bool,
}

/// A call with one message, as it can be made once more.
struct Again {
    request: Request,
    payload: Bytes,
    target: Target,
    course: Course,
}

/// Opens a call with one message.
pub(super) async fn open(
    inner: Arc<Inner>,
    request: Request,
    payload: Bytes,
    target: Target,
) -> Result<WorkerStream, RpcError> {
    inner.begin();
    let span = request.span();
    let mut meter = inner.figures.begin_stream(&request);
    meter.count_request(payload.len());
    let again = Again {
        request,
        payload,
        target,
        course: Course::new(),
    };
    let opened = again.open(inner, None).await;
    let opened = opened.inspect_err(|error| span.fail(error));
    let open = opened.map_err(|error| failed(&mut meter, error))?;
    let now = Now::Open(open);
    Ok(WorkerStream { now, span, meter })
}

impl Again {
    /// Opens the call at a worker, after the last one failed it with an error, if one has.
    async fn open(
        mut self,
        inner: Arc<Inner>,
        failed: Option<RpcError>,
    ) -> Result<Box<Open>, RpcError> {
        let (responses, selected) = self.sought(&inner, failed).await?;
        Ok(Box::new(Open {
            inner,
            responses,
            selected,
            again: Some(self),
            has_answered: false,
        }))
    }

    /// A worker at which the call is open, within the call's deadline.
    async fn sought(
        &mut self,
        inner: &Inner,
        mut failed: Option<RpcError>,
    ) -> Result<(ResponseStream, SelectedWorker), RpcError> {
        let Self {
            request,
            payload,
            target,
            course,
        } = self;
        let request = &*request;
        let seeking = pin!(async {
            loop {
                let selected = inner.next(request, target, course, failed.take()).await?;
                let opened = match inner.client(&selected).await {
                    Ok(client) => client.open(request, payload.clone()).await,
                    Err(error) => Err(error),
                };
                match opened {
                    Ok(responses) => return Ok((responses, selected)),
                    Err(error) => failed = Some(inner.judged(&selected, error)),
                }
            }
        });
        request.within_deadline(seeking).await
    }
}

impl WorkerStream {
    /// The responses of a call that is not made again.
    pub(super) fn once(
        inner: Arc<Inner>,
        responses: ResponseStream,
        selected: SelectedWorker,
        span: CallSpan,
        meter: StreamMeter,
    ) -> Self {
        let open = Open {
            inner,
            responses,
            selected,
            again: None,
            has_answered: false,
        };
        let now = Now::Open(Box::new(open));
        Self { now, span, meter }
    }

    /// The worker that answers; `None` while the call goes to another one, and once it has
    /// ended.
    #[must_use]
    pub fn worker(&self) -> Option<&Worker> {
        match &self.now {
            Now::Open(open) => Some(open.selected.worker()),
            Now::Moving(_) | Now::Over => None,
        }
    }

    /// Polls for the next response in a shared buffer: no copy where it came in one piece.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RpcError>>> {
        let item = ready!(self.poll_item(cx));
        count_item(&mut self.meter, &item);
        Poll::Ready(item)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RpcError>>> {
        loop {
            let item = match &mut self.now {
                Now::Over => return Poll::Ready(None),
                Now::Moving(moving) => match ready!(moving.as_mut().poll(cx)) {
                    Ok(open) => {
                        self.now = Now::Open(open);
                        continue;
                    }
                    Err(error) => Some(Err(error)),
                },
                Now::Open(open) => match ready!(open.responses.poll_bytes(cx)) {
                    Some(Ok(response)) => {
                        open.answered();
                        return Poll::Ready(Some(Ok(response)));
                    }
                    None => {
                        open.answered();
                        None
                    }
                    Some(Err(error)) => match open.failed(error) {
                        Ok(moving) => {
                            self.now = Now::Moving(moving);
                            continue;
                        }
                        Err(error) => Some(Err(error)),
                    },
                },
            };
            match &item {
                Some(Err(error)) => self.span.fail(error),
                _ => self.span.end::<()>(&Ok(())),
            }
            self.now = Now::Over;
            return Poll::Ready(item);
        }
    }
}

type Moving = Pin<Box<dyn Future<Output = Result<Box<Open>, RpcError>> + Send>>;

impl Open {
    /// A response came, or the good end: from now on the call is this worker's.
    fn answered(&mut self) {
        self.again = None;
        if !self.has_answered {
            self.has_answered = true;
            self.selected.praise();
        }
        self.take_load();
    }

    /// The call has failed; it is made elsewhere, or that is its end.
    fn failed(&mut self, error: RpcError) -> Result<Moving, RpcError> {
        self.take_load();
        let error = self.inner.judged(&self.selected, error);
        let Some(mut again) = self.again.take() else {
            return Err(error);
        };
        match decide::next(&error, again.request.options.idempotent) {
            Next::Elsewhere { .. } => {
                Ok(Box::pin(again.open(Arc::clone(&self.inner), Some(error))))
            }
            Next::Fail => Err(again.course.conclude(error)),
        }
    }

    fn take_load(&self) {
        if let Some(load) = self.responses.load() {
            self.selected.state().report(load);
        }
    }
}

impl Stream for WorkerStream {
    type Item = Result<Vec<u8>, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.get_mut().poll_bytes(cx));
        Poll::Ready(item.map(|item| item.map(Vec::from)))
    }
}

impl fmt::Debug for WorkerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerStream")
            .field("worker", &self.worker())
            .finish_non_exhaustive()
    }
}

/// The responses of a streaming call in shared buffers.
#[derive(Debug)]
#[must_use = "dropping the responses cancels the call"]
pub struct WorkerBytes(pub(super) WorkerStream);

impl Stream for WorkerBytes {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_bytes(cx)
    }
}
