//! Calls that stream: the upload task and the stream of responses.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::wire::{
    ErrorCode, Load, ResponseEvent, ResponseReader, Settings, WireError, encode,
};
use rpcnet_proto::{CallId, CallKind, Deadline};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shared;
use super::connection::{CallGuard, ClientConnection, OpenCall};
use super::metrics::StreamMeter;
use super::request::{Frames, Request, check_message};
use crate::error::{HandlerRan, RpcError};
use crate::metrics::MethodCell;
use crate::span::CallSpan;
use crate::transport::fairness::{Fairness, bytes_of};
use crate::transport::gathered::{Gathered, Next, Tempo};
use crate::transport::interrupted::wire_error;
use crate::transport::stream::END;
use crate::transport::{Interrupted, RecvHalf, SendHalf};

/// Opens a call that sends one message.
pub(crate) async fn open_with_message(
    shared: &Arc<Shared>,
    request: &Request,
    payload: Bytes,
) -> Result<ResponseStream, RpcError> {
    let sending = request.attempt(shared.next_call_id(), shared.link.target());
    let opening = async {
        let (connection, mut call) = open(shared, request, sending.call_id).await?;
        check_message(payload.len(), &connection.settings())?;
        let Frames { head, body } = request.frames(&sending, &connection.settings(), &payload)?;
        let sent = async {
            match body {
                None => call.send.write_last([head]).await,
                Some(body) => call.send.write_last([head, body, END]).await,
            }
        };
        accept_early_answer(&sent.await, shared)?;
        Ok(call)
    };
    let opened = within_opening(shared, request, opening).await;
    let OpenCall { recv, guard, .. } = opened.inspect_err(|error| sending.span.fail(error))?;
    let stream = ResponseStream::new(recv, guard, None, shared, request);
    Ok(stream.attempt(sending.span))
}

/// Opens a call whose messages are sent from a task of their own, later.
pub(crate) async fn open_for_upload(
    shared: &Arc<Shared>,
    request: &Request,
) -> Result<OpenedUpload, RpcError> {
    let sending = request.attempt(shared.next_call_id(), shared.link.target());
    let opening = async {
        let (connection, mut call) = open(shared, request, sending.call_id).await?;
        let head = request.head(&sending, &connection.settings())?;
        accept_early_answer(&call.send.write([head.freeze()]).await, shared)?;
        Ok((connection.settings(), call))
    };
    let opened = within_opening(shared, request, opening).await;
    let (settings, call) = opened.inspect_err(|error| sending.span.fail(error))?;
    let OpenCall { send, recv, guard } = call;
    let stop = CancellationToken::new();
    let upload = Upload {
        send,
        stop: stop.clone(),
        problem: Problem::default(),
    };
    let handle = UploadHandle {
        problem: upload.problem.clone(),
        _stop: stop.drop_guard(),
    };
    Ok(OpenedUpload {
        shared: shared.clone(),
        settings,
        upload,
        responses: ResponseStream::new(recv, guard, Some(handle), shared, request)
            .attempt(sending.span),
    })
}

/// A call that is open, and whose messages are still the caller's.
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub(crate) struct OpenedUpload {
    shared: Arc<Shared>,
    settings: Settings,
    upload: Upload,
    responses: ResponseStream,
}

impl OpenedUpload {
    /// Begins to send the messages, which are counted there, if they are.
    pub(crate) fn upload<S>(self, requests: S, cell: Option<Arc<MethodCell>>) -> ResponseStream
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let upload = self.upload.run(requests, self.settings, cell);
        self.shared.link.tasks.spawn_until_stopped(upload);
        self.responses
    }
}

