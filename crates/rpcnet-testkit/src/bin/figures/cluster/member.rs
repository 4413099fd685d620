//! The member process: this program, started again.

use crate::group::BoxError;
use crate::roster::member_config;
use crate::told::{MARK, Sight, What, say};
use clap::Args;
use rpcnet::RpcServer;
use rpcnet::cluster::{ClusterConfig, ClusterMembership, HealthChecker, HealthConfig};
use rpcnet_testkit::process;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tracing_subscriber::EnvFilter;

/// What a member process is told when it starts. The rest comes on its standard input, line by line:
/// `NAME join SEED...`, `NAME mark VALUE`, `NAME leave`, `NAME sent`; it ends with its input.
#[derive(Debug, Args)]
pub(crate) struct Member {
    /// Directory with the certificates
    #[arg(long)]
    roster: PathBuf,
    /// Name of a member; each gets a server of its own
    #[arg(long = "name", required = true)]
    names: Vec<String>,
    /// Address to serve on
    #[arg(long)]
    bind: String,
    /// Watch the other members' heartbeats
    #[arg(long)]
    health: bool,
}

impl Member {
    /// Does as it is told until its input ends. Ready once every server is bound; the address is the
    /// first one's.
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        // Silent unless `RUST_LOG` asks for more.
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_writer(io::stderr)
            .init();
        let mut members = HashMap::new();
        let mut first = None;
        for name in &self.names {
            let one = self.start(name).await?;
            first.get_or_insert(one.addr);
            members.insert(name.clone(), one);
        }
        process::announce(first.ok_or("a member has a name")?)?;
        for one in members.values() {
            one.tell();
        }
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            let Some((name, order)) = line.split_once(' ') else {
                continue;
            };
            if let Some(one) = members.get(name) {
                tokio::spawn(obey(Arc::clone(&one.cluster), order.to_owned()));
            }
        }
        Ok(())
    }

    async fn start(&self, name: &str) -> Result<One, BoxError> {
        let config = member_config(&self.roster, name, &self.bind);
        let mut server = RpcServer::new(config);
        let quic_server = server.bind()?;
        let addr = server.socket_addr.ok_or("a bound server has an address")?;
        let config = ClusterConfig::lan().with_node_name(name);
        let cluster = server.enable_cluster(config).await?;
        let health = if self.health {
            let health = HealthChecker::new(Arc::clone(&cluster), HealthConfig::lan());
            health.start().await;
            Some(health)
        } else {
            None
        };
        tokio::spawn(async move { server.start(quic_server).await });
        Ok(One {
            addr,
            cluster,
            _health: health,
        })
    }
}

/// One of the members of this process.
struct One {
    addr: SocketAddr,
    cluster: Arc<ClusterMembership>,
    _health: Option<HealthChecker>,
}

impl One {
    /// Says from now on what happens to it.
    fn tell(&self) {
        let mut events = self.cluster.subscribe();
        let name = self.cluster.name().to_string();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                say(&name, (&event).into());
            }
        });
        tokio::spawn(tell_sights(Arc::clone(&self.cluster)));
    }
}

/// Says what it sees whenever that has changed.
async fn tell_sights(cluster: Arc<ClusterMembership>) {
    let mut said = None;
    loop {
        let changed = |view: &_| said != Some(Sight::of(view));
        let sight = Sight::of(&cluster.wait_until(changed).await);
        say(cluster.name().as_str(), What::Sight(sight.clone()));
        said = Some(sight);
    }
}

async fn obey(cluster: Arc<ClusterMembership>, order: String) {
    let name = cluster.name().to_string();
    let (verb, rest) = order.split_once(' ').unwrap_or((&order, ""));
    let done = match verb {
        "join" => {
            say(&name, What::Joining);
            let joined = cluster.join(rest.split_whitespace()).await;
            joined.map(|()| What::Joined).map_err(BoxError::from)
        }
        "mark" => match cluster.set_tag(MARK, rest).await {
            Ok(()) => return,
            Err(error) => Err(error.into()),
        },
        "leave" => cluster
            .leave()
            .await
            .map(|()| What::Left)
            .map_err(BoxError::from),
        "sent" => {
            let counters = cluster.counters();
            Ok(What::Sent {
                messages: counters.links.messages_sent,
                bytes: counters.links.bytes_sent,
            })
        }
        _ => Err(format!("there is no order `{verb}`").into()),
    };
    say(
        &name,
        done.unwrap_or_else(|error| What::Failed(format!("{verb}: {error}"))),
    );
}
