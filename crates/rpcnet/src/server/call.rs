//! One incoming call: its header, whether it may run, its handler, and its end.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpcnet_proto::wire::{ErrorCode, Header, RequestEvent, RequestReader, StreamKind, WireError};
use rpcnet_proto::{Code, Deadline, Origin, Status};
use tokio::time::{Instant, timeout, timeout_at};

use super::answers::code_of;
use super::calls::{Entry, NotStarted, Place};
use super::connection::Connection;
use super::pace::own_task;
use super::requests::{Cut, Requests, WireRequests};
use super::router::{Failure, Handler, Route};
use super::{reply, streaming, unary};
use crate::clock;
use crate::context::{CallContext, Ending};
use crate::metrics::{Meter, Outcome, Reason};
use crate::span::CallSpan;
use crate::transport::{Interrupted, RecvHalf, SendHalf};

/// How a call ended, for whoever writes its last frames.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The reply was written.
    Answered,
    /// Write this status.
    Status(Status, Origin),
    /// Reset the stream with this code.
    Reset(ErrorCode),
}

impl Verdict {
    /// W-30: only for a call of which no handler was entered, so that it is safe to repeat.
    pub(crate) fn refused(code: Code, message: impl Into<String>) -> Self {
        Self::Status(Status::new(code, message), Origin::Refused)
    }

    /// What the end of the request half means for the call.
    pub(crate) fn of_cut(cut: &Cut) -> Self {
        match cut {
            Cut::Interrupted(_) => Self::Reset(ErrorCode::Cancelled),
            Cut::Stalled => Self::Reset(ErrorCode::Stalled),
            Cut::Wire(error) => Self::of_wire(error),
        }
    }

    /// Limits get a status that names them; the rest broke the protocol.
    pub(super) fn of_wire(error: &WireError) -> Self {
        match error {
            WireError::MessageTooLarge { .. } | WireError::HeaderTooLarge { .. } => {
                Self::refused(Code::ResourceExhausted, error.to_string())
            }
            WireError::Method(_) => Self::refused(Code::InvalidArgument, error.to_string()),
            other => Self::Reset(other.error_code()),
        }
    }

    pub(crate) fn of_ending(ending: Ending) -> Self {
        match ending {
            Ending::Cancelled | Ending::ConnectionLost => Self::Reset(ErrorCode::Cancelled),
            Ending::RequestCut(code) => Self::Reset(code),
            Ending::RequestUnreadable => Self::Status(
                Status::new(
                    Code::InvalidArgument,
                    "an item of the request does not decode as the method's type",
                ),
                Origin::Server,
            ),
            Ending::Shutdown => Self::Status(
                Status::new(
                    Code::Unavailable,
                    "the server shut down before the call ended",
                ),
                Origin::Server,
            ),
        }
    }

    fn of_panic(context: &CallContext) -> Self {
        tracing::error!(
            method = context.method(),
            call_id = context.call_id().get(),
            "handler panicked"
        );
        Self::Status(
            Status::new(Code::Internal, "the handler panicked"),
            Origin::Server,
        )
    }

    pub(crate) fn of_written(written: &Result<(), Interrupted>) -> Self {
        match written {
            Ok(()) => Self::Answered,
            Err(Interrupted::Stalled) => Self::Reset(ErrorCode::Stalled),
            // The client is gone or wants no reply: there is nobody to tell.
            Err(_) => Self::Reset(ErrorCode::Cancelled),
        }
    }

    /// Tells the call's span how it ended.
    pub(super) fn trace(&self, context: &CallContext) {
        context.span().end_served(|| self.code());
    }

    /// How it counts.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Answered => None,
            Self::Status(status, _) => Some(status.code),
            Self::Reset(code) => Some(code_of(*code)),
        }
    }

    /// The code that the caller sees; `None` for a reply.
    pub(super) fn code(&self) -> Option<Code> {
        match self {
            Self::Answered => None,
            Self::Status(status, _) => Some(status.code),
            Self::Reset(_) => Some(Code::Cancelled),
        }
    }

    pub(crate) fn of_failure(failure: Failure) -> Self {
        let (status, origin) = failure.into_peer();
        Self::Status(status, origin)
    }
}