/// Connecting and opening are bounded by the unary timeout, however long the call lives.
async fn within_opening<T>(
    shared: &Shared,
    request: &Request,
    opening: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, RpcError> {
    let opening = async {
        timeout(shared.link.config.timeout, opening)
            .await
            .unwrap_or(Err(RpcError::Timeout))
    };
    request.within_deadline(pin!(opening)).await
}

/// A server may answer before it has read everything: then its answer counts.
fn accept_early_answer(sent: &Result<(), Interrupted>, shared: &Shared) -> Result<(), RpcError> {
    match sent {
        Err(Interrupted::Lost(error)) => {
            let lost = Interrupted::Lost(*error);
            Err(lost.into_error(HandlerRan::Maybe, &shared.link.server_name))
        }
        _ => Ok(()),
    }
}

async fn open(
    shared: &Shared,
    request: &Request,
    call_id: CallId,
) -> Result<(Arc<ClientConnection>, OpenCall), RpcError> {
    loop {
        let connection = match shared.link.connection().await {
            Ok(connection) => connection,
            Err(RpcError::ConnectionError(_)) if request.options.wait_for_ready => {
                tokio::time::sleep(shared.link.config.reconnect_backoff.0).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match connection.begin(call_id).await {
            Some(Ok(call)) => return Ok((connection, call)),
            Some(Err(_)) => connection.retire(),
            None => {}
        }
    }
}

/// What stopped an upload on this side, for the reader of the responses to report.
type Problem = Arc<Mutex<Option<RpcError>>>;

#[derive(Debug)]
struct UploadHandle {
    problem: Problem,
    /// Stops the upload, which resets its half, when the responses are dropped.
    _stop: DropGuard,
}

#[derive(Debug)]
struct Upload {
    send: SendHalf,
    stop: CancellationToken,
    problem: Problem,
}

impl Upload {
    async fn run<S: Stream<Item = Result<Bytes, RpcError>>>(
        mut self,
        requests: S,
        settings: Settings,
        cell: Option<Arc<MethodCell>>,
    ) {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            // Dropping the other branch drops nothing of ours: the half resets here.
            () = stop.cancelled() => {}
            () = self.send_all(requests, settings, cell) => {}
        }
    }

    async fn send_all<S>(&mut self, requests: S, settings: Settings, cell: Option<Arc<MethodCell>>)
    where
        S: Stream<Item = Result<Bytes, RpcError>>,
    {
        let mut requests = pin!(requests);
        let mut poll_next = |cx: &mut Context<'_>| {
            let item = ready!(requests.as_mut().poll_next(cx));
            Poll::Ready(item.map(|message| {
                let message = message?;
                check_message(message.len(), &settings)?;
                if let Some(cell) = &cell {
                    cell.count_request(message.len());
                }
                Ok(message)
            }))
        };
        let mut tempo = Tempo::default();
        loop {
            let first = poll_fn(|cx| tempo.poll(|| poll_next(cx))).await;
            let mut gathered = Gathered::from_first(first);
            let room = self.send.room_now();
            poll_fn(|cx| {
                gathered.add(cx, &mut tempo, room, &mut poll_next);
                Poll::Ready(())
            })
            .await;
            let Gathered { mut frames, next } = gathered;
            if matches!(next, Next::End) {
                encode::end(&mut frames);
            }
            let mut sent = self.send.write([frames.freeze()]).await;
            match next {
                Next::Unknown => {}
                Next::Long(message) if sent.is_ok() => sent = self.send.write_long(message).await,
                Next::Long(_) => {}
                Next::End => {
                    // Finishing fails only where the stream has ended already.
                    let _ = sent.and_then(|()| self.send.finish());
                    return;
                }
                Next::Failed(error) => {
                    *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return self.send.reset(ErrorCode::Cancelled);
                }
            }
            if sent.is_err() {
                // The server wants no more, or is gone; the responses tell which.
                return;
            }
        }
    }
}

/// The responses of a streaming call, in order; the last item may be an error.
///
/// Ends with `None` only where the server ended the call in good order. Dropping it
/// earlier cancels the call: the upload stops, and the handler is dropped.
#[derive(Debug)]
#[must_use = "dropping the responses cancels the call"]
pub struct ResponseStream {
    recv: RecvHalf,
    reader: ResponseReader,
    /// Gone once the call has ended.
    guard: Option<CallGuard>,
    upload: Option<UploadHandle>,
    deadline: Pin<Box<Sleep>>,
    /// Most bytes that can have arrived before a deadline that passes now.
    stream_window: usize,
    /// How many of those may still be read, once the deadline has passed.
    overdue_bytes: Option<usize>,
    fairness: Fairness,
    /// Whoever gives the client up does not give up its calls under way.
    client: Option<Arc<Shared>>,
    server_name: Arc<str>,
    load: Option<Load>,
    /// That of the attempt, and where it is the only one that of the call.
    spans: [CallSpan; 2],
    meter: Option<StreamMeter>,
    is_open: bool,
    is_done: bool,
}

impl ResponseStream {
    fn new(
        recv: RecvHalf,
        guard: CallGuard,
        upload: Option<UploadHandle>,
        shared: &Arc<Shared>,
        request: &Request,
    ) -> Self {
        let limits = shared.link.config.limits().of_frames();
        let deadline: Deadline = request.deadline;
        Self {
            recv,
            // A streaming handler may answer a client stream with any number of
            // messages; `only` judges how many came.
            reader: ResponseReader::new(limits, CallKind::Bidirectional),
            guard: Some(guard),
            upload,
            deadline: Box::pin(sleep_until(Instant::from_std(deadline.instant()))),
            stream_window: shared.link.config.limits().stream_window,
            overdue_bytes: None,
            fairness: Fairness::default(),
            client: Some(shared.clone()),
            server_name: shared.link.server_name.as_str().into(),
            load: None,
            spans: [CallSpan::none(), CallSpan::none()],
            meter: None,
            is_open: true,
            is_done: false,
        }
    }

    fn attempt(mut self, span: CallSpan) -> Self {
        self.spans[0] = span;
        self
    }

    /// The stream is the whole of this call: it ends, and is counted, with it.
    pub(crate) fn call(mut self, span: CallSpan, meter: StreamMeter) -> Self {
        self.spans[1] = span;
        self.meter = Some(meter);
        self
    }

    /// How busy the server said that it is: there once the responses have ended, where
    /// the call asked.
    pub(crate) fn load(&self) -> Option<Load> {
        self.load
    }

    /// Waits for the next response, in a shared buffer: no copy where it came in one piece.
    ///
    /// # Errors
    ///
    /// As the items of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a response is taken only when it is returned.
    pub async fn next_bytes(&mut self) -> Option<Result<Bytes, RpcError>> {
        poll_fn(|cx| self.poll_bytes(cx)).await
    }

    /// As [`next_bytes`](Self::next_bytes), polled.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RpcError>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        // Lets other tasks run where responses arrive as fast as they are read.
        let proceed = ready!(self.fairness.poll_proceed(cx));
        let item = match self.poll_event(cx) {
            // What has arrived comes before the deadline that passed meanwhile.
            Poll::Pending => {
                ready!(self.deadline.as_mut().poll(cx));
                Some(Err(RpcError::Timeout))
            }
            Poll::Ready(item) => item,
        };
        self.fairness.made_progress(proceed, bytes_of(&item));
        if let Some(meter) = &mut self.meter {
            count_item(meter, &item);
        }
        match &item {
            Some(Ok(_)) => {}
            None => self.end(None),
            Some(Err(error)) => self.end(Some(error)),
        }
        Poll::Ready(item)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RpcError>>> {
        let ran = HandlerRan::Maybe;
        loop {
            if let Some(message) = self.reader.next_whole_message() {
                return Poll::Ready(Some(Ok(message)));
            }
            match self.reader.next_event() {
                Ok(Some(ResponseEvent::Message(message))) => return Poll::Ready(Some(Ok(message))),
                Ok(Some(ResponseEvent::Load(load))) => {
                    self.load = Some(load);
                    continue;
                }
                // W-7: judged by what came along; a caller does not wait for more.
                Ok(Some(ResponseEvent::End | ResponseEvent::Failed(..)))
                    if self.reader.buffered() > 0 =>
                {
                    return Poll::Ready(Some(Err(wire_error(WireError::TrailingBytes, ran))));
                }
                Ok(Some(ResponseEvent::End)) => {
                    self.answered();
                    return Poll::Ready(None);
                }
                Ok(Some(ResponseEvent::Failed(status, origin))) => {
                    self.answered();
                    let error = self
                        .problem()
                        .unwrap_or_else(|| RpcError::from_peer(status, origin));
                    return Poll::Ready(Some(Err(error)));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(wire_error(error, ran)))),
            }
            if !self.is_open {
                let cut = self.reader.finish().err().unwrap_or(WireError::Truncated);
                return Poll::Ready(Some(Err(wire_error(cut, ran))));
            }
            match ready!(self.poll_receive(cx)) {
                Ok(is_open) => self.is_open = is_open,
                Err(interrupted) => {
                    let error = self
                        .problem()
                        .unwrap_or_else(|| interrupted.into_error(ran, &self.server_name));
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Receives more, but after the deadline no more than can have arrived before it: a
    /// server that never pauses would otherwise be listened to for ever.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Interrupted>> {
        if self.overdue_bytes.is_none() && self.deadline.deadline() <= Instant::now() {
            self.overdue_bytes = Some(self.stream_window);
        }
        if self.overdue_bytes == Some(0) {
            return Poll::Pending;
        }
        let (reader, mut received) = (&mut self.reader, 0);
        let is_open = ready!(self.recv.poll_receive(cx, |chunk| {
            received += chunk.len();
            reader.push(chunk);
        }));
        if let Some(left) = &mut self.overdue_bytes {
            *left = left.saturating_sub(received);
        }
        Poll::Ready(is_open)
    }

    /// What went wrong with the upload on this side explains what the server made of it.
    fn problem(&self) -> Option<RpcError> {
        let problem = &self.upload.as_ref()?.problem;
        problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The server has had the last word.
    fn answered(&mut self) {
        self.recv.complete();
        if let Some(guard) = &mut self.guard {
            guard.complete();
        }
    }

    /// Lets go of the call at once, not when the caller drops the stream.
    fn end(&mut self, error: Option<&RpcError>) {
        let nobody = [CallSpan::none(), CallSpan::none()];
        for span in std::mem::replace(&mut self.spans, nobody) {
            match error {
                None => span.end::<()>(&Ok(())),
                Some(error) => span.fail(error),
            }
        }
        let is_cut = self.guard.take().is_some_and(|guard| !guard.is_complete());
        if is_cut {
            self.recv.stop(ErrorCode::Cancelled);
        }
        self.is_done = true;
        self.upload = None;
        self.client = None;
    }
}

/// Counts a response, or the end that there is in place of one.
pub(crate) fn count_item(meter: &mut StreamMeter, item: &Option<Result<Bytes, RpcError>>) {
    match item {
        Some(Ok(response)) => meter.count_response(response.len()),
        Some(Err(error)) => meter.end(Some(error.code())),
        None => meter.end(None),
    }
}

impl Stream for ResponseStream {
    type Item = Result<Vec<u8>, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.get_mut().poll_bytes(cx));
        Poll::Ready(item.map(|item| item.map(Vec::from)))
    }
}
