//! The structured causes inside [`RpcError`](super::RpcError).

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::BoxError;

/// Whether the server's handler executed the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandlerRan {
    /// It did not: sending the call again cannot execute it twice.
    No,
    /// It may have: only an idempotent call may be sent again.
    Maybe,
    /// It did, to its end.
    Yes,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionErrorKind {
    /// Nobody answered within the connect timeout: nothing listens there, UDP is
    /// blocked on the way, or the peer does not speak `rpcnet/1`.
    NoAnswer,
    /// The peer refused the connection, as a server does that drains or is full.
    Refused,
    /// The peer was silent for longer than the idle timeout.
    Idle,
    /// The peer closed the connection in good order.
    Closed,
    /// The peer's process was replaced by one that does not know the connection.
    PeerRestarted,
    /// The peer spoke against the protocol, or said that this side did.
    Protocol,
    /// The worker fell silent or is gone, and the call was not left to wait for it.
    Unreachable,
    /// This client was closed.
    ClientClosed,
    /// Anything else that the transport reports.
    Transport,
}

/// A connection that could not be made or was lost.
#[derive(Debug)]
pub struct ConnectionError(Box<ConnectionFailure>);

#[derive(Debug)]
struct ConnectionFailure {
    kind: ConnectionErrorKind,
    ran: HandlerRan,
    source: Option<BoxError>,
    worker: Option<Box<str>>,
}

impl ConnectionError {
    pub(crate) fn new(
        kind: ConnectionErrorKind,
        ran: HandlerRan,
        source: Option<BoxError>,
    ) -> Self {
        Self(Box::new(ConnectionFailure {
            kind,
            ran,
            source,
            worker: None,
        }))
    }

    /// What happened to the connection.
    #[must_use]
    pub fn kind(&self) -> ConnectionErrorKind {
        self.0.kind
    }

    /// Whether the call that failed with the connection may have been executed.
    #[must_use]
    pub fn handler_ran(&self) -> HandlerRan {
        self.0.ran
    }

    /// Which worker of a cluster it was: its name, label and address. `None` for calls to
    /// one server.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.0.worker.as_deref()
    }

    pub(super) fn set_worker(&mut self, worker: Box<str>) {
        self.0.worker = Some(worker);
    }

    /// Whether this side closed the client: no other connection would do.
    pub(crate) fn is_of_closed_client(&self) -> bool {
        self.0.kind == ConnectionErrorKind::ClientClosed
    }

    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            ConnectionErrorKind::NoAnswer => {
                "no answer from the server: nothing listens there, udp is blocked, \
                 or it does not speak rpcnet/1"
            }
            ConnectionErrorKind::Refused => "the server refused the connection",
            ConnectionErrorKind::Idle => "the peer fell silent and the connection timed out",
            ConnectionErrorKind::Closed => "the peer closed the connection",
            ConnectionErrorKind::PeerRestarted => "the peer restarted and lost the connection",
            ConnectionErrorKind::Protocol => "the connection was closed over a protocol violation",
            ConnectionErrorKind::Unreachable => "the worker does not answer any more",
            ConnectionErrorKind::ClientClosed => "this client was closed",
            ConnectionErrorKind::Transport => "the connection failed",
        })?;
        if self.0.ran == HandlerRan::No {
            f.write_str(" (the call was not executed)")?;
        }
        of_worker(f, self.worker())
    }
}

/// Why a call's stream ended before the call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// The peer reset the stream with this code (`docs/spec/wire.md`).
    Reset(u64),
    /// The stream ended without the end marker: cut off, never complete.
    Truncated,
    /// The peer's bytes are not what the protocol says.
    Malformed,
    /// The peer neither read nor wrote for longer than the stall timeout.
    Stalled,
    /// A unary reply was expected and the peer sent none, or several.
    WrongShape,
}

/// A call's stream that was reset, cut off or malformed.
#[derive(Debug)]
pub struct StreamError(Box<StreamFailure>);

#[derive(Debug)]
struct StreamFailure {
    kind: StreamErrorKind,
    ran: HandlerRan,
    source: Option<BoxError>,
    worker: Option<Box<str>>,
}

impl StreamError {
    pub(crate) fn new(kind: StreamErrorKind, ran: HandlerRan, source: Option<BoxError>) -> Self {
        Self(Box::new(StreamFailure {
            kind,
            ran,
            source,
            worker: None,
        }))
    }

    /// What happened to the stream.
    #[must_use]
    pub fn kind(&self) -> StreamErrorKind {
        self.0.kind
    }

    /// Whether the call may have been executed.
    #[must_use]
    pub fn handler_ran(&self) -> HandlerRan {
        self.0.ran
    }

    /// Which worker of a cluster it was: its name, label and address. `None` for calls to
    /// one server.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.0.worker.as_deref()
    }

    pub(super) fn set_worker(&mut self, worker: Box<str>) {
        self.0.worker = Some(worker);
    }

    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            StreamErrorKind::Reset(code) => write!(f, "the peer reset the stream with code {code}"),
            StreamErrorKind::Truncated => f.write_str("the stream was cut off before its end"),
            StreamErrorKind::Malformed => f.write_str("the peer broke the wire protocol"),
            StreamErrorKind::Stalled => f.write_str("the peer made no progress on the stream"),
            StreamErrorKind::WrongShape => f.write_str("the peer did not send exactly one reply"),
        }?;
        of_worker(f, self.worker())
    }
}

/// A verdict in words: who refused or failed the call, and whether it ran.
#[derive(Debug)]
pub struct Refusal(Box<RefusalText>);

#[derive(Debug)]
struct RefusalText {
    message: String,
    worker: Option<Box<str>>,
    ran: HandlerRan,
    remote: bool,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, ran: HandlerRan) -> Self {
        Self(Box::new(RefusalText {
            message: message.into(),
            worker: None,
            ran,
            remote: false,
            retry_after: None,
        }))
    }

    pub(crate) fn from_peer(message: String, ran: HandlerRan) -> Self {
        Self(Box::new(RefusalText {
            message,
            worker: None,
            ran,
            remote: true,
            retry_after: None,
        }))
    }

    /// With the time that the peer wants to be left alone for.
    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// The reason in words. From a peer it is the peer's text, at most 1 KiB;
    /// `Display` escapes it, this does not.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the call may have been executed.
    #[must_use]
    pub fn handler_ran(&self) -> HandlerRan {
        self.0.ran
    }

    /// How long to wait before the same server is asked again, where it said so; at most a
    /// minute. Another server may be asked at once.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Which worker of a cluster it was: its name, label and address. `None` for calls to
    /// one server.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.0.worker.as_deref()
    }

    pub(super) fn set_worker(&mut self, worker: Box<str>) {
        self.0.worker = Some(worker);
    }

    /// Returns true where the verdict is the peer's.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.0.remote
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What could pass for another line is escaped; quotes could not.
        for c in self.0.message.chars() {
            match c {
                '\'' | '"' => f.write_char(c)?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        of_worker(f, self.worker())
    }
}

/// Says of which worker that was, where there was a choice.
fn of_worker(f: &mut fmt::Formatter<'_>, worker: Option<&str>) -> fmt::Result {
    match worker {
        Some(worker) => write!(f, ", worker {worker}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_quotes_and_escapes_what_could_forge_a_line() {
        let refusal = Refusal::new("the server's \"limit\"\nok\u{202e}", HandlerRan::No);
        assert_eq!(refusal.to_string(), "the server's \"limit\"\\nok\\u{202e}");
    }
}