/// A call that may run: its place, its entry in the table, its meter with what serves it.
pub(crate) struct Admitted {
    pub(crate) context: CallContext,
    pub(crate) places: Places,
    pub(crate) entry: Entry,
    pub(crate) meter: CallMeter,
}

/// Counts a call of a server, and holds its route.
pub(crate) type CallMeter = Meter<Arc<Route>>;

impl Admitted {
    pub(super) fn handler(&self) -> &Handler {
        &self.meter.metered().handler
    }

    /// Has the call in the table of its connection: it is not over at once.
    pub(super) fn list(&mut self, connection: &Connection) -> Result<(), Verdict> {
        let listed = self.entry.list();
        listed.map_err(|reason| {
            let verdict = not_started(connection, reason);
            self.meter.end(verdict.outcome());
            verdict
        })
    }
}

/// The places that a running handler takes, on its connection and on the server.
pub(crate) type Places = (Place, Place);

/// Serves one bidirectional stream to its end. Never fails: whatever goes wrong ends
/// this call and nothing else.
///
/// What a small unary call does not need is boxed: the future is moved when it is
/// spawned, and its size is a cost of every call.
///
/// `recv` is there until a streaming handler takes it.
///
/// Returns the kind and the first bytes of a stream that is no call of its own and that
/// somebody else takes; it is left as it was.
pub(crate) async fn serve(
    connection: &Arc<Connection>,
    send: &mut SendHalf,
    recv: &mut Option<RecvHalf>,
) -> Option<(StreamKind, Bytes)> {
    let requests = recv.as_mut()?;
    let limits = connection.limits();
    let mut reader = RequestReader::new(limits.of_frames());
    let header = timeout(limits.header_timeout, read_header(requests, &mut reader)).await;
    let header = header.unwrap_or(Err(NoHeader::Ended(Verdict::Reset(ErrorCode::Stalled))));
    if let Err(NoHeader::Other(Some(kind))) = &header
        && connection.takes(*kind)
    {
        return Some((*kind, reader.take_unread()));
    }
    let wants_load = matches!(&header, Ok(header) if header.load_report);
    let header = header.map_err(|none| none.verdict(connection));
    let verdict = match header.and_then(|header| admit_listed(connection, header)) {
        Err(verdict) => verdict,
        Ok(admitted) if matches!(admitted.handler(), Handler::Streaming(_)) => {
            let requests = (recv.take()?, reader);
            Box::pin(serve_streaming(connection, send, requests, admitted)).await;
            return None;
        }
        Ok(admitted) => serve_unary(connection, send, (requests, &mut reader), admitted).await,
    };
    match verdict {
        // The client may still be sending what nobody will read.
        Verdict::Answered => requests.complete(),
        other => Box::pin(conclude(connection, send, requests, other, wants_load)).await,
    }
    None
}

/// Serves a call whose handler is unary, but for the end of its stream.
async fn serve_unary(
    connection: &Connection,
    send: &mut SendHalf,
    (recv, reader): (&mut RecvHalf, &mut RequestReader),
    admitted: Admitted,
) -> Verdict {
    let Admitted {
        context,
        places,
        entry: _entry,
        mut meter,
    } = admitted;
    let route = meter.metered();
    let Handler::Unary(handler, pace) = &route.handler else {
        return Verdict::Reset(ErrorCode::Internal);
    };
    if !pace.is_quick() {
        own_task().await;
    }
    let call = unary::Call {
        connection,
        pace,
        context: &context,
        meter: &meter,
        places,
    };
    let verdict = call.run(send, recv, reader, &**handler).await;
    connection.end(&context, &mut meter, &verdict);
    verdict
}

