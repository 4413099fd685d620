//! The server process: this program, started again.

use crate::group::BoxError;
use crate::service::{self, Manner, Service};
use crate::services;
use clap::Args;
use rpcnet::{RpcConfig, RpcServer};
use rpcnet_testkit::ledger::Ledger;
use rpcnet_testkit::process;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What a server process is told.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Directory with the certificates and the ledger
    #[arg(long)]
    site: PathBuf,
    /// Address to serve on
    #[arg(long)]
    bind: String,
    /// Calls that may run at once, on a connection and on the server
    #[arg(long, default_value_t = 1024)]
    calls: usize,
    /// Reply bytes that may wait for one client
    #[arg(long, default_value_t = 32 << 20)]
    reply_bytes: usize,
    /// Longest time that a recorded call takes, in ms
    #[arg(long, default_value_t = 3)]
    work_ms: u64,
    /// One of how many recorded calls panics; 0 is none
    #[arg(long, default_value_t = 0)]
    panic_one_of: u64,
    /// Distinct numbers of stamped payloads that are remembered
    #[arg(long, default_value_t = 0)]
    numbers: u64,
    /// Counts no calls
    #[arg(long)]
    without_metrics: bool,
}

impl Serve {
    /// Serves until SIGTERM, then gives the calls under way [`GRACE`].
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        if self.panic_one_of > 0 {
            // These panics are on purpose, and too many to print.
            std::panic::set_hook(Box::new(|_| {}));
        }
        // Before the server is ready: a signal that comes earlier would kill.
        let mut terminate = signal(SignalKind::terminate())?;
        let service = Service::new(
            Ledger::append_to(&self.site.join(crate::site::LEDGER))?,
            Manner {
                work: Duration::from_millis(self.work_ms),
                panic_one_of: self.panic_one_of,
                numbers: self.numbers,
                ..Manner::default()
            },
        );
        let config = RpcConfig::new(self.site.join("server.pem"), self.bind)
            .with_key_path(self.site.join("server-key.pem"))
            .with_max_calls(self.calls, self.calls)
            .with_max_queued_reply_bytes(self.reply_bytes)
            .with_metrics(!self.without_metrics);
        let mut server = RpcServer::new(config);
        service::register(&server, service).await;
        server.add_service(services::service());
        let quic_server = server.bind()?;
        process::announce(server.socket_addr.ok_or("a bound server has an address")?)?;
        let terminated = async move {
            terminate.recv().await;
        };
        server
            .serve_with_shutdown(quic_server, terminated, GRACE)
            .await?;
        Ok(())
    }
}

/// Longer than any recorded call takes.
const GRACE: Duration = Duration::from_secs(10);
