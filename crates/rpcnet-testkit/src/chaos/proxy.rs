//! The proxy as its owner holds it.

use super::config::ChaosConfig;
use super::relay::{self, Shared};
use super::stats::ChaosStats;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// A UDP proxy between clients and one upstream; stops when dropped.
///
/// It runs on a thread and a clock of its own: a busy or paused runtime under test does not become
/// network delay. Whatever is set holds, as soon as the call returns, for every datagram that the
/// proxy has not yet taken from a socket.
///
/// ```
/// use rpcnet_testkit::chaos::{ChaosConfig, ChaosProxy};
/// use std::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// let upstream = UdpSocket::bind("127.0.0.1:0")?;
/// let config = ChaosConfig { duplicate: 1.0, ..ChaosConfig::default() };
/// let proxy = ChaosProxy::start(upstream.local_addr()?, config)?;
///
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"once", proxy.addr())?;
/// let mut buffer = [0; 16];
/// for _ in 0..2 {
///     let (len, _) = upstream.recv_from(&mut buffer)?;
///     assert_eq!(&buffer[..len], b"once");
/// }
/// assert_eq!(proxy.stats().to_upstream.duplicated, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChaosProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ChaosProxy {
    /// Starts a proxy on a free port of the loopback address of `upstream`'s family.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if `config` is out of its ranges, otherwise what the system
    /// says about opening a socket or a thread.
    pub fn start(upstream: SocketAddr, config: ChaosConfig) -> io::Result<Self> {
        let listen = match upstream {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        };
        Self::start_on(listen, upstream, config)
    }

    /// Starts a proxy that listens on `listen`; port 0 is a free port.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if `listen` is taken.
    pub fn start_on(
        listen: SocketAddr,
        upstream: SocketAddr,
        config: ChaosConfig,
    ) -> io::Result<Self> {
        config.validate()?;
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::sync_channel(1);
        // The runtime is made and dropped on its own thread, since the caller may be inside another.
        let thread = thread::Builder::new()
            .name("chaos-proxy".into())
            .spawn(move || run(listen, upstream, &config, &report, stopped))?;
        let (addr, shared) = started
            .recv()
            .map_err(|_| io::Error::other("the proxy's thread died while starting"))??;
        Ok(Self {
            addr,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address that clients talk to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Replaces the configuration.
    ///
    /// Datagrams that are already held keep their time. A new seed starts every client's chances
    /// over; the same seed continues them.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if `config` is out of its ranges; the old one stays.
    pub fn set(&self, config: ChaosConfig) -> io::Result<()> {
        config.validate()?;
        self.shared.lock().set(&config);
        Ok(())
    }

    /// Lets nothing through either way while `dark`; what is held when it begins is dropped.
    pub fn blackout(&self, dark: bool) {
        self.shared.lock().set_blackout(dark);
    }

    /// Makes the upstream see every client at a new port, as when a NAT forgets its mappings.
    ///
    /// What the upstream sends to the old port is ignored from now on; the new one opens with the
    /// client's next datagram.
    pub fn rebind(&self) {
        self.shared.lock().rebind();
    }

    /// Sends what comes from now on to another upstream, of the same address family.
    ///
    /// Clients keep their ports, and what the old upstream still sends is ignored.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.shared.lock().set_upstream(upstream);
    }

    /// Returns what the proxy has done so far.
    #[must_use]
    pub fn stats(&self) -> ChaosStats {
        self.shared.lock().stats()
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It ends after the batch at hand; a panic there has been printed already.
            let _ = thread.join();
        }
    }
}

type Started = io::Result<(SocketAddr, Arc<Shared>)>;

fn run(
    listen: SocketAddr,
    upstream: SocketAddr,
    config: &ChaosConfig,
    report: &mpsc::SyncSender<Started>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = report.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let started = relay::bind(listen).and_then(|listener| {
            let addr = listener.local_addr()?;
            Ok((addr, Arc::new(Shared::new(listener, upstream, config))))
        });
        let shared = started.as_ref().ok().map(|(_, shared)| Arc::clone(shared));
        let _ = report.send(started);
        if let Some(shared) = shared {
            tokio::select! {
                () = relay::drive(shared) => {}
                _ = stopped => {}
            }
        }
    });
}
