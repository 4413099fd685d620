//! [`Link`]: a gossip stream that stays open, and the connection that it is on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::ErrorCode;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::table::Tied;
use crate::transport::SendHalf;
use crate::transport::quic::QuicConnection;

/// Streams of their own that messages of one link have open at once.
pub(super) const STREAMS_PER_LINK_MAX: usize = 12;

/// The way to one member.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: NodeName,
    pub(super) quic: QuicConnection,
    /// Where the member was dialled, if this side did.
    pub(super) dialled: Option<SocketAddr>,
    /// Whether the member takes streams from this side (W-54).
    pub(super) takes_streams: bool,
    /// Places for messages on streams of their own.
    pub(super) streams: Arc<Semaphore>,
    /// Cancelled when the link has to give way.
    pub(super) over: CancellationToken,
    /// Locked for one push into the transport's bounded send buffer, never across an
    /// await; gone once the link ends.
    half: Mutex<Option<SendHalf>>,
    made: Instant,
    /// When the member was heard last, in nanoseconds since `made`.
    heard: AtomicU64,
}

impl Link {
    pub(super) fn new(
        name: NodeName,
        quic: QuicConnection,
        half: SendHalf,
        dialled: Option<SocketAddr>,
        takes_streams: bool,
    ) -> Self {
        Self {
            name,
            quic,
            dialled,
            takes_streams,
            streams: Arc::new(Semaphore::new(STREAMS_PER_LINK_MAX)),
            over: CancellationToken::new(),
            half: Mutex::new(Some(half)),
            made: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    /// The member was heard on this link just now.
    pub(super) fn hear(&self) {
        let since = self.made.elapsed().as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.heard.fetch_max(since, Ordering::Relaxed);
    }

    /// How long the member has been silent on this link.
    pub(super) fn silence(&self) -> Duration {
        self.heard_at().elapsed()
    }

    fn heard_at(&self) -> Instant {
        self.made + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }

    /// Hands a whole frame to the transport; false where there is no room for it.
    pub(super) fn push(&self, frame: Bytes) -> bool {
        let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(half) = half.as_mut() else {
            return false;
        };
        let mut cx = Context::from_waker(Waker::noop());
        matches!(half.poll_room(&mut cx), Poll::Ready(Ok(()))) && half.push(frame).is_ok()
    }

    /// Ends our half; what was pushed is delivered as far as the connection lives on.
    pub(super) fn finish(&self) {
        if let Some(mut half) = self.take_half() {
            // Fails only where there is nothing left to end.
            let _ = half.finish();
        }
    }

    /// Ends our half as cut off.
    pub(super) fn reset(&self, code: ErrorCode) {
        if let Some(mut half) = self.take_half() {
            half.reset(code);
        }
    }

    /// Ends our half and waits until the member has all of it, and until the messages on
    /// streams of their own have arrived, but no longer than this.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the half has ended with the first poll.
    pub(super) async fn flush(&self, patience: Duration) {
        let half = self.take_half();
        let all = async {
            if let Some(mut half) = half {
                let _ = half.close().await;
            }
            let all = u32::try_from(STREAMS_PER_LINK_MAX).unwrap_or(u32::MAX);
            let _ = self.streams.acquire_many(all).await;
        };
        let _ = timeout(patience, all).await;
    }

    fn take_half(&self) -> Option<SendHalf> {
        let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
        half.take()
    }
}

impl Tied for Arc<Link> {
    fn heard(&self) -> Instant {
        self.heard_at()
    }

    fn dialled(&self) -> Option<SocketAddr> {
        self.dialled
    }
}
