//! [`Outgoing`]: the socket, as the sending side sees it.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use s2n_quic_platform::message::Message as _;
use s2n_quic_platform::message::default::Message;
use s2n_quic_platform::socket::stats;
use s2n_quic_platform::socket::task::tx;
use s2n_quic_platform::syscall::UnixMessage;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::lookout::Sight;
use super::watch;

/// Sends without asking first whether there is room, which there nearly always is.
///
/// The runtime watches the socket only where there was none. Watched all the time, a socket
/// is reported writable whenever a datagram has left it, and its process woken for that: on
/// loopback once per datagram, twice as often as it has anything to do.
pub(super) struct Outgoing {
    socket: UdpSocket,
    watched: Option<AsyncFd<UdpSocket>>,
    sight: Arc<Sight>,
}

impl Outgoing {
    pub(super) fn new(socket: UdpSocket, sight: Arc<Sight>) -> Self {
        Self {
            socket,
            watched: None,
            sight,
        }
    }
}

impl tx::Socket<Message> for Outgoing {
    type Error = io::Error;

    fn send(
        &mut self,
        cx: &mut Context<'_>,
        entries: &mut [Message],
        events: &mut tx::Events,
        stats: &stats::Sender,
    ) -> io::Result<()> {
        let bytes = entries.iter().map(|entry| entry.payload_len()).sum();
        self.sight.note_sent(bytes);
        Message::send(self.socket.as_raw_fd(), entries, events, stats);
        if !events.is_blocked() {
            self.watched = None;
            return Ok(());
        }
        let watched = match &mut self.watched {
            Some(watched) => watched,
            // A descriptor of its own: the system counts interests by descriptor.
            None => self
                .watched
                .insert(watch(self.socket.try_clone()?, Interest::WRITABLE)?),
        };
        // What the runtime knows may be older than the failure; what it learns after that
        // counts.
        if let Poll::Ready(known) = watched.poll_write_ready(cx) {
            known?.clear_ready();
            if watched.poll_write_ready(cx)?.is_ready() {
                events.take_blocked();
            }
        }
        Ok(())
    }
}
