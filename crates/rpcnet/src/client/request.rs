//! What a call asks for, fixed before anything is sent.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::{HeaderRef, Settings, StreamKind, encode};
use rpcnet_proto::{CallId, CallKind, CodecId, Deadline, Method, TraceContext};
use tokio::time::{Sleep, sleep_until};
use tracing::Span;

use super::metrics::UnaryMeter;
use crate::call_options::CallOptions;
use crate::clock;
use crate::config::RpcConfig;
use crate::context;
use crate::error::RpcError;
use crate::span::CallSpan;

/// Payloads of up to this many bytes are copied behind their header, so that the
/// whole call is one buffer and one write; longer ones travel as they are.
const COPIED_PAYLOAD_BYTES_MAX: usize = 8 << 10;

/// Room for a header without metadata, and the frames around it.
const HEAD_BYTES_TYPICAL: usize = 96;

/// Method, deadline and options of one call, whatever attempts it takes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) kind: CallKind,
    pub(crate) deadline: Deadline,
    /// When the call was made.
    pub(crate) began: Instant,
    pub(crate) options: CallOptions,
    /// What travels where no span says otherwise.
    trace: Option<TraceContext>,
    span: CallSpan,
    /// Whether the deadline had passed when the call was made.
    is_late: bool,
    /// Whether somebody else ends the call at its deadline just now.
    pub(super) is_watched: AtomicBool,
    /// How many nanoseconds after the call was made its answer was there, where whoever read
    /// it looked at the clock anyway; otherwise zero.
    answered_after: AtomicU64,
}

impl Request {
    /// Fixes the deadline: the option or the default, but never past the deadline of
    /// the handler in which the call is made.
    pub(crate) fn new(
        method: &str,
        kind: CallKind,
        options: CallOptions,
        config: &RpcConfig,
    ) -> Result<Self, RpcError> {
        let method = Method::new(method).map_err(|error| RpcError::config(error.to_string()))?;
        let default = match kind {
            CallKind::Unary => config.timeout,
            _ => config.stream_timeout,
        };
        let now = clock::now();
        let own = Deadline::after(now, options.timeout.unwrap_or(default));
        let (inherited, trace) = context::inherited();
        let deadline = inherited.map_or(own, |inherited| own.earlier(inherited));
        let trace = options.trace.or(trace);
        Ok(Self {
            method,
            kind,
            deadline,
            options,
            trace,
            span: CallSpan::none(),
            is_late: deadline.remaining(now).is_none(),
            is_watched: AtomicBool::new(false),
            answered_after: AtomicU64::new(0),
            began: now,
        })
    }

    /// Begins the call's span: as a child of the one in which the call is waited for.
    pub(crate) fn begin_span(&mut self) {
        // What was inherited is the trace of a span that this is in, if that is collected.
        let parent = self.options.trace;
        let parent = parent.or_else(|| self.trace.filter(|_| Span::current().is_none()));
        let left = || self.deadline.remaining(clock::now());
        self.span = CallSpan::call(&self.method, left, parent);
    }

    /// As [`begin_span`](Self::begin_span), in passing.
    pub(crate) fn with_span(mut self) -> Self {
        self.begin_span();
        self
    }

    /// An attempt at the call, at this server.
    pub(crate) fn attempt(&self, call_id: CallId, server: SocketAddr) -> Sending {
        let left = || self.deadline.remaining(clock::now());
        let span = self.span.attempt(&self.method, call_id, server, left);
        Sending { call_id, span }
    }

    /// How the call ended, whatever attempts it took.
    pub(crate) fn end_span<T>(&self, result: &Result<T, RpcError>) {
        self.span.end(result);
    }

    /// The span of a call that goes on after it was opened.
    pub(crate) fn span(&self) -> CallSpan {
        self.span.clone()
    }

    /// Takes note of when the answer was there, if that is known.
    pub(super) fn note_answer(&self, at: Option<Instant>) {
        let after = at.map_or(Duration::ZERO, |at| {
            at.saturating_duration_since(self.began)
        });
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        self.answered_after.store(nanos, Ordering::Relaxed);
    }

