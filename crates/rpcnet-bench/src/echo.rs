//! Unary echo of 64 bytes: rpcnet against raw s2n-quic.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Error;
use crate::cost::Counters;
use crate::load::{self, Sample};
use crate::peer::{Caller, Peer};

const PEERS: [Peer; 2] = [Peer::Raw, Peer::Rpcnet];
const IN_FLIGHT: [usize; 3] = [1, 64, 1024];
const PAYLOAD_BYTES: usize = 64;

/// Time for a server process to bind.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the race and prints a table.
pub(crate) async fn race(quick: bool) -> Result<(), Error> {
    let (repetitions, millis) = if quick { (3, 500) } else { (7, 2000) };
    let (warm_up, duration) = (Duration::from_millis(200), Duration::from_millis(millis));
    let certs = tempfile::tempdir()?;
    rpcnet::certs::dev_certificates(certs.path())?;
    let servers = [
        Server::start(PEERS[0], certs.path()).await?,
        Server::start(PEERS[1], certs.path()).await?,
    ];
    let payload = Bytes::from(vec![7u8; PAYLOAD_BYTES]);
    println!("unary echo, {PAYLOAD_BYTES} B, {repetitions} repetitions of {millis} ms each");
    println!(
        "{:>9}  {:<13} {:>9} {:>19} {:>8} {:>8} {:>9} {:>8}  {:>22}",
        "in flight",
        "peer",
        "calls/s",
        "[min - max]",
        "p50 us",
        "p99 us",
        "dgrams",
        "cpu us",
        "ratio [min - max]"
    );
    for in_flight in IN_FLIGHT {
        let mut samples: [Vec<Measured>; 2] = [Vec::new(), Vec::new()];
        for repetition in 0..repetitions {
            for turn in 0..PEERS.len() {
                let who = (turn + repetition) % PEERS.len();
                let caller = servers[who].connect(certs.path()).await?;
                let before = servers[who].counters()?;
                let sample = load::run(&caller, in_flight, &payload, warm_up, duration).await?;
                let cost = servers[who]
                    .counters()?
                    .per_call_since(before, sample.calls);
                samples[who].push((sample, cost));
            }
        }
        report(in_flight, &samples);
    }
    Ok(())
}

/// A repetition, with its datagrams and microseconds of processor time per call.
type Measured = (Sample, (f64, f64));

fn report(in_flight: usize, samples: &[Vec<Measured>; 2]) {
    let [raw, rpcnet] = samples;
    let ratios = spread(
        rpcnet
            .iter()
            .zip(raw)
            .map(|((rpcnet, _), (raw, _))| rpcnet.calls_per_second / raw.calls_per_second),
    );
    for (peer, samples) in PEERS.iter().zip(samples) {
        let rate = spread(samples.iter().map(|(sample, _)| sample.calls_per_second));
        let p50 = spread(samples.iter().map(|(sample, _)| sample.p50_us as f64));
        let p99 = spread(samples.iter().map(|(sample, _)| sample.p99_us as f64));
        let datagrams = spread(samples.iter().map(|(_, cost)| cost.0));
        let cpu = spread(samples.iter().map(|(_, cost)| cost.1));
        let ratio = match peer {
            Peer::Raw => "1".to_owned(),
            Peer::Rpcnet => format!(
                "{:.2} [{:.2} - {:.2}]",
                ratios.median, ratios.min, ratios.max
            ),
        };
        println!(
            "{in_flight:>9}  {:<13} {:>9.0} {:>19} {:>8.0} {:>8.0} {:>9.2} {:>8.1}  {ratio:>22}",
            peer.name(),
            rate.median,
            format!("[{:.0} - {:.0}]", rate.min, rate.max),
            p50.median,
            p99.median,
            datagrams.median,
            cpu.median,
        );
    }
}

struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    Spread {
        min: at(0),
        median: at(values.len() / 2),
        max: at(values.len().saturating_sub(1)),
    }
}

/// A peer's server in a process of its own, killed on drop.
struct Server {
    peer: Peer,
    addr: SocketAddr,
    child: Child,
}

impl Server {
    async fn start(peer: Peer, certs: &Path) -> Result<Self, Error> {
        let name = match peer {
            Peer::Raw => "raw",
            Peer::Rpcnet => "rpcnet",
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", name])
            .arg(certs)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        timeout(START_TIMEOUT, BufReader::new(stdout).read_line(&mut line)).await??;
        let addr = line
            .trim()
            .strip_prefix("ready ")
            .ok_or_else(|| format!("{name} did not start"))?
            .parse()?;
        Ok(Self { peer, addr, child })
    }

    fn counters(&self) -> Result<Counters, Error> {
        let pid = self.child.id().ok_or("the server has ended")?;
        Counters::read(pid).ok_or_else(|| "the kernel's counters cannot be read".into())
    }

    async fn connect(&self, certs: &Path) -> Result<Caller, Error> {
        self.peer.connect(self.addr, certs).await
    }
}
