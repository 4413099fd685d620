//! Faults under load, each proved by the ledger: no call runs twice, and none is lied about.

use crate::drive::{KEEP_ALIVE, read_calls};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::load::{Load, Shape, Told};
use crate::percentile::percentile_ms;
use crate::site::{START_WITHIN, Site};
use crate::verify::verify;
use rpcnet::RpcClient;
use rpcnet_testkit::chaos::{ChaosConfig, ChaosProxy};
use rpcnet_testkit::ledger::{CallId, CallRecord, Event, Outcome as Ending};
use rpcnet_testkit::process::Process;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A server that was told to end does so within this time.
const EXIT_WITHIN: Duration = Duration::from_secs(20);

const LOOPBACK: &str = "127.0.0.1:0";

/// A fifth of all datagrams is lost.
pub(super) async fn loss(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let server = site.serve(LOOPBACK, &[]).await?;
    let config = ChaosConfig {
        seed: 20,
        loss: 0.2,
        ..ChaosConfig::default()
    };
    let proxy = ChaosProxy::start(server.addr(), config)?;
    let client = connect(&site, proxy.addr()).await?;
    let load = Load::start(&client, 1, Shape::default());
    sleep(scale.pick(Duration::from_secs(60), Duration::from_secs(5))).await;
    let told = load.stop().await;
    end_and_check("ledger-loss", &site, server, told).await
}

/// The network goes dark for longer than the connection lives, again and again.
pub(super) async fn blackout(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let server = site.serve(LOOPBACK, &[]).await?;
    let proxy = ChaosProxy::start(server.addr(), ChaosConfig::default())?;
    let client = connect(&site, proxy.addr()).await?;
    let load = Load::start(&client, 1, Shape::default());
    for _ in 0..scale.pick(5, 2) {
        load.successes(1_000).await;
        proxy.blackout(true);
        sleep(scale.pick(Duration::from_secs(5), Duration::from_secs(2))).await;
        proxy.blackout(false);
    }
    load.successes(1_000).await;
    let told = load.stop().await;
    end_and_check("ledger-blackout", &site, server, told).await
}

/// One handler in a hundred panics.
pub(super) async fn panics(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let server = site.serve(LOOPBACK, &["--panic-one-of", "100"]).await?;
    let client = connect(&site, server.addr()).await?;
    let load = Load::start(&client, 1, Shape::default());
    load.successes(scale.pick(200_000, 10_000)).await;
    let told = load.stop().await;
    end_and_check("ledger-panics", &site, server, told).await
}

/// Callers give up at every stage of a call.
pub(super) async fn drops(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let server = site.serve(LOOPBACK, &[]).await?;
    let client = connect(&site, server.addr()).await?;
    let shape = Shape {
        gives_up: true,
        ..Shape::default()
    };
    let load = Load::start(&client, 1, shape);
    load.successes(scale.pick(100_000, 5_000)).await;
    let told = load.stop().await;
    end_and_check("ledger-drops", &site, server, told).await
}

/// The server stands still, for less and for more than its connections live.
pub(super) async fn stopped_server(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let mut server = site.serve(LOOPBACK, &[]).await?;
    let client = connect(&site, server.addr()).await?;
    let load = Load::start(&client, 1, Shape::default());
    for _ in 0..scale.pick(5, 1) {
        for pause in STOPS {
            load.successes(1_000).await;
            server.pause().await?;
            sleep(pause).await;
            server.resume().await?;
        }
    }
    load.successes(1_000).await;
    let told = load.stop().await;
    end_and_check("ledger-stopped-server", &site, server, told).await
}

/// The client stands still, for less and for more than its connections live.
pub(super) async fn stopped_client(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let server = site.serve(LOOPBACK, &[]).await?;
    let calls = site.path("calls");
    let mut client = Process::start(site.drive(server.addr(), &calls)?, START_WITHIN).await?;
    for _ in 0..scale.pick(5, 1) {
        for pause in STOPS {
            sleep(Duration::from_secs(1)).await;
            client.pause().await?;
            sleep(pause).await;
            client.resume().await?;
        }
    }
    sleep(Duration::from_secs(1)).await;
    client.terminate().await?;
    let status = client.wait(EXIT_WITHIN).await?;
    if !status.success() {
        return Err(format!("the client ended with {status}").into());
    }
    let told = Told {
        calls: read_calls(&calls)?,
        ..Told::default()
    };
    end_and_check("ledger-stopped-client", &site, server, told).await
}

