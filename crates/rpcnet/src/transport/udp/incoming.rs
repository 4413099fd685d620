//! [`Incoming`]: the socket, as the receiving side sees it.

use std::io;
use std::net::UdpSocket;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use s2n_quic_platform::message::Message as _;
use s2n_quic_platform::message::default::Message;
use s2n_quic_platform::socket::stats;
use s2n_quic_platform::socket::task::rx;
use s2n_quic_platform::syscall::{SocketEvents, SocketType, UnixMessage};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::lookout::Sight;
use super::watch;

/// Receives what there is with one system call, as a rule.
///
/// A call that returns fewer datagrams than there was room for has emptied the socket, so no
/// other is needed to learn that. What comes meanwhile is reported by the system in any case.
///
/// While somebody looks out it asks the system, not the runtime. The runtime's report about what
/// is found then comes later, and is followed by an attempt in vain.
pub(super) struct Incoming {
    socket: AsyncFd<UdpSocket>,
    sight: Arc<Sight>,
}

impl Incoming {
    pub(super) fn new(socket: UdpSocket, sight: Arc<Sight>) -> io::Result<Self> {
        let socket = watch(socket, Interest::READABLE)?;
        Ok(Self { socket, sight })
    }

    /// One attempt, about which the runtime knows nothing: whoever waits for its report goes on
    /// waiting.
    fn look(&self, entries: &mut [Message], events: &mut rx::Events, stats: &stats::Sender) {
        let room = entries.len();
        let fd = self.socket.get_ref().as_raw_fd();
        let mut received = Received::new(events);
        Message::recv(fd, SocketType::NonBlocking, entries, &mut received, stats);
        let count = received.count;
        self.sight.note_received(bytes(entries, count));
        if count < room {
            events.blocked();
        }
    }
}

impl rx::Socket<Message> for Incoming {
    type Error = io::Error;

    fn recv(
        &mut self,
        cx: &mut Context<'_>,
        entries: &mut [Message],
        events: &mut rx::Events,
        stats: &stats::Sender,
    ) -> io::Result<()> {
        if self.sight.is_wanted() {
            self.look(entries, events, stats);
            return Ok(());
        }
        // Before the attempt, so that a report that comes during it is not taken for older.
        let Poll::Ready(known) = self.socket.poll_read_ready(cx) else {
            events.blocked();
            return Ok(());
        };
        let mut known = known?;
        let room = entries.len();
        let fd = known.get_inner().as_raw_fd();
        let mut received = Received::new(events);
        Message::recv(fd, SocketType::NonBlocking, entries, &mut received, stats);
        self.sight.note_received(bytes(entries, received.count));
        let is_full = received.count >= room;
        // After a failure there may be more: the caller tries again.
        if is_full || received.has_failed {
            return Ok(());
        }
        known.clear_ready();
        drop(known);
        match self.socket.poll_read_ready(cx) {
            Poll::Pending => events.blocked(),
            Poll::Ready(again) => {
                drop(again?);
                events.take_blocked();
            }
        }
        Ok(())
    }
}

/// Those of the first entries.
fn bytes(entries: &[Message], count: usize) -> usize {
    entries
        .iter()
        .take(count)
        .map(|entry| entry.payload_len())
        .sum()
}

/// Counts on the way.
struct Received<'a> {
    events: &'a mut rx::Events,
    count: usize,
    /// For another reason than that there was nothing.
    has_failed: bool,
}

impl<'a> Received<'a> {
    fn new(events: &'a mut rx::Events) -> Self {
        Self {
            events,
            count: 0,
            has_failed: false,
        }
    }
}

impl SocketEvents for Received<'_> {
    fn on_complete(&mut self, count: usize) -> ControlFlow<(), ()> {
        self.count += count;
        self.events.on_complete(count)
    }

    fn on_error(&mut self, error: io::Error) -> ControlFlow<(), ()> {
        self.has_failed |= error.kind() != io::ErrorKind::WouldBlock;
        self.events.on_error(error)
    }
}
