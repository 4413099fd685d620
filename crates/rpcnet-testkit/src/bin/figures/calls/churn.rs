//! Connections that come and go: nothing of them may stay.

use super::{growth, mib, state};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::service::{ECHO, ServerState};
use crate::settle::settles;
use crate::site::Site;
use rpcnet::RpcClient;
use rpcnet_testkit::memory::{open_file_count, resident_bytes};
use rpcnet_testkit::process::Process;
use std::time::Duration;
use tokio::runtime::Handle;

/// What both processes hold.
#[derive(Debug, Clone, Copy)]
struct Held {
    server: ServerState,
    server_bytes: u64,
    client_tasks: u64,
    client_files: u64,
    client_bytes: u64,
}

impl Held {
    async fn now(server: &Process, observer: &RpcClient) -> Result<Self, BoxError> {
        let own = std::process::id();
        Ok(Self {
            server: state(observer).await?,
            server_bytes: resident_bytes(server.pid())?,
            client_tasks: Handle::current().metrics().num_alive_tasks() as u64,
            client_files: open_file_count(own)?,
            client_bytes: resident_bytes(own)?,
        })
    }

    fn has_settled_to(&self, baseline: &Self) -> bool {
        self.server.tasks <= baseline.server.tasks
            && self.server.files <= baseline.server.files
            && self.client_tasks <= baseline.client_tasks
            && self.client_files <= baseline.client_files
    }
}

/// Connections that close take some time to be forgotten by either side.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// Rounds of connections, after each of which the memory is looked at.
const ROUNDS: u64 = 5;

/// What allocators keep of what they had at most.
const GROWTH_MIB_MAX: f64 = 8.0;

/// Connects, calls and closes, one connection after another.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(2_000, 200);
    let site = Site::new()?;
    let server = site.serve("127.0.0.1:0", &[]).await?;
    let observer = site.client(server.addr()).await?;
    let bare = Held::now(&server, &observer).await?;
    connect_and_close(&site, &server, amount / 5).await?;
    settled(&server, &observer, &bare).await?;
    // What an allocator keeps depends on how many connections happened to overlap while
    // they closed; what leaks is there after every round. So the smallest growth counts.
    let mut before = Held::now(&server, &observer).await?;
    let (mut server_growth, mut client_growth) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        connect_and_close(&site, &server, amount / ROUNDS).await?;
        let after = settled(&server, &observer, &bare).await?;
        server_growth = server_growth.min(growth(before.server_bytes, after.server_bytes));
        client_growth = client_growth.min(growth(before.client_bytes, after.client_bytes));
        before = after;
    }
    let after = before;

    let mut measured = Measured::default();
    let mut add = |name: &str, before, after| {
        let name = format!("connect-churn-{name}-growth");
        measured.at_most(name, growth(before, after), "count", 0.0);
    };
    add("server-tasks", bare.server.tasks, after.server.tasks);
    add("server-files", bare.server.files, after.server.files);
    add("client-tasks", bare.client_tasks, after.client_tasks);
    add("client-files", bare.client_files, after.client_files);
    let mut add = |name: &str, grown| {
        let name = format!("connect-churn-{name}-growth");
        measured.at_most(name, mib(grown), "MiB", GROWTH_MIB_MAX);
    };
    add("server-memory", server_growth);
    add("client-memory", client_growth);
    Ok(measured)
}

async fn connect_and_close(site: &Site, server: &Process, amount: u64) -> Result<(), BoxError> {
    for number in 0..amount {
        let client = site.client(server.addr()).await?;
        client.call(ECHO, number.to_be_bytes().to_vec()).await?;
    }
    Ok(())
}

/// Waits until as little is held as at `bare`; where that takes too long, the last look stands.
async fn settled(server: &Process, observer: &RpcClient, bare: &Held) -> Result<Held, BoxError> {
    settles(SETTLE_WITHIN, async || {
        let now = Held::now(server, observer).await;
        now.is_ok_and(|now| now.has_settled_to(bare))
    })
    .await;
    Held::now(server, observer).await
}