/// A connection that keeps alive every [`KEEP_ALIVE`] lives for 1.5 s of silence.
const STOPS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The server is killed and comes back on its port, after up to 1.5 s.
pub(super) async fn kill(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let mut server = site.serve(LOOPBACK, &[]).await?;
    let addr = server.addr();
    let client = connect(&site, addr).await?;
    let load = Load::start(&client, 1, Shape::default());
    let mut recoveries = Vec::new();
    for round in 0..scale.pick(20, 4) {
        load.successes(1_000).await;
        server.kill().await?;
        sleep(Duration::from_millis(500) * (round % 4)).await;
        server = site.serve(&addr.to_string(), &[]).await?;
        let back = Instant::now();
        load.successes(1).await;
        recoveries.push(back.elapsed());
    }
    let told = load.stop().await;
    // Handlers that were killed have no end, so that is not asked for.
    end(server).await?;
    let mut measured = Measured::default();
    verify("ledger-kill", &site.events()?, &told, &mut measured);
    measured.note(format!("first successes after {recoveries:.1?}"));
    measured.at_most(
        "ledger-kill-first-success-p99",
        percentile_ms(&mut recoveries, 0.99),
        "ms",
        1_000.0,
    );
    Ok(measured)
}

/// The server shuts down in good order, while calls that take up to 200 ms are under way.
pub(super) async fn shutdown(scale: Scale) -> Outcome {
    let site = Site::new()?;
    let slow = ["--work-ms", "200"];
    let mut server = site.serve(LOOPBACK, &slow).await?;
    let addr = server.addr();
    let client = connect(&site, addr).await?;
    let load = Load::start(&client, 1, Shape::default());
    let mut took = Vec::new();
    for _ in 0..scale.pick(20, 3) {
        load.successes(500).await;
        let began = Instant::now();
        end(server).await?;
        took.push(began.elapsed());
        server = site.serve(&addr.to_string(), &slow).await?;
    }
    load.successes(500).await;
    let told = load.stop().await;
    end(server).await?;
    let events = site.events()?;
    let mut measured = Measured::default();
    measured.note(format!("shutdowns took {took:.1?}"));
    let report = verify("ledger-shutdown", &events, &told, &mut measured);
    measured.at_most("ledger-shutdown-unended", report as f64, "handlers", 0.0);
    measured.at_most(
        "ledger-shutdown-accepted-failed",
        accepted_but_failed(&events, &told.calls) as f64,
        "calls",
        0.0,
    );
    Ok(measured)
}

/// Calls whose handler started and whose caller has no answer.
fn accepted_but_failed(events: &[Event], calls: &[CallRecord]) -> usize {
    let answered: HashSet<CallId> = calls
        .iter()
        .filter(|call| matches!(call.outcome, Some(Ending::Ok | Ending::Status)))
        .map(|call| call.id)
        .collect();
    let accepted: HashSet<CallId> = events.iter().map(|event| event.id).collect();
    accepted.difference(&answered).count()
}

async fn connect(site: &Site, server: SocketAddr) -> Result<RpcClient, BoxError> {
    let config = site.client_config().with_keep_alive_interval(KEEP_ALIVE);
    Ok(RpcClient::connect(server, config).await?)
}

/// Ends a server in good order.
async fn end(mut server: Process) -> Result<(), BoxError> {
    server.terminate().await?;
    let status = server.wait(EXIT_WITHIN).await?;
    if !status.success() {
        return Err(format!("the server ended with {status}").into());
    }
    Ok(())
}

/// Ends the server, whose handlers must all have ended too, and puts both records together.
async fn end_and_check(name: &str, site: &Site, server: Process, told: Told) -> Outcome {
    end(server).await?;
    let mut measured = Measured::default();
    let unended = verify(name, &site.events()?, &told, &mut measured);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    Ok(measured)
}
