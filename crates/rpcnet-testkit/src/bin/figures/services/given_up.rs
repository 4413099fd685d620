//! Typed streaming calls that are given up midway leave nothing behind on either side.

use super::definition::PlantClient;
use crate::calls::{growth, mib, state};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::settle::settles;
use crate::site::Site;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet_testkit::memory::resident_bytes;
use std::time::Duration;
use tokio::runtime::Handle;

/// Calls that run at once.
const AT_ONCE: usize = 64;

/// Items of a stream: more than are read of any, and no more work than a call is.
const ITEMS: u64 = 100;

/// Both processes together; the connections' own buffers fill and empty within it.
const GROWTH_MIB_MAX: f64 = 16.0;

const SETTLE_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(100_000, 10_000);
    let site = Site::new()?;
    let server = site.serve("127.0.0.1:0", &[]).await?;
    let rpc = site.client(server.addr()).await?;
    let observer = site.client(server.addr()).await?;
    let plant = PlantClient::new(rpc);
    // The first calls teach the allocators what they need.
    give_up(&plant, amount / 5).await?;
    // The last look is what counts: the call that looks may be a task of its own or not.
    let quiet = async |tasks, local| {
        let mut seen = (u64::MAX, u64::MAX);
        settles(SETTLE_WITHIN, async || {
            let here = alive_tasks();
            let Ok(there) = state(&observer).await else {
                return false;
            };
            seen = (there.tasks, here);
            there.tasks <= tasks && here <= local
        })
        .await;
        seen
    };
    let (tasks, local) = quiet(QUIET_TASKS, u64::MAX).await;
    let own = std::process::id();
    let bytes = || Ok::<_, BoxError>((resident_bytes(server.pid())?, resident_bytes(own)?));
    let before = bytes()?;
    give_up(&plant, amount).await?;
    let (tasks_after, local_after) = quiet(tasks, local).await;
    let after = bytes()?;

    let mut measured = Measured::default();
    let grown = growth(before.0, after.0) + growth(before.1, after.1);
    measured.at_most("typed-given-up-growth", mib(grown), "MiB", GROWTH_MIB_MAX);
    measured.at_most(
        "typed-given-up-server-tasks",
        growth(tasks, tasks_after),
        "tasks",
        0.0,
    );
    measured.at_most(
        "typed-given-up-client-tasks",
        growth(local, local_after),
        "tasks",
        0.0,
    );
    let alive = plant.echo("alive".to_owned()).await;
    let dead = u64::from(!matches!(alive, Ok(text) if text == "alive"));
    measured.at_most("typed-given-up-failed-after", dead as f64, "calls", 0.0);
    Ok(measured)
}

/// Tasks of a server that serves two connections and no call but the one that asks.
const QUIET_TASKS: u64 = 24;

fn alive_tasks() -> u64 {
    Handle::current().metrics().num_alive_tasks() as u64
}

/// Makes this many calls, of which every other has an upload, and drops each after a few items.
async fn give_up(plant: &PlantClient, amount: u64) -> Result<(), BoxError> {
    let calls = stream::iter(0..amount).map(|number| async move {
        let mut items = if number % 2 == 0 {
            plant.count(ITEMS).await?
        } else {
            let open = stream::iter(0..ITEMS).chain(stream::pending());
            plant.relay(open).await?
        };
        for _ in 0..number % 5 {
            items.try_next().await?.ok_or("a stream ended by itself")?;
        }
        Ok::<_, BoxError>(())
    });
    let mut calls = calls.buffer_unordered(AT_ONCE);
    while let Some(ended) = calls.next().await {
        ended?;
    }
    Ok(())
}
