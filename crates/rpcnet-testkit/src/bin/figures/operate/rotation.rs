//! The certificates of five nodes and of their authority are replaced under load, and nobody who calls
//! notices.

use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Load, Shape, goodput, latency_ms};
use crate::verify::verify;
use crate::workers::crew::{Crew, PATIENCE};
use crate::workers::worker::{Terms, name};
use rpcnet::certs::{DevCa, Identity};
use rpcnet::cluster::{ClusterConfig, ClusterMembership, ClusterView, LoadBalancingStrategy};
use rpcnet::{RpcClient, RpcConfig, RpcError, TlsError};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Beside the node in this process.
const WORKERS: u16 = 4;

/// Trusts both authorities, replaces every identity, trusts the new one alone.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let pause = Duration::from_secs(plan.scale.pick(10, 1));
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let change = Change::prepare(crew.dir())?;
    let load = Load::start(&crew.pool()?, plan.seed, Shape::per_second(RATE));
    load.successes(RATE as u64).await;
    let (began, start) = (Instant::now(), load.len());

    change.trust(&mut crew, &[&change.old, &change.new]).await?;
    for worker in crew.addresses() {
        until("the new authority", || {
            change.admits(worker, &change.by_new)
        })
        .await?;
    }
    sleep(pause).await;
    change.replace_identities(&mut crew, pause).await?;
    change.trust(&mut crew, &[&change.new]).await?;
    let mut old_admitted = Vec::new();
    for worker in crew.addresses() {
        let refused = until("the end of the old authority", || async {
            !change.admits(worker, &change.by_old).await
        });
        old_admitted.extend(refused.await.err().map(|error| error.to_string()));
    }
    let took = began.elapsed();
    sleep(pause).await;

    // Connections of before go on; those that are made from now on are under load too.
    let fresh = crew.client_for(LoadBalancingStrategy::default()).await?;
    let fresh = Load::start(
        &fresh.pool(None)?,
        plan.seed + 1,
        Shape::per_second(RATE / 4.0),
    );
    fresh.successes(RATE as u64 / 4).await;
    let ended = Instant::now();
    let new_chains = change.new_chains(&crew).await?;
    let still_trusting = change.still_trusting(&crew).await;
    let known = change.newcomer(&crew).await?;
    let mut told = load.stop().await;
    told.add(fresh.stop().await);
    let events = crew.dismiss().await?;

    let mut measured = Measured::of_seed(plan.seed);
    let unended = verify("rotation", &events, &told, &mut measured);
    let failed = told.endings.iter().filter(|it| !it.is_ok()).count() as u64;
    let failed = (failed + told.left_out) as f64;
    measured.at_most("rotation-failed", failed, "calls", 0.0);
    let reached = goodput(&told.endings, began, ended);
    measured.at_least("rotation-rate", reached, "calls/s", 0.95 * RATE);
    measured.at_most("rotation-unended", unended as f64, "handlers", 0.0);
    let workers = f64::from(WORKERS);
    measured.at_least("rotation-new-chains", new_chains as f64, "servers", workers);
    measured.none("rotation-old-clients-admitted", &old_admitted, "servers");
    measured.none("rotation-old-roots-accepting", &still_trusting, "servers");
    measured.at_least(
        "rotation-newcomer-knows",
        known as f64,
        "members",
        workers + 1.0,
    );
    measured.known("rotation-took", took.as_secs_f64(), "s");
    let endings = told.endings.get(start..).unwrap_or_default();
    for (share, at) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        let latency = latency_ms(endings, at);
        measured.known(format!("rotation-latency-{share}"), latency, "ms");
    }
    Ok(measured)
}

/// Calls per second.
const RATE: f64 = 1_000.0;

/// Two authorities, and clients of either that try the servers.
struct Change {
    dir: PathBuf,
    old: DevCa,
    new: DevCa,
    /// Have a certificate of either authority, and trust what the directory says.
    by_old: RpcConfig,
    by_new: RpcConfig,
}

impl Change {
    fn prepare(dir: &Path) -> Result<Self, BoxError> {
        let (old, new) = (DevCa::load(dir)?, DevCa::generate("the next")?);
        fs::write(dir.join(OLD_CA), old.certificate_pem())?;
        let probe = |ca: &DevCa, stem: &str| {
            ca.client(stem)?.write(dir, stem)?;
            let config = RpcConfig::new(dir.join(format!("{stem}.pem")), "127.0.0.1:0");
            let config = config.with_key_path(dir.join(format!("{stem}-key.pem")));
            Ok::<_, BoxError>(config.with_ca_path(dir.join("ca.pem")).with_own_socket())
        };
        Ok(Self {
            dir: dir.to_path_buf(),
            by_old: probe(&old, "by-old")?,
            by_new: probe(&new, "by-new")?,
            old,
            new,
        })
    }