/// Serves a call whose handler streams, from there to its end.
async fn serve_streaming(
    connection: &Connection,
    send: &mut SendHalf,
    (recv, reader): (RecvHalf, RequestReader),
    admitted: Admitted,
) {
    let Admitted {
        context,
        places,
        entry,
        mut meter,
    } = admitted;
    let route = meter.metered();
    let Handler::Streaming(handler) = &route.handler else {
        return;
    };
    let stall_timeout = connection.limits().stall_timeout;
    let bounds = (connection.request_budget.clone(), stall_timeout);
    let requests = WireRequests::new(recv, reader, context.clone(), bounds);
    let requests = requests.counted_by(route.cell.clone());
    let requests = Requests::Wire(Box::new(requests));
    let call = streaming::Call {
        connection,
        context: &context,
        meter: &meter,
        places,
    };
    own_task().await;
    let verdict = call.run(send, || handler(context.clone(), requests)).await;
    connection.end(&context, &mut meter, &verdict);
    drop(entry);
    reply::conclude(connection, send, verdict, context.wants_load()).await;
}

/// Ends both halves in keeping with the verdict.
async fn conclude(
    connection: &Connection,
    send: &mut SendHalf,
    recv: &mut RecvHalf,
    verdict: Verdict,
    wants_load: bool,
) {
    match &verdict {
        Verdict::Reset(code) => recv.stop(*code),
        // The client may still be sending what nobody will read.
        Verdict::Answered | Verdict::Status(..) => recv.complete(),
    }
    reply::conclude(connection, send, verdict, wants_load).await;
}

/// Why there is no header.
enum NoHeader {
    Ended(Verdict),
    /// The stream is of another kind, if of any that is known.
    Other(Option<StreamKind>),
}

impl NoHeader {
    fn verdict(self, connection: &Connection) -> Verdict {
        match self {
            Self::Ended(verdict) => {
                connection.count_unreadable(&verdict);
                verdict
            }
            // W-4: a kind that nobody takes is refused by reset, the connection lives on.
            Self::Other(_) => Verdict::Reset(ErrorCode::UnknownStreamKind),
        }
    }
}

/// Reads the kind of the stream and the call's header.
async fn read_header(recv: &mut RecvHalf, reader: &mut RequestReader) -> Result<Header, NoHeader> {
    let mut kind = None;
    loop {
        let received = recv.receive(|mut chunk| {
            if kind.is_none() && !chunk.is_empty() {
                kind = Some(StreamKind::from_byte(chunk.split_to(1)[0]));
            }
            reader.push(chunk);
        });
        // A stream that is reset before its header was no call yet.
        let is_open = received
            .await
            .map_err(|_| NoHeader::Ended(Verdict::Reset(ErrorCode::Cancelled)))?;
        if let Some(kind) = kind
            && kind != Some(StreamKind::Call)
        {
            return Err(NoHeader::Other(kind));
        }
        match reader.next_event() {
            Ok(Some(RequestEvent::Header(header))) => return Ok(header),
            Ok(_) if is_open => {}
            Ok(_) => return Err(NoHeader::Ended(Verdict::Reset(ErrorCode::Protocol))),
            Err(error) => return Err(NoHeader::Ended(Verdict::of_wire(&error))),
        }
    }
}

/// Decides whether the call may run; nothing of it has run yet where it may not.
/// It is not in the table of calls yet, as a rule.
pub(super) fn admit(
    connection: &Connection,
    header: Header,
    now: std::time::Instant,
) -> Result<Admitted, Verdict> {
    let (route, places) = may_run(connection, &header).inspect_err(|verdict| {
        connection.count_refused(Some(&header.method), verdict);
        connection.note(header.method.as_str(), verdict);
    })?;
    let deadline = Deadline::after(now, header.timeout);
    let span = CallSpan::served(&header, &connection.peer);
    let context = CallContext::traced(header, deadline, connection.peer.clone(), span);
    let mut meter = Meter::begin(route, now);
    let entry = connection.calls.pass(&context);
    let entry = entry.map_err(|reason| {
        let verdict = not_started(connection, reason);
        meter.end(verdict.outcome());
        verdict
    })?;
    Ok(Admitted {
        context,
        places,
        entry,
        meter,
    })
}

