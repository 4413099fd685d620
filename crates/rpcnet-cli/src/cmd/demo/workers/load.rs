//! `rpcnet demo-load`: a member that calls the demo's workers without a pause.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{Stream, stream};
use rpcnet::cluster::{
    ClusterClient, ClusterClientConfig, ClusterConfig, LoadBalancingStrategy, WorkerPool,
    WorkerRegistry,
};
use rpcnet::{CallOptions, RpcServer};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::super::cluster::node::{ANY_PORT, member};
use super::super::process::{READY, STOPPED, run_alone};
use super::super::server::say;
use super::book::{Book, Kind};
use super::tally::{LoadHandler, LoadServer, Tally};
use super::work::WorkClient;

/// Call the demo's workers until standard input is closed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the certificates are.
    #[arg(long)]
    dir: PathBuf,
    /// The name of this member, which is that of its certificate too.
    #[arg(long)]
    name: String,
    /// A node that is in the cluster.
    #[arg(long)]
    seed: SocketAddr,
}

/// Calls that may be under way at once, and how often each caller makes one: 200 a second.
const CALLERS: u64 = 12;
const CALL_EVERY: Duration = Duration::from_millis(60);
/// One of so many calls is not idempotent.
const ONCE_IN: u64 = 10;
/// How long a call may take, whatever happens to its worker.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A call that takes so long is made at a second worker too.
const HEDGE_AFTER: Duration = Duration::from_millis(250);
/// Calls that are alike are spread evenly, and a worker that stands still gets few.
pub(super) const STRATEGY: LoadBalancingStrategy = LoadBalancingStrategy::LeastConnections;
/// How often the demo is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Makes calls until standard input ends.
///
/// # Errors
///
/// What is wrong with the certificates, or why the cluster was not joined.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    run_alone(take_part(args))
}

async fn take_part(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut server = RpcServer::new(member(&args.dir, &args.name, ANY_PORT));
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    let config = ClusterConfig::lan()
        .with_cluster_name("demo")
        .with_node_name(&args.name)
        .with_tag("role", "load");
    let cluster = server.enable_cluster(config).await?;
    let registry = WorkerRegistry::new(cluster.clone(), STRATEGY);
    registry.start().await;
    let config = ClusterClientConfig::new(member(&args.dir, &args.name, ANY_PORT))
        .with_hedge_after(HEDGE_AFTER);
    let client = ClusterClient::new(registry, config);
    let (stop, stopped) = watch::channel(false);
    let desk = Desk {
        book: Arc::new(Book::new(client.clone())),
        stop,
        ended: watch::Sender::new(false),
    };
    let (book, ended) = (desk.book.clone(), desk.ended.clone());
    server.add_service(LoadServer::service(desk));

    let work = async {
        cluster.join([args.seed]).await?;
        say(&format!("{READY}{address}"))?;
        let options = CallOptions::new()
            .with_timeout(CALL_TIMEOUT)
            .wait_for_ready();
        let workers = WorkClient::new(client.pool(None)?).with_options(options);
        let callers = (0..CALLERS).map(|caller| call(&workers, &book, stopped.clone(), caller));
        join_all(callers).await;
        ended.send_replace(true);
        // Asked for its tally by then, it is needed no more when standard input ends.
        let _ = tokio::io::stdin().read(&mut [0]).await;
        cluster.leave().await?;
        say(&format!("{STOPPED}after leaving the cluster"))?;
        Ok(())
    };
    tokio::select! {
        served = server.start(quic_server) => Err(served.err().map_or("the server ended".into(), Into::into)),
        outcome = Box::pin(work) => outcome,
    }
}

/// Makes one call after the other, until it is told to stop.
async fn call(
    workers: &WorkClient<WorkerPool>,
    book: &Book,
    mut stopped: watch::Receiver<bool>,
    caller: u64,
) {
    // The callers begin one after the other, so that their calls are spread.
    sleep(CALL_EVERY.mul_f64(caller as f64 / CALLERS as f64)).await;
    let mut ticks = interval(CALL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1.. {
        tokio::select! {
            biased;
            // Nobody can tell any more where the sender is gone.
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = ticks.tick() => {}
        }
        let kind = match (number + caller) % ONCE_IN {
            0 => Kind::Once,
            _ => Kind::Idempotent,
        };
        let entry = book.begin(Instant::now());
        let outcome = match kind {
            Kind::Idempotent => workers.square(number).await,
            Kind::Once => workers.square_once(number).await,
        };
        entry.end(kind, number * number, outcome);
    }
}

/// What the demo asks.
struct Desk {
    book: Arc<Book>,
    stop: watch::Sender<bool>,
    /// Whether the last call has ended.
    ended: watch::Sender<bool>,
}

impl LoadHandler for Desk {
    async fn watch(&self) -> Result<impl Stream<Item = Tally>, String> {
        let ticks = interval(TELL_EVERY);
        Ok(stream::unfold(ticks, move |mut ticks| async move {
            ticks.tick().await;
            Some((self.book.tally(), ticks))
        }))
    }

    async fn mark(&self) -> Result<(), String> {
        self.book.mark();
        Ok(())
    }

    async fn finish(&self) -> Result<Tally, String> {
        self.stop.send_replace(true);
        let mut ended = self.ended.subscribe();
        let all_ended = ended.wait_for(|ended| *ended).await;
        all_ended.map_err(|_| "the load is gone")?;
        Ok(self.book.tally())
    }
}
