//! The driver: moves datagrams between sockets as [`Fate`] decides.

use super::clients::{ClientTable, Port};
use super::config::{ChaosConfig, Direction};
use super::fate::{Delivery, Fate, Verdict};
use super::held::{Held, HeldQueue};
use super::stats::ChaosStats;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// The relay as its tasks and the proxy's owner share it.
///
/// One lock guards everything, and no await happens under it: what the owner sets holds for the next
/// datagram, without a message having to reach anyone.
#[derive(Debug)]
pub(super) struct Shared {
    relay: Mutex<Relay>,
    /// Wakes the task that releases held datagrams: there is an earlier one.
    sooner: Notify,
    start: Instant,
}

impl Shared {
    pub(super) fn new(listener: UdpSocket, upstream: SocketAddr, config: &ChaosConfig) -> Self {
        Self {
            relay: Mutex::new(Relay::new(listener, upstream, config)),
            sooner: Notify::new(),
            start: Instant::now(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Relay> {
        // Counters and queues stay sound whatever a panicking holder left undone.
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Serves the listening socket until dropped.
///
/// # Cancel safety
///
/// Dropping it stops the proxy; what was held is lost.
pub(super) async fn drive(shared: Arc<Shared>) {
    let listener = Arc::clone(&shared.lock().listener);
    tokio::join!(read_clients(&shared, &listener), release_held(&shared));
}

async fn read_clients(shared: &Arc<Shared>, listener: &UdpSocket) {
    while listener.readable().await.is_ok() {
        drain(shared, listener, |relay, client, datagram| {
            relay.ensure_port(shared, client);
            relay.pass(shared, Direction::ToUpstream, client, datagram);
        });
        tokio::task::yield_now().await;
    }
}

async fn read_upstream(
    shared: Arc<Shared>,
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    binding: u64,
) {
    while socket.readable().await.is_ok() {
        drain(&shared, &socket, |relay, from, datagram| {
            // A NAT forgets an old mapping at once, and lets nobody else in through it.
            if relay.binding == binding && relay.upstream == from {
                relay.pass(&shared, Direction::ToClient, client, datagram);
            }
        });
        tokio::task::yield_now().await;
    }
}

/// Takes what has arrived at `socket`, up to a batch, under one hold of the lock.
fn drain(
    shared: &Shared,
    socket: &UdpSocket,
    mut take: impl FnMut(&mut Relay, SocketAddr, &mut [u8]),
) {
    let mut relay = shared.lock();
    let mut buffer = std::mem::take(&mut relay.buffer);
    for _ in 0..BATCH_DATAGRAMS {
        let Ok((len, from)) = socket.try_recv_from(&mut buffer) else {
            break;
        };
        take(&mut relay, from, &mut buffer[..len]);
    }
    relay.buffer = buffer;
}

async fn release_held(shared: &Shared) {
    loop {
        let next = shared.lock().held.next_release();
        let sooner = shared.sooner.notified();
        match next {
            None => sooner.await,
            Some(release) => {
                let deadline = tokio::time::Instant::from_std(shared.start + release);
                tokio::select! {
                    () = tokio::time::sleep_until(deadline) => {}
                    () = sooner => {}
                }
            }
        }
        shared.lock().flush(shared.now());
    }
}

/// Everything the proxy knows.
#[derive(Debug)]
pub(super) struct Relay {
    listener: Arc<UdpSocket>,
    upstream: SocketAddr,
    blackout: bool,
    /// How often the owner asked for new upstream ports.
    binding: u64,
    seed: u64,
    to_upstream: Fate,
    to_client: Fate,
    clients: ClientTable,
    held: HeldQueue,
    stats: ChaosStats,
    /// Where datagrams are received; one for all, since all is done under the lock.
    buffer: Box<[u8]>,
}

impl Relay {
    fn new(listener: UdpSocket, upstream: SocketAddr, config: &ChaosConfig) -> Self {
        Self {
            listener: Arc::new(listener),
            upstream,
            blackout: false,
            binding: 0,
            seed: config.seed,
            to_upstream: Fate::new(config, Direction::ToUpstream),
            to_client: Fate::new(config, Direction::ToClient),
            clients: ClientTable::new(config.seed),
            held: HeldQueue::default(),
            stats: ChaosStats::default(),
            buffer: vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice(),
        }
    }

    pub(super) fn set(&mut self, config: &ChaosConfig) {
        self.to_upstream = Fate::new(config, Direction::ToUpstream);
        self.to_client = Fate::new(config, Direction::ToClient);
        if config.seed != self.seed {
            self.seed = config.seed;
            self.clients.reseed(config.seed);
        }
    }

    pub(super) fn set_blackout(&mut self, dark: bool) {
        self.blackout = dark;
        if dark {
            // What was on its way when the cable was cut does not arrive either.
            while let Some(held) = self.held.pop_due(Duration::MAX) {
                self.stats.of(held.direction).blacked_out += 1;
            }
        }
    }

    pub(super) fn set_upstream(&mut self, upstream: SocketAddr) {
        self.upstream = upstream;
    }

    pub(super) fn rebind(&mut self) {
        self.binding += 1;
    }

    pub(super) fn stats(&self) -> ChaosStats {
        ChaosStats {
            clients: self.clients.len(),
            held: self.held.len(),
            ..self.stats
        }
    }

    /// Gives the client a port of the present binding, where it can.
    ///
    /// A client left without one has its datagrams counted as overflowed or unsendable when they
    /// get that far.
    fn ensure_port(&mut self, shared: &Arc<Shared>, address: SocketAddr) {
        let Ok(client) = self.clients.admit(address, shared.now()) else {
            return;
        };
        let binding = self.binding;
        if client
            .port
            .as_ref()
            .is_some_and(|port| port.binding == binding)
        {
            return;
        }
        // The old socket is closed after the new one is open: a rebinding changes the port for sure.
        let local = any_address(self.upstream);
        client.port = bind(local).ok().map(|socket| {
            let socket = Arc::new(socket);
            let reader = read_upstream(Arc::clone(shared), Arc::clone(&socket), address, binding);
            Port {
                socket,
                binding,
                reader: tokio::spawn(reader).abort_handle(),
            }
        });
    }

    /// Takes a datagram that has just arrived, and sends it, holds it or drops it.
    fn pass(
        &mut self,
        shared: &Shared,
        direction: Direction,
        address: SocketAddr,
        datagram: &mut [u8],
    ) {
        let now = shared.now();
        // Those whose moment has come go first, or this one could overtake them.
        self.flush(now);
        let stats = self.stats.of(direction);
        stats.received += 1;
        if self.blackout {
            stats.blacked_out += 1;
            return;
        }
        let Some(client) = self.clients.at(address) else {
            stats.overflowed += 1;
            return;
        };
        client.last_active = now;
        let fate = match direction {
            Direction::ToUpstream => &mut self.to_upstream,
            Direction::ToClient => &mut self.to_client,
        };
        match fate.decide(client.random(direction), now, datagram.len()) {
            Verdict::Drop(cause) => stats.count_drop(cause),
            Verdict::Deliver(delivery) => {
                stats.duplicated += u64::from(delivery.duplicated);
                stats.reordered += u64::from(delivery.reordered);
                stats.corrupted += u64::from(delivery.flip.is_some());
                let before = self.held.next_release();
                self.deliver(direction, address, datagram, delivery, now);
                if self.held.next_release() != before {
                    shared.sooner.notify_one();
                }
            }
        }
    }

    fn deliver(
        &mut self,
        direction: Direction,
        client: SocketAddr,
        datagram: &mut [u8],
        delivery: Delivery,
        now: Duration,
    ) {
        if let Some(flip) = delivery.flip {
            flip.apply(datagram);
        }
        self.send_or_hold(direction, client, datagram, delivery.release, now);
        if let Some(flip) = delivery.flip {
            // Inverted twice is intact again, for the second copy.
            flip.apply(datagram);
        }
        if delivery.duplicated {
            self.send_or_hold(direction, client, datagram, delivery.release, now);
        }
    }

    fn send_or_hold(
        &mut self,
        direction: Direction,
        client: SocketAddr,
        datagram: &[u8],
        release: Duration,
        now: Duration,
    ) {
        if release <= now {
            self.send(direction, client, datagram);
            return;
        }
        let held = Held {
            direction,
            client,
            payload: datagram.into(),
        };
        if self.held.push(release, held).is_err() {
            self.stats.of(direction).overflowed += 1;
        }
    }

    fn flush(&mut self, now: Duration) {
        while let Some(held) = self.held.pop_due(now) {
            self.send(held.direction, held.client, &held.payload);
        }
    }

    fn send(&mut self, direction: Direction, client: SocketAddr, datagram: &[u8]) {
        let stats = self.stats.of(direction);
        let sent = match direction {
            Direction::ToClient => send_now(&self.listener, datagram, client),
            Direction::ToUpstream => self
                .clients
                .at(client)
                .and_then(|client| client.port.as_ref())
                .is_some_and(|port| send_now(&port.socket, datagram, self.upstream)),
        };
        if sent {
            stats.forwarded += 1;
        } else {
            stats.unsendable += 1;
        }
    }
}

/// Hands a datagram to the kernel, or says that it does not want it now.
fn send_now(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> bool {
    // Past the runtime's own `try_send_to`, which refuses until it has once seen a new socket
    // writable and so would lose the first datagram of every client.
    SockRef::from(socket).send_to(datagram, &to.into()).is_ok()
}

/// Opens a UDP socket with buffers as large as the kernel allows; needs a runtime.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    // A datagram that the proxy loses by being slow would be a loss that no seed explains. The
    // kernel quietly grants less than asked; that is still the most there is.
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// The address to send to `destination` from: any port, on loopback if that is where it goes.
pub(super) fn any_address(destination: SocketAddr) -> SocketAddr {
    match destination {
        SocketAddr::V4(v4) if v4.ip().is_loopback() => (Ipv4Addr::LOCALHOST, 0).into(),
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(v6) if v6.ip().is_loopback() => (Ipv6Addr::LOCALHOST, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// The datagrams taken from one socket before the others get their turn.
const BATCH_DATAGRAMS: usize = 64;

/// No UDP datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// What is asked of the kernel per socket and direction: 4 MiB.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
