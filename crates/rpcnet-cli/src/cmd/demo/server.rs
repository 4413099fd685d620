//! `rpcnet demo-server`: the other process of the demo.

use std::error::Error;
use std::io::{self, Read, Write};
use std::panic;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcnet::builtin::Access;
use rpcnet::{CallContext, RpcConfig, RpcError, RpcServer};
use tokio::sync::watch;

use super::process::{READY, STOPPED};
use super::words::{Polyglot, WordsServer};
use crate::cmd::hangup::Hangups;

/// Serve the demo's methods until standard input is closed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the certificates are.
    #[arg(long)]
    dir: PathBuf,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: String,
}

/// Largest message the server accepts, in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// How long a call of `nap` takes.
pub(super) const NAP: Duration = Duration::from_millis(400);
/// Time that calls under way are given to finish.
const GRACE: Duration = Duration::from_secs(5);
/// What the handler of `panic` says.
const PANIC_TEXT: &str = "a bug in a handler";

/// Serves until standard input ends.
///
/// # Errors
///
/// What is wrong with the certificates or the address.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    quieten_expected_panic();
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(serve(args));
    // Reading standard input occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = RpcConfig::new(args.dir.join("server.pem"), args.bind.as_str())
        .with_key_path(args.dir.join("server-key.pem"))
        .with_ca_path(args.dir.join("ca.pem"))
        .with_max_message_bytes(MESSAGE_BYTES_MAX);
    let mut server = RpcServer::new(config);
    server.add_service(WordsServer::service(Polyglot));
    register_plain(&server).await;
    register_waiting(&server).await;
    server.enable_health(Access::anyone()).await;
    server.enable_introspection(Access::anyone()).await;
    let quic_server = server.bind()?;
    let hangups = Hangups::listen()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    say(&format!("{READY}{address}"))?;
    let asked_to_stop = async {
        // Data or an error would be no less of a reason.
        let _ = tokio::task::spawn_blocking(|| io::stdin().read(&mut [0])).await;
    };
    let report = tokio::select! {
        report = server.serve_with_shutdown(quic_server, asked_to_stop, GRACE) => report?,
        never = hangups.reload(&server) => match never {},
    };
    say(&format!(
        "{STOPPED}{} completed, {} cut, in {} ms",
        report.completed,
        report.cut,
        report.took.as_millis()
    ))?;
    Ok(())
}

/// Tells the parent a line.
pub(super) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Other panics are printed as ever.
fn quieten_expected_panic() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(PANIC_TEXT) {
            default(info);
        }
    }));
}

async fn register_plain(server: &RpcServer) {
    server
        .register("echo", |payload| async move { Ok(payload) })
        .await;
    server
        .register("panic", |_| async move { panic!("{PANIC_TEXT}") })
        .await;
    server
        .register("nap", |payload| async move {
            tokio::time::sleep(NAP).await;
            Ok(payload)
        })
        .await;
    server
        .register_with_context("who_am_i", |context, _| async move {
            let name = match context.peer_identity() {
                Some(identity) => identity.dns_names().join(", "),
                None => "anonymous".to_owned(),
            };
            Ok(name.into_bytes())
        })
        .await;
}

/// `wait` never ends by itself; `stats` tells what became of its handlers.
async fn register_waiting(server: &RpcServer) {
    let stats = Arc::new(watch::Sender::new(Stats::default()));
    let running = server.clone();
    let of_waits = stats.clone();
    server
        .register_with_context("wait", move |context, _| {
            let waiting = Waiting::begin(of_waits.clone(), &context);
            async move {
                let _waiting = waiting;
                std::future::pending().await
            }
        })
        .await;
    server
        .register("stats", move |at_least| {
            let mut stats = stats.subscribe();
            let running = running.clone();
            async move {
                let at_least = Stats::decode(&at_least)?;
                let reached = |stats: &Stats| {
                    stats.started >= at_least.started && stats.ended >= at_least.ended
                };
                let now = stats
                    .wait_for(reached)
                    .await
                    .map_err(RpcError::SerializationError)?;
                // This call itself is one of those running.
                let others = running.running_calls().saturating_sub(1) as u64;
                Ok(Stats {
                    running: others,
                    ..*now
                }
                .encode())
            }
        })
        .await;
}

/// What a server tells about its calls of `wait`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stats {
    /// Handlers that began.
    pub(super) started: u64,
    /// Handlers that were dropped; they never return.
    pub(super) ended: u64,
    /// The time that the last one to end was given, in microseconds.
    pub(super) given_us: u64,
    /// The time that it lived, in microseconds.
    pub(super) lived_us: u64,
    /// Calls of any method that run now.
    pub(super) running: u64,
}

impl Stats {
    pub(super) fn encode(&self) -> Vec<u8> {
        [
            self.started,
            self.ended,
            self.given_us,
            self.lived_us,
            self.running,
        ]
        .iter()
        .flat_map(|field| field.to_be_bytes())
        .collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RpcError> {
        let wrong = || RpcError::SerializationError("stats are five numbers of eight bytes");
        let mut fields = bytes
            .chunks(8)
            .map(|chunk| chunk.try_into().map(u64::from_be_bytes));
        let mut next = || fields.next().and_then(Result::ok).ok_or_else(wrong);
        Ok(Self {
            started: next()?,
            ended: next()?,
            given_us: next()?,
            lived_us: next()?,
            running: next()?,
        })
    }
}

/// A handler of `wait` that is alive; its drop is what the demo wants to see.
struct Waiting {
    stats: Arc<watch::Sender<Stats>>,
    given: Duration,
    began: Instant,
}

impl Waiting {
    fn begin(stats: Arc<watch::Sender<Stats>>, context: &CallContext) -> Self {
        stats.send_modify(|stats| stats.started += 1);
        Self {
            stats,
            given: context.remaining(),
            began: Instant::now(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stats.send_modify(|stats| {
            stats.ended += 1;
            stats.given_us = microseconds(self.given);
            stats.lived_us = microseconds(self.began.elapsed());
        });
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_survive_the_way() {
        let stats = Stats {
            started: 1,
            ended: 2,
            given_us: 3,
            lived_us: 4,
            running: 5,
        };
        assert_eq!(Stats::decode(&stats.encode()).expect("whole"), stats);
        assert!(Stats::decode(&stats.encode()[..39]).is_err());
    }
}