    /// Counts the end of a call that has one answer.
    pub(crate) fn count(&self, meter: &mut UnaryMeter<'_>, result: &Result<Bytes, RpcError>) {
        let (outcome, bytes) = match result {
            Ok(reply) => (None, reply.len()),
            Err(error) => (Some(error.code()), 0),
        };
        match self.answered_after.load(Ordering::Relaxed) {
            0 => meter.end_with(outcome, bytes),
            nanos => meter.end_after(outcome, bytes, Duration::from_nanos(nanos)),
        }
    }

    /// Runs a part of the call, which ends in `Timeout` at the call's deadline, whatever
    /// the server does (W-38).
    pub(crate) async fn within_deadline<T>(
        &self,
        mut part: Pin<&mut impl Future<Output = Result<T, RpcError>>>,
    ) -> Result<T, RpcError> {
        if self.is_late {
            return Err(RpcError::Timeout);
        }
        // Made only where it is needed: most calls of a busy client share a timer.
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = part.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            if self.is_watched.load(Ordering::Relaxed) {
                alarm = None;
                return Poll::Pending;
            }
            let deadline = self.deadline.instant().into();
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            alarm.as_mut().poll(cx).map(|()| Err(RpcError::Timeout))
        })
        .await
    }

    /// The stream's first bytes: its kind and the call's header.
    pub(crate) fn head(
        &self,
        sending: &Sending,
        settings: &Settings,
    ) -> Result<BytesMut, RpcError> {
        self.head_with_room(sending, settings, 0)
    }

    /// The frames of a call with one message. Small ones are a single buffer.
    pub(crate) fn frames(
        &self,
        sending: &Sending,
        settings: &Settings,
        payload: &Bytes,
    ) -> Result<Frames, RpcError> {
        let copied = if payload.len() <= COPIED_PAYLOAD_BYTES_MAX {
            payload.len()
        } else {
            0
        };
        let mut head = self.head_with_room(sending, settings, copied)?;
        encode::message_prefix(&mut head, payload.len());
        if copied == payload.len() {
            head.put_slice(payload);
            encode::end(&mut head);
            return Ok(Frames {
                head: head.freeze(),
                body: None,
            });
        }
        Ok(Frames {
            head: head.freeze(),
            body: Some(payload.clone()),
        })
    }

    /// The call's header, for a server with these settings.
    pub(crate) fn header(
        &self,
        sending: &Sending,
        settings: &Settings,
    ) -> Result<HeaderRef<'_>, RpcError> {
        let header = HeaderRef {
            call_id: sending.call_id,
            kind: self.kind,
            codec: self.options.codec.unwrap_or(CodecId::RAW),
            idempotent: self.options.idempotent,
            // W-36: what remains now, when the header is written.
            timeout: self
                .deadline
                .remaining(clock::now())
                .ok_or(RpcError::Timeout)?,
            method: &self.method,
            trace: sending.span.trace_context().or(self.trace),
            metadata: &self.options.metadata,
            schema: self.options.schema,
            load_report: self.options.load_report,
        };
        if !self.options.metadata.is_empty() {
            let len = header.body_len() as u64;
            if len > settings.header_bytes_max {
                return Err(RpcError::over_limit(format!(
                    "a header of {len} bytes exceeds the server's limit of {}; send less \
                     metadata, or raise it there with RpcConfig::with_max_header_bytes",
                    settings.header_bytes_max
                )));
            }
        }
        Ok(header)
    }

    fn head_with_room(
        &self,
        sending: &Sending,
        settings: &Settings,
        room: usize,
    ) -> Result<BytesMut, RpcError> {
        let header = self.header(sending, settings)?;
        let mut head = BytesMut::with_capacity(HEAD_BYTES_TYPICAL + room);
        encode::stream_kind(&mut head, StreamKind::Call);
        encode::header_ref(&mut head, &header);
        Ok(head)
    }
}

/// One attempt at a call: its number and its span.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) call_id: CallId,
    pub(crate) span: CallSpan,
}

/// Checks a message against what the server accepts, before anything is sent (W-47).
pub(crate) fn check_message(len: usize, settings: &Settings) -> Result<(), RpcError> {
    if len as u64 <= settings.message_bytes_max {
        return Ok(());
    }
    Err(RpcError::over_limit(format!(
        "a message of {len} bytes exceeds the server's limit of {}; \
         raise it there with RpcConfig::with_max_message_bytes",
        settings.message_bytes_max
    )))
}

/// The bytes of a call with one message: head, and where it was not copied, the body.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) head: Bytes,
    pub(crate) body: Option<Bytes>,
}
