//! How datagrams get from the socket to the QUIC library and back.
//!
//! In place of the library's own way, which serves a socket with three tasks: one that
//! receives, one that sends, and the endpoint between them. They wake each other, and with
//! each that a runtime is told of it wakes another of its threads. Here all three are one
//! task, and the system tells it about datagrams that came, not about those that left. Where
//! answers come soon, it looks for them before it sleeps.
//!
//! Unix only, as is the TLS library.

mod busy_poll;
mod clock;
mod cork;
mod incoming;
mod lookout;
mod outgoing;
mod turns;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use s2n_quic_core::endpoint::Endpoint;
use s2n_quic_core::inet::SocketAddress;
use s2n_quic_core::io::event_loop::EventLoop;
use s2n_quic_core::path::{MaxMtu, mtu};
use s2n_quic_core::task::cooldown::Cooldown;
use s2n_quic_platform::features::Gso;
use s2n_quic_platform::features::gso::MaxSegments;
use s2n_quic_platform::message::default::{Handle, Message};
use s2n_quic_platform::socket::io::{rx::Rx, tx::Tx};
use s2n_quic_platform::socket::ring::{self, Consumer, Producer};
use s2n_quic_platform::socket::{stats, task};
use s2n_quic_platform::syscall;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::clock::Clock;
pub(super) use self::cork::corked;
pub(crate) use self::cork::{HeldBack, corked_polls, held_back};
use self::incoming::Incoming;
use self::lookout::{Lookout, Sight};
use self::outgoing::Outgoing;
use crate::limits::{Limits, MTU_DEFAULT};
use crate::task::spawn_endpoint;

/// Received datagrams that wait for the endpoint. Beyond: they wait in the system's buffer.
const INCOMING_BYTES_MAX: u32 = 8 << 20;

/// Datagrams that wait to be sent. Beyond: the endpoint waits. With large packets fewer fit
/// into one call of the system's, so that more calls' worth has to wait.
const OUTGOING_BYTES_MAX: u32 = 128 << 10;
const OUTGOING_BYTES_MAX_JUMBO: u32 = 512 << 10;

/// Bytes that one call of the system's takes, cut into packets by the system: the largest
/// datagram that there is.
const SEGMENTED_BYTES_MAX: u16 = 65_507;

/// A socket to be bound, and how large its packets may be.
#[derive(Debug)]
pub(super) struct Udp {
    address: SocketAddr,
    shares_port: bool,
    socket_buffer_bytes: usize,
    mtu_max: u16,
    busy_poll: Duration,
}

impl Udp {
    pub(super) fn new(address: SocketAddr, limits: &Limits) -> Self {
        Self {
            address,
            shares_port: false,
            socket_buffer_bytes: limits.socket_buffer_bytes,
            mtu_max: limits.mtu_max,
            busy_poll: limits.busy_poll,
        }
    }

    /// Lets others that do the same have the same address.
    pub(super) fn sharing_port(mut self, shares_port: bool) -> Self {
        self.shares_port = shares_port;
        self
    }

    fn bind(&self) -> io::Result<socket2::Socket> {
        let socket = syscall::udp_socket(self.address, false)?;
        socket.set_reuse_port(self.shares_port)?;
        socket.bind(&self.address.into())?;
        // The system grants what it allows, silently.
        socket.set_send_buffer_size(self.socket_buffer_bytes)?;
        socket.set_recv_buffer_size(self.socket_buffer_bytes)?;
        let granted = socket.recv_buffer_size()?;
        if granted < self.socket_buffer_bytes {
            tracing::debug!(
                asked = self.socket_buffer_bytes,
                granted,
                "the system limits socket buffers, see net.core.rmem_max"
            );
        }
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// RFC 8899: packets grow up to `mtu_max` as probes of that size arrive. Where the system
    /// cannot be kept from cutting packets up, they stay as small as any path carries.
    fn mtu(&self, socket: &socket2::Socket) -> io::Result<mtu::Config> {
        if !syscall::configure_mtu_disc(socket) {
            return Ok(mtu::Config::MIN);
        }
        let mtu = mtu::Config::builder().with_max_mtu(self.mtu_max);
        mtu.and_then(mtu::Builder::build).map_err(invalid)
    }

    /// The two ends of the queue of received datagrams, and the largest of these.
    fn incoming(&self, socket: &socket2::Socket) -> (Producer<Message>, Consumer<Message>, u16) {
        // With its help several datagrams of one sender are received as one.
        let is_gathering = syscall::configure_gro(socket);
        let bytes = if is_gathering { u16::MAX } else { self.mtu_max };
        let entries = (INCOMING_BYTES_MAX / u32::from(bytes)).next_power_of_two();
        let (producer, consumer) = ring::pair(entries, bytes.into());
        (producer, consumer, bytes)
    }

    fn segments(mtu: u16) -> io::Result<Gso> {
        let segments = usize::from(SEGMENTED_BYTES_MAX / mtu);
        let segments = segments.clamp(1, MaxSegments::MAX.into());
        Ok(MaxSegments::try_from(segments).map_err(invalid)?.into())
    }
}

impl s2n_quic::provider::io::Provider for Udp {
    type PathHandle = Handle;
    type Error = io::Error;

    /// Binds the socket and starts the task. It ends once the endpoint is dropped, and the
    /// last of its connections closed.
    fn start<E: Endpoint<PathHandle = Handle>>(self, mut endpoint: E) -> io::Result<SocketAddress> {
        let socket = self.bind()?;
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("not an address of the internet"))?;
        let address = SocketAddress::from(address);
        let mtu = self.mtu(&socket)?;
        syscall::configure_pktinfo(&socket);
        syscall::configure_tos(&socket);
        let (counts, stats) = stats::channel();

        let sight = Arc::<Sight>::default();
        let (arrived, received, bytes) = self.incoming(&socket);
        let incoming = Incoming::new(socket.try_clone()?.into(), sight.clone())?;
        let never = Cooldown::default;
        let receive = task::Receiver::new(arrived, incoming, None, never(), counts.clone());
        let bytes = MaxMtu::try_from(bytes).map_err(invalid)?;
        let rx = Rx::new(vec![received], bytes, address.into());

        let mtu_max = u16::from(mtu.max_mtu());
        let segments = Self::segments(mtu_max)?;
        let bytes = u32::from(mtu_max) * u32::try_from(segments.max_segments()).unwrap_or(1);
        let bytes = bytes.min(u16::MAX.into());
        let queue = match mtu_max <= MTU_DEFAULT {
            true => OUTGOING_BYTES_MAX,
            false => OUTGOING_BYTES_MAX_JUMBO,
        };
        let (sent, leaving) = ring::pair((queue / bytes).next_power_of_two(), bytes);
        let socket = Outgoing::new(socket.into(), sight.clone());
        let send = task::Sender::new(leaving, socket, segments.clone(), never(), counts);
        let tx = Tx::new(vec![sent], segments, mtu.max_mtu());

        endpoint.set_mtu_config(mtu);
        let clock = Clock::new();
        let event_loop = EventLoop {
            endpoint,
            clock: clock.clone(),
            rx,
            tx,
            cooldown: never(),
            stats,
        };
        let decide = clock.in_turns(event_loop.start(address));
        let lookout = Lookout::new(self.busy_poll, sight);
        spawn_endpoint(turns::take(receive, decide, send, lookout));
        Ok(address)
    }
}

#[expect(
    deprecated,
    reason = "unsound for types that close or change their descriptor, which a UdpSocket \
              does not; what replaces it is unsafe to call"
)]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
