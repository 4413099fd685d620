//! [`CallContext`]: what a handler may know about the call that it serves.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rpcnet_proto::wire::{ErrorCode, Header};
use rpcnet_proto::{CallId, CallKind, CodecId, Deadline, Metadata, TraceContext};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::identity::PeerIdentity;
use crate::span::{CallSpan, InSpan};

tokio::task_local! {
    /// The call whose handler is being polled.
    static CURRENT: CallContext;
}

/// The call a handler serves: who calls, until when, with what metadata. Cheap to clone.
///
/// Calls that a handler makes through any [`RpcClient`](crate::RpcClient) inherit its
/// deadline and trace context by themselves, as long as they are made in the handler's
/// own task; a task that the handler spawns passes them on with [`CallContext::scope`].
#[derive(Debug, Clone)]
pub struct CallContext(Arc<Served>);

#[derive(Debug)]
struct Served {
    header: Header,
    deadline: Deadline,
    peer: Arc<Peer>,
    span: CallSpan,
    is_over: AtomicBool,
    /// Made for the first who wants to wait for the end: most calls are over before.
    cancelled: OnceLock<CancellationToken>,
    ending: OnceLock<Ending>,
}

impl Served {
    /// What is cancelled once the call is over.
    fn token(&self) -> &CancellationToken {
        let token = self.cancelled.get_or_init(CancellationToken::new);
        // Either the one who ends the call sees the token, or this sees that it is over.
        fence(Ordering::SeqCst);
        if self.is_over.load(Ordering::Acquire) {
            token.cancel();
        }
        token
    }

    fn close(&self) {
        self.is_over.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(token) = self.cancelled.get() {
            token.cancel();
        }
    }
}

/// Why a call ends before its handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The caller cancelled it.
    Cancelled,
    /// The request stream was cut off, malformed or stalled; reset with this code.
    RequestCut(ErrorCode),
    /// A message of the request stream does not decode as what its handler reads.
    RequestUnreadable,
    /// The connection is gone.
    ConnectionLost,
    /// The server's grace period is over.
    Shutdown,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) identity: Option<PeerIdentity>,
}

impl CallContext {
    /// That of a call that nobody traces.
    pub(crate) fn new(header: Header, deadline: Deadline, peer: Arc<Peer>) -> Self {
        Self::traced(header, deadline, peer, CallSpan::none())
    }

    pub(crate) fn traced(
        header: Header,
        deadline: Deadline,
        peer: Arc<Peer>,
        span: CallSpan,
    ) -> Self {
        Self(Arc::new(Served {
            header,
            deadline,
            peer,
            span,
            is_over: AtomicBool::new(false),
            cancelled: OnceLock::new(),
            ending: OnceLock::new(),
        }))
    }

