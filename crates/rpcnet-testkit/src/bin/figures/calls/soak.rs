//! Many calls and items through a lossy network: none lost, repeated or altered, and memory flat.

use super::{growth, mib, state};
use crate::group::{Measured, Outcome, Scale};
use crate::service::{STAMPED, STAMPED_STREAM};
use crate::site::Site;
use crate::stamp;
use futures::StreamExt;
use rpcnet::RpcClient;
use rpcnet_testkit::chaos::{ChaosConfig, ChaosProxy};
use rpcnet_testkit::memory::resident_bytes;
use rpcnet_testkit::process::Process;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// Both processes' memory, in bytes.
#[derive(Debug, Clone, Copy)]
struct Resident {
    server: u64,
    client: u64,
}

impl Resident {
    fn now(server: &Process) -> io::Result<Self> {
        Ok(Self {
            server: resident_bytes(server.pid())?,
            client: resident_bytes(std::process::id())?,
        })
    }
}

/// From this share of the run on, memory counts as warmed up.
const WARM_UP: f64 = 0.3;

/// What both processes may grow by after that.
const GROWTH_MIB_MAX: f64 = 8.0;

const IN_FLIGHT: usize = 64;

const LOSSY: ChaosConfig = ChaosConfig {
    seed: 1,
    loss: 0.01,
    duplicate: 0.0,
    corrupt: 0.0,
    reorder: 0.0,
    reorder_hold: std::time::Duration::ZERO,
    delay: std::time::Duration::ZERO,
    jitter: std::time::Duration::ZERO,
    datagram_bytes_max: None,
    rate: None,
    directions: rpcnet_testkit::chaos::Directions::Both,
};

/// What the workers of the unary soak share.
#[derive(Debug)]
struct Soak {
    client: RpcClient,
    amount: u64,
    next: AtomicU64,
    failed: AtomicU64,
    altered: AtomicU64,
}

/// Unary calls with stamped payloads, [`IN_FLIGHT`] at a time.
pub(super) async fn unary(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(1_000_000, 30_000);
    let site = Site::new()?;
    let server = site
        .serve("127.0.0.1:0", &["--numbers", &amount.to_string()])
        .await?;
    let proxy = ChaosProxy::start(server.addr(), LOSSY)?;
    let client = site.client(proxy.addr()).await?;
    let soak = Arc::new(Soak {
        client: client.clone(),
        amount,
        next: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        altered: AtomicU64::new(0),
    });

    let began = Instant::now();
    soak.run_until((amount as f64 * WARM_UP) as u64).await;
    let warm = Resident::now(&server)?;
    soak.run_until(amount).await;
    let end = Resident::now(&server)?;
    let took = began.elapsed();

    let seen = state(&site.client(server.addr()).await?).await?;
    let failed = soak.failed.load(Ordering::Relaxed);
    let altered = soak.altered.load(Ordering::Relaxed) + seen.altered;
    let mut measured = Measured::default();
    measured.note(format!(
        "{amount} calls in {took:.1?}, {:.0} per second, {} datagrams lost",
        amount as f64 / took.as_secs_f64(),
        lost_datagrams(&proxy)
    ));
    measured.at_most("soak-unary-lost", failed as f64, "calls", 0.0);
    measured.at_most(
        "soak-unary-unexecuted",
        amount.saturating_sub(seen.seen) as f64,
        "calls",
        0.0,
    );
    measured.at_most("soak-unary-duplicated", seen.repeated as f64, "calls", 0.0);
    measured.at_most("soak-unary-altered", altered as f64, "calls", 0.0);
    growths(&mut measured, "soak-unary", warm, end);
    Ok(measured)
}

impl Soak {
    /// Runs the calls up to this number.
    async fn run_until(self: &Arc<Self>, end: u64) {
        let mut workers = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            workers.spawn(self.clone().work(end));
        }
        while workers.join_next().await.is_some() {}
        // Each worker took one number beyond the end.
        self.next.store(end, Ordering::Relaxed);
    }

    async fn work(self: Arc<Self>, end: u64) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= end.min(self.amount) {
                return;
            }
            let payload = stamp::stamped(number);
            match self.client.call(STAMPED, payload.clone()).await {
                Ok(reply) if reply == payload => {}
                Ok(_) => {
                    self.altered.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// One stream of stamped items there and back.
pub(super) async fn stream(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(1_000_000, 50_000);
    let site = Site::new()?;
    let server = site
        .serve("127.0.0.1:0", &["--numbers", &amount.to_string()])
        .await?;
    let proxy = ChaosProxy::start(server.addr(), LOSSY)?;
    let client = site.client(proxy.addr()).await?;

    let began = Instant::now();
    let upload = futures::stream::iter((0..amount).map(stamp::stamped));
    let mut items = client.call_streaming(STAMPED_STREAM, upload).await?;
    let (mut received, mut gaps) = (0, 0);
    let mut warm = Resident::now(&server)?;
    let mut measured = Measured::default();
    while let Some(item) = items.next().await {
        match item {
            Ok(item) if stamp::number_of(&item) == Some(received) => {}
            Ok(_) => gaps += 1,
            Err(error) => {
                measured.note(format!("ended after {received} items: {error}"));
                break;
            }
        }
        received += 1;
        if received == (amount as f64 * WARM_UP) as u64 {
            warm = Resident::now(&server)?;
        }
    }
    let end = Resident::now(&server)?;
    let took = began.elapsed();

    let seen = state(&site.client(server.addr()).await?).await?;
    measured.note(format!(
        "{amount} items in {took:.1?}, {:.0} per second, {} datagrams lost",
        amount as f64 / took.as_secs_f64(),
        lost_datagrams(&proxy)
    ));
    measured.at_most(
        "soak-stream-lost",
        amount.saturating_sub(received) as f64,
        "items",
        0.0,
    );
    measured.at_most(
        "soak-stream-gaps",
        (gaps + seen.altered + seen.repeated) as f64,
        "items",
        0.0,
    );
    growths(&mut measured, "soak-stream", warm, end);
    Ok(measured)
}

fn growths(measured: &mut Measured, name: &str, warm: Resident, end: Resident) {
    let mut add = |side: &str, warm, end| {
        let growth = mib(growth(warm, end));
        measured.at_most(
            format!("{name}-{side}-growth"),
            growth,
            "MiB",
            GROWTH_MIB_MAX,
        );
    };
    add("server", warm.server, end.server);
    add("client", warm.client, end.client);
}

fn lost_datagrams(proxy: &ChaosProxy) -> u64 {
    let stats = proxy.stats();
    stats.to_upstream.lost + stats.to_client.lost
}