    /// Has every node trust these authorities.
    async fn trust(&self, crew: &mut Crew, authorities: &[&DevCa]) -> Result<(), BoxError> {
        let bundle: String = authorities.iter().map(|ca| ca.certificate_pem()).collect();
        overwrite(&self.dir.join("ca.pem"), &bundle)?;
        for worker in 0..WORKERS {
            crew.order(worker, "reload").await?;
        }
        Ok(crew.reload()?)
    }

    /// Gives every node, one after the other, a certificate of the new authority.
    async fn replace_identities(&self, crew: &mut Crew, pause: Duration) -> Result<(), BoxError> {
        for seat in crew.addresses() {
            let stem = name(seat.0);
            self.replace(&stem, &self.new.node(&[&stem])?)?;
            crew.order(seat.0, "reload").await?;
            until("the new chain", || async {
                self.shows_new_chain(seat).await.unwrap_or(false)
            })
            .await?;
            sleep(pause).await;
        }
        let stem = crew.own_name();
        self.replace(stem, &self.new.node(&[stem])?)?;
        crew.reload()?;
        // What was told by the old authority is told anew, before that goes.
        sleep(pause.max(GOSSIP)).await;
        Ok(())
    }

    fn replace(&self, stem: &str, identity: &Identity) -> io::Result<()> {
        let path = |suffix: &str| self.dir.join(format!("{stem}{suffix}.pem"));
        overwrite(&path(""), identity.certificate_pem())?;
        overwrite(&path("-key"), identity.key_pem())
    }

    /// Whether a server lets this client in.
    async fn admits(&self, (worker, address): (u16, SocketAddr), client: &RpcConfig) -> bool {
        let config = client.clone().with_server_name(name(worker));
        RpcClient::connect(address, config).await.is_ok()
    }

    /// How many servers show the certificate that their files have now.
    async fn new_chains(&self, crew: &Crew) -> Result<usize, BoxError> {
        let mut shown = 0;
        for (worker, address) in crew.addresses() {
            shown += usize::from(self.shows_new_chain((worker, address)).await?);
        }
        Ok(shown)
    }

    /// Whether a new connection sees the certificate in the server's file, signed by the new authority.
    async fn shows_new_chain(
        &self,
        (worker, address): (u16, SocketAddr),
    ) -> Result<bool, BoxError> {
        let stem = name(worker);
        let config = self.by_new.clone().with_server_name(&stem);
        let client = RpcClient::connect(address, config).await?;
        let shown = client.server_identity().ok_or("it shows no certificate")?;
        let file = rpcnet::certs::inspect(self.dir.join(format!("{stem}.pem")))?;
        let own = file.first().ok_or("there is no certificate")?;
        Ok(own.identity.fingerprint() == shown.fingerprint() && own.issuer == "CN=the next")
    }

    /// Servers that a client accepts which trusts the old authority alone.
    async fn still_trusting(&self, crew: &Crew) -> Vec<String> {
        let mut accepted = Vec::new();
        for (worker, address) in crew.addresses() {
            let config = RpcConfig::new(self.dir.join(OLD_CA), "127.0.0.1:0");
            let config = config.with_server_name(name(worker)).with_own_socket();
            match RpcClient::connect(address, config).await {
                Err(RpcError::TlsError(it)) if matches!(*it, TlsError::PeerUntrusted) => {}
                Err(other) => accepted.push(format!("w{worker}: not by TLS: {other}")),
                Ok(_) => accepted.push(format!("w{worker} is accepted")),
            }
        }
        accepted
    }

    /// How many members one sees that comes now, and takes nobody's word but the new authority's.
    async fn newcomer(&self, crew: &Crew) -> Result<usize, BoxError> {
        const STEM: &str = "newcomer";
        self.new.node(&[STEM])?.write(&self.dir, STEM)?;
        let rpc = crate::roster::member_config(&self.dir, STEM, "127.0.0.1:0");
        let config = ClusterConfig::lan().with_node_name(STEM);
        let newcomer = ClusterMembership::new(rpc, config).await?;
        newcomer
            .join(crew.addresses().iter().map(|(_, it)| *it))
            .await?;
        let others = |view: &ClusterView| view.live().filter(|it| !it.is_self()).count();
        let all = usize::from(WORKERS) + 1;
        // The others see it too before it goes again.
        let whole = newcomer.wait_until(|view| others(view) == all);
        let known = match timeout(PATIENCE, whole).await {
            Ok(view) => others(&view),
            Err(_) => others(&newcomer.view()),
        };
        newcomer.leave().await?;
        Ok(known)
    }
}

const OLD_CA: &str = "old-ca.pem";

/// Within this time everybody has heard what somebody says of itself.
const GOSSIP: Duration = Duration::from_secs(3);

/// As whoever replaces files well: nobody sees half of one.
fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

/// Asks again until it is so.
async fn until<F: Future<Output = bool>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) -> Result<(), BoxError> {
    let asking = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let asked = timeout(PATIENCE, asking).await;
    asked.map_err(|_| format!("{what}: not within {PATIENCE:?}").into())
}
