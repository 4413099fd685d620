//! One side of a race in a process of its own: a peer's server, or the load on it.
//!
//! Shared, by its path, with the program of the foreign peers.

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Subcommand, ValueEnum};

use crate::load::{self, Shape, Work};

/// Why a race could not be run.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// One call; what it returns is what the work is checked by.
pub(crate) type Reply = Pin<Box<dyn Future<Output = Result<usize, Error>> + Send>>;

type Call = Arc<dyn Fn(Bytes) -> Reply + Send + Sync>;

/// Calls a connected peer.
#[derive(Clone)]
pub(crate) struct Caller {
    /// Echoes the payload; returns the length of the reply.
    pub(crate) unary: Call,
    /// Streams what the [plan](stream_plan) says from the server; returns how many messages
    /// came.
    pub(crate) stream: Option<Call>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}

/// Those who take part, in one program.
pub(crate) trait Runner: ValueEnum + Copy + Send + Sync + 'static {
    /// Serves until the process is killed.
    fn serve(self, certs: &Path) -> impl Future<Output = Result<(), Error>> + Send;

    /// Connects to the server of the same peer, for work of this shape.
    fn connect(
        self,
        addr: SocketAddr,
        certs: &Path,
        shape: Shape,
    ) -> impl Future<Output = Result<Caller, Error>> + Send;
}

/// What such a process does.
#[derive(Debug, Subcommand)]
pub(crate) enum Side<P: Runner> {
    /// Runs a peer's server; prints `ready ADDRESS` and serves until it is killed.
    #[command(hide = true)]
    Serve {
        /// Whose server.
        peer: P,
        /// Where the certificates are.
        certs: PathBuf,
    },
    /// Runs a load on a peer's server and prints what came of it.
    #[command(hide = true)]
    Load {
        /// Whose client.
        peer: P,
        /// Where the certificates are.
        certs: PathBuf,
        /// Where the server is.
        addr: SocketAddr,
        /// The server's process.
        server: u32,
        /// What to do.
        #[command(flatten)]
        work: Work,
    },
}

impl<P: Runner> Side<P> {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Serve { peer, certs } => peer.serve(&certs).await,
            Self::Load {
                peer,
                certs,
                addr,
                server,
                work,
            } => {
                let shape = work.shape;
                let connect = move || {
                    let certs = certs.clone();
                    async move { peer.connect(addr, &certs, shape).await }
                };
                let sample = load::run(connect, &work, server).await?;
                println!("{sample}");
                Ok(())
            }
        }
    }
}

/// The runtime of a user who chose none, on two threads whatever the machine has.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    Ok(runtime?)
}

/// Where a process of the race binds its sockets: on loopback, or where the environment says.
pub(crate) fn local() -> SocketAddr {
    let ip = std::env::var(LOCAL).ok().and_then(|ip| ip.parse().ok());
    SocketAddr::new(ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0)
}

/// The variable that says so.
pub(crate) const LOCAL: &str = "RPCNET_BENCH_LOCAL";

/// Tells the parent process where the server listens.
pub(crate) fn announce(addr: SocketAddr) {
    println!("ready {addr}");
}

/// How many messages of how many bytes a stream has, as its request says.
pub(crate) fn stream_plan(request: &[u8]) -> (usize, usize) {
    let number = |at: usize| {
        let bytes = request.get(at..at + 4).and_then(|it| it.first_chunk());
        bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize)
    };
    (number(0), number(4))
}

/// The request for so many messages of so many bytes.
pub(crate) fn plan_stream(count: u32, bytes: u32) -> Bytes {
    [count.to_be_bytes(), bytes.to_be_bytes()].concat().into()
}
