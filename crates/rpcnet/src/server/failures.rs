//! [`Failures`]: the latest calls that failed, for whoever looks at them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::time::SystemTime;

use rpcnet_proto::Code;
use rpcnet_proto::wire::ErrorCode;

use super::RpcServer;
use super::answers::code_of;
use super::call::Verdict;
use crate::clock;
use crate::context::Peer;
use crate::transport::tls::TlsError;

/// Calls that are kept; of more, the oldest are forgotten.
pub(crate) const FAILURES_KEPT: usize = 128;

/// Bytes of a message that are kept.
const MESSAGE_BYTES_MAX: usize = 256;

/// The latest calls that failed. Until somebody wants to know, nothing is kept; a call that
/// succeeds never comes here.
#[derive(Debug, Default)]
pub(super) struct Failures(OnceLock<Ring>);

#[derive(Debug, Default)]
struct Ring {
    /// Oldest first.
    latest: Mutex<VecDeque<FailedCall>>,
    total: AtomicU64,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(crate) struct FailedCall {
    pub(crate) at: SystemTime,
    pub(crate) method: Box<str>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) code: Code,
    /// The beginning of what the caller was told.
    pub(crate) message: Box<str>,
}

impl Failures {
    /// Keeps a call that failed. One that its caller cancelled, or whose caller is gone, has
    /// not.
    pub(super) fn note(&self, peer: &Arc<Peer>, method: &str, verdict: &Verdict) {
        let (code, message) = match verdict {
            Verdict::Answered | Verdict::Reset(ErrorCode::Cancelled) => return,
            Verdict::Status(status, _) => (status.code, status.message.as_str()),
            Verdict::Reset(code) => (code_of(*code), "the stream was reset"),
        };
        let Some(ring) = self.0.get() else { return };
        ring.total.fetch_add(1, Ordering::Relaxed);
        // Where many fail at once, one more or less is no matter, and nobody waits.
        let mut latest = match ring.latest.try_lock() {
            Ok(latest) => latest,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if latest.len() == FAILURES_KEPT {
            latest.pop_front();
        }
        latest.push_back(FailedCall {
            at: clock::wall(),
            method: method.into(),
            peer: peer.clone(),
            code,
            message: cut(message).into(),
        });
    }
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)]
}

/// A handshake that failed: when, with whom, and why.
pub(crate) type FailedHandshake = (SystemTime, Option<SocketAddr>, TlsError);

impl RpcServer {
    /// Keeps calls that fail, from now on.
    pub(crate) fn keep_failures(&self) {
        self.shared.failures.0.get_or_init(Ring::default);
    }

    /// How many calls have failed since they are kept, and the latest of them, oldest first.
    pub(crate) fn failures(&self) -> (u64, Vec<FailedCall>) {
        let Some(ring) = self.shared.failures.0.get() else {
            return (0, Vec::new());
        };
        let latest = ring.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = latest.iter().cloned().collect();
        (ring.total.load(Ordering::Relaxed), latest)
    }

    /// The latest handshakes that failed, oldest first.
    pub(crate) fn failed_handshakes(&self) -> Vec<FailedHandshake> {
        self.shared.events.handshake_failures().latest_ones()
    }
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::{Origin, Status};

    use super::*;

    fn failed(message: &str) -> Verdict {
        Verdict::Status(Status::new(Code::NotFound, message), Origin::Server)
    }

    fn peer() -> Arc<Peer> {
        let (address, identity) = (None, None);
        Arc::new(Peer { address, identity })
    }

    fn kept(failures: &Failures) -> Vec<String> {
        let ring = failures.0.get().expect("it keeps");
        let latest = ring.latest.lock().expect("not poisoned");
        latest.iter().map(|call| call.message.to_string()).collect()
    }

    #[test]
    fn nothing_is_kept_until_somebody_wants_to_know() {
        let failures = Failures::default();
        failures.note(&peer(), "m", &failed("early"));
        failures.0.get_or_init(Ring::default);
        failures.note(&peer(), "m", &Verdict::Answered);
        failures.note(&peer(), "m", &Verdict::Reset(ErrorCode::Cancelled));
        failures.note(&peer(), "m", &failed("late"));
        assert_eq!(kept(&failures), ["late"]);
    }

    #[test]
    fn the_oldest_is_forgotten_and_a_message_is_cut_between_characters() {
        let failures = Failures::default();
        failures.0.get_or_init(Ring::default);
        for number in 0..=FAILURES_KEPT {
            failures.note(&peer(), "m", &failed(&number.to_string()));
        }
        let latest = kept(&failures);
        assert_eq!((latest.len(), &*latest[0]), (FAILURES_KEPT, "1"));
        failures.note(&peer(), "m", &failed(&"\u{20ac}".repeat(1000)));
        let latest = kept(&failures);
        assert_eq!(latest[FAILURES_KEPT - 1].len(), 255);
    }
}
