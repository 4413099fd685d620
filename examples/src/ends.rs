//! The command line of a program that is a server, a client, or both.

use std::error::Error;
use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rpcnet::RpcConfig;
use rpcnet::certs::dev_certificates;
use tokio::sync::{oneshot, watch};

/// What an end, and the whole program, comes to.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long running calls may go on once a server is told to stop.
pub const GRACE: Duration = Duration::from_secs(2);

/// Runs the ends that the command line asks for.
///
/// - `server --address A` serves until it is interrupted.
/// - `client --address A` calls a server that runs elsewhere.
/// - Without either, both run in this process; the server stops after the client.
///
/// # Errors
///
/// Those of the ends, and of making certificates.
///
/// # Cancel safety
///
/// Dropping the future drops the ends.
pub async fn run<S, C>(
    serve: impl FnOnce(ServerEnd) -> S,
    call: impl FnOnce(ClientEnd) -> C,
) -> Outcome
where
    S: Future<Output = Outcome>,
    C: Future<Output = Outcome>,
{
    match Cli::parse().command {
        Some(Command::Server(args)) => {
            let (stop, stopped) = watch::channel(false);
            let (announce, _) = oneshot::channel();
            let interrupted = async {
                tokio::signal::ctrl_c().await?;
                stop.send_replace(true);
                Outcome::Ok(())
            };
            let end = ServerEnd::new(args, announce, stopped)?;
            // In this order the signal is heard before the server says that it is there.
            tokio::try_join!(interrupted, serve(end))?;
        }
        Some(Command::Client(args)) => call(ClientEnd::new(args)).await?,
        None => both(serve, call).await?,
    }
    Ok(())
}

async fn both<S, C>(
    serve: impl FnOnce(ServerEnd) -> S,
    call: impl FnOnce(ClientEnd) -> C,
) -> Outcome
where
    S: Future<Output = Outcome>,
    C: Future<Output = Outcome>,
{
    let certs = tempfile::tempdir()?;
    let args = |address| EndArgs {
        address,
        certs: certs.path().to_owned(),
        rest: Vec::new(),
    };
    let (stop, stopped) = watch::channel(false);
    let (announce, announced) = oneshot::channel();
    let server = ServerEnd::new(args(([127, 0, 0, 1], 0).into()), announce, stopped)?;
    let client = async {
        // Dropped without a word where the server could not begin; its own error says more.
        if let Ok(address) = announced.await {
            call(ClientEnd::new(args(address))).await?;
        }
        stop.send_replace(true);
        Ok(())
    };
    tokio::try_join!(serve(server), client)?;
    Ok(())
}

/// A typed service over QUIC. Without a command, a server and a client run in this process.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until interrupted.
    Server(EndArgs),
    /// Calls a server.
    Client(EndArgs),
}

#[derive(Args)]
struct EndArgs {
    /// Where the server listens, such as 127.0.0.1:4433; for a server, port 0 is any free one.
    #[arg(long)]
    address: SocketAddr,
    /// The folder of the development certificates; a server makes them if there are none.
    #[arg(long, default_value = "certs")]
    certs: PathBuf,
    /// What else the program takes; see its source.
    rest: Vec<OsString>,
}

/// What a program needs to be a server.
#[derive(Debug)]
pub struct ServerEnd {
    config: RpcConfig,
    rest: Vec<OsString>,
    announce: Option<oneshot::Sender<SocketAddr>>,
    stopped: watch::Receiver<bool>,
}

impl ServerEnd {
    fn new(
        args: EndArgs,
        announce: oneshot::Sender<SocketAddr>,
        stopped: watch::Receiver<bool>,
    ) -> Outcome<Self> {
        let file = |name| args.certs.join(name);
        if !file("server.pem").exists() {
            dev_certificates(&args.certs)?;
        }
        let config = RpcConfig::new(file("server.pem"), args.address.to_string())
            .with_key_path(file("server-key.pem"));
        Ok(Self {
            config,
            rest: args.rest,
            announce: Some(announce),
            stopped,
        })
    }

    /// Where to listen, and as whom.
    pub fn config(&self) -> RpcConfig {
        self.config.clone()
    }

    /// What the command line says beyond the address.
    #[must_use]
    pub fn rest(&self) -> &[OsString] {
        &self.rest
    }

    /// Says where the server listens: to the user, and to a client in this process.
    #[expect(clippy::print_stdout, reason = "a program that talks to its reader")]
    pub fn announce(&mut self, address: SocketAddr) {
        println!("serving on {address}");
        if let Some(announce) = self.announce.take() {
            // A server without a client in its process has nobody to tell.
            let _ = announce.send(address);
        }
    }

    /// Waits until the server shall stop.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn stopped(mut self) {
        // Whoever could still say so is gone: that is a reason to stop as well.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }
}

/// What a program needs to be a client.
#[derive(Debug)]
pub struct ClientEnd {
    address: SocketAddr,
    config: RpcConfig,
    rest: Vec<OsString>,
}

impl ClientEnd {
    fn new(args: EndArgs) -> Self {
        let local = if args.address.is_ipv6() {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        Self {
            address: args.address,
            config: RpcConfig::new(args.certs.join("ca.pem"), local),
            rest: args.rest,
        }
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom to trust.
    pub fn config(&self) -> RpcConfig {
        self.config.clone()
    }

    /// What the command line says beyond the address.
    #[must_use]
    pub fn rest(&self) -> &[OsString] {
        &self.rest
    }
}