    /// The context of the call whose handler this task is running, if any.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a future as a part of this call: in its span, and calls made in it inherit its
    /// deadline and trace context.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future given.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        let span = self.0.span.clone();
        CURRENT.scope(self, InSpan { future, span }).await
    }

    /// The method as it was called.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0.header.method.as_str()
    }

    /// The caller's number for the call, for traces on both sides.
    #[must_use]
    pub fn call_id(&self) -> CallId {
        self.0.header.call_id
    }

    /// Which of the four shapes the call has.
    #[must_use]
    pub fn kind(&self) -> CallKind {
        self.0.header.kind
    }

    /// The codec that the caller's payloads are written with.
    #[must_use]
    pub fn codec(&self) -> CodecId {
        self.0.header.codec
    }

    /// Returns true where the caller declared the call safe to execute twice.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.0.header.idempotent
    }

    /// Whether the caller wants to know how busy the server is.
    pub(crate) fn wants_load(&self) -> bool {
        self.0.header.load_report
    }

    /// The key/value pairs sent with the call.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.header.metadata
    }

    /// The caller's W3C trace context.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.0.header.trace
    }

    /// When the call must have ended; the handler is dropped then.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.0.deadline.instant()
    }

    /// When the server read the call's header, give or take what the deadline was cut by.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.deadline().checked_sub(self.0.header.timeout)
    }

    /// How long the call may still take; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline()
            .saturating_duration_since(crate::clock::now())
    }

    /// The caller's verified certificate, where it presented one.
    #[must_use]
    pub fn peer_identity(&self) -> Option<&PeerIdentity> {
        self.0.peer.identity.as_ref()
    }

    /// The caller's address when the connection was made.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.peer.address
    }

    /// Waits until the call is over for the caller: cancelled, cut off, or past its
    /// deadline. The handler itself is dropped then; this is for tasks it spawned.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn cancelled(&self) {
        self.0.token().cancelled().await;
    }

    /// Returns true once the call is over for the caller.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    /// Ends the call; the first reason given stands.
    pub(crate) fn end(&self, ending: Ending) {
        let _ = self.0.ending.set(ending);
        self.0.close();
    }

    /// Waits until the call is ended from outside its handler, and says why.
    pub(crate) async fn ended(&self) -> Ending {
        self.0.token().cancelled().await;
        self.ending()
    }

    /// Why the call was ended from outside its handler.
    pub(crate) fn ending(&self) -> Ending {
        self.0.ending.get().copied().unwrap_or(Ending::Cancelled)
    }

    /// Completes when the call is ended from outside its handler.
    pub(crate) fn cancellation(&self) -> WaitForCancellationFutureOwned {
        self.0.token().clone().cancelled_owned()
    }

    /// Runs a function as a part of this call, as [`scope`](Self::scope) runs a future.
    pub(crate) fn enter<T>(self, run: impl FnOnce() -> T) -> T {
        let span = self.0.span.clone();
        span.enter(|| CURRENT.sync_scope(self, run))
    }

    /// The span of the call at this server.
    pub(crate) fn span(&self) -> &CallSpan {
        &self.0.span
    }

    /// The call is over when the guard is dropped.
    pub(crate) fn close_on_drop(self) -> CloseOnDrop {
        CloseOnDrop(self)
    }

    /// The call is over, however it ended: tasks that its handler left are told.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Closes a call when it is dropped.
#[derive(Debug)]
pub(crate) struct CloseOnDrop(CallContext);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a call made here inherits from the handler that makes it.
pub(crate) fn inherited() -> (Option<Deadline>, Option<TraceContext>) {
    CURRENT
        .try_with(|context| (Some(context.0.deadline), context.trace()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::Method;
    use tokio::task::yield_now;

    use super::*;

    impl CallContext {
        /// That of a call about which nothing matters but its number.
        pub(crate) fn for_test(call_id: CallId) -> Self {
            let header = Header {
                call_id,
                kind: CallKind::Unary,
                codec: CodecId::RAW,
                idempotent: false,
                timeout: Duration::from_secs(1),
                method: Method::new("m").expect("valid"),
                trace: None,
                metadata: Metadata::new(),
                schema: None,
                load_report: false,
            };
            let deadline = Deadline::after(Instant::now(), header.timeout);
            let (address, identity) = (None, None);
            Self::new(header, deadline, Arc::new(Peer { address, identity }))
        }
    }

    fn context() -> CallContext {
        CallContext::for_test(CallId::new(1).expect("small"))
    }

    #[tokio::test]
    async fn who_waits_for_the_end_learns_of_it_whoever_is_first() {
        let over = context();
        over.end(Ending::Shutdown);
        assert!(over.is_cancelled());
        assert_eq!(over.ended().await, Ending::Shutdown);
        let running = context();
        let waiting = tokio::spawn({
            let running = running.clone();
            async move { running.ended().await }
        });
        yield_now().await;
        assert!(!running.is_cancelled());
        drop(running.close_on_drop());
        assert_eq!(waiting.await.expect("it ends"), Ending::Cancelled);
    }

    #[test]
    fn an_end_beside_the_first_wait_is_never_missed() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        for _ in 0..500 {
            let call = context();
            let ending = call.clone();
            std::thread::scope(|scope| {
                scope.spawn(move || ending.end(Ending::Cancelled));
                runtime.block_on(call.cancelled());
            });
        }
    }
}