/// What the call runs by, or why it may not.
fn may_run(connection: &Connection, header: &Header) -> Result<(Arc<Route>, Places), Verdict> {
    // W-49: refused, so that the client may send it elsewhere.
    if connection.is_draining() {
        return Err(shutting_down(connection));
    }
    let route = connection.find(header)?;
    if header.timeout.is_zero() {
        connection.figures().refuse(Reason::DeadlinePassed);
        return Err(Verdict::refused(
            Code::DeadlineExceeded,
            "the deadline had passed",
        ));
    }
    Ok((route, connection.places()?))
}

/// As [`admit`], for a call that may have to wait: it is in the table.
fn admit_listed(connection: &Connection, header: Header) -> Result<Admitted, Verdict> {
    let mut admitted = admit(connection, header, clock::now())?;
    admitted.list(connection)?;
    Ok(admitted)
}

fn not_started(connection: &Connection, reason: NotStarted) -> Verdict {
    match reason {
        NotStarted::NumberTaken => Verdict::Reset(ErrorCode::Protocol),
        // Nothing of the call has run, so that it may go elsewhere.
        NotStarted::Ended(Ending::Shutdown) => shutting_down(connection),
        NotStarted::Ended(ending) => Verdict::of_ending(ending),
    }
}

fn shutting_down(connection: &Connection) -> Verdict {
    connection.figures().refuse(Reason::Draining);
    connection.refuse_for_now(Code::Unavailable, "the server is shutting down")
}

/// W-37: runs the work of a call until it is done, its deadline passes, or it is ended from
/// outside, whichever is first. A panic in it ends this call only.
///
/// The work is pinned by the caller: each future around it would hold it twice.
pub(crate) async fn supervise<T>(
    context: &CallContext,
    work: Pin<&mut impl Future<Output = Result<T, Verdict>>>,
) -> Result<T, Verdict> {
    let deadline = Instant::from_std(context.deadline());
    let mut work = pin!(timeout_at(
        deadline,
        contain_panic(context.clone().scope(work))
    ));
    // Work that is done at once needs nobody to listen for its end.
    let done = match poll_once(work.as_mut()).await {
        Some(done) => done,
        None => tokio::select! {
            biased;
            ending = context.ended() => return Err(Verdict::of_ending(ending)),
            done = work => done,
        },
    };
    match done {
        Ok(Ok(result)) => result,
        Ok(Err(Panicked)) => Err(Verdict::of_panic(context)),
        Err(_elapsed) => Err(Verdict::Status(
            Status::new(Code::DeadlineExceeded, "the deadline passed at the server"),
            Origin::Server,
        )),
    }
}

/// Polls a future once; `None` where it is not done. It stays registered for its wake-up.
pub(crate) async fn poll_once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// A handler panicked; its payload has gone to the process's panic hook.
pub(crate) struct Panicked;

pub(crate) async fn contain_panic<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| poll_contained(future.as_mut(), cx)).await
}

/// Runs a part of a handler; a panic in it is the end of its call.
pub(crate) fn contain_panic_in<T>(
    context: &CallContext,
    run: impl FnOnce() -> T,
) -> Result<T, Verdict> {
    // Nothing of the handler is touched again after a panic but to drop it.
    catch_unwind(AssertUnwindSafe(run)).map_err(|_payload| Verdict::of_panic(context))
}

fn poll_contained<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    // The future is not polled again after a panic, so no broken state is seen.
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_payload) => Poll::Ready(Err(Panicked)),
    }
}
