//! A worker: it joins the cluster of `cluster_director`, and answers prompts token by token.
//!
//! ```text
//! WORKER_LABEL=a cargo run -p rpcnet-examples --bin cluster_worker
//! ```
//!
//! With `WORKER_FAILURE_ENABLED=true` it crashes now and then, in the middle of a stream, and is
//! back after a while. What else can be set is in `examples/src/cluster/mod.rs`.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::collections::hash_map::RandomState;
use std::future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_stream::stream;
use futures::Stream;
use rpcnet::RpcServer;
use rpcnet::builtin::{Access, HealthStatus};
use rpcnet_examples::Outcome;
use rpcnet_examples::cluster::{
    Certificates, InferenceError, InferenceHandler, InferenceServer, TOKENS_MAX, Token,
    cluster_config, environment, join, stop_signal, token,
};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long a token takes to make.
const PACE: Duration = Duration::from_millis(20);
/// How long streams may go on once the worker is told to stop.
const GRACE: Duration = Duration::from_secs(30);
/// How long a worker that crashed stays away.
const AWAY: Duration = Duration::from_secs(3);
/// How many tokens a worker that fails makes between two crashes.
const TOKENS_BETWEEN_CRASHES: std::ops::Range<u32> = 20..60;

#[tokio::main]
async fn main() -> Outcome {
    environment::log_to_stderr();
    let mut stop = pin!(stop_signal()?);
    let label = environment::label()?;
    let mut place = environment::worker()?;
    loop {
        let crash = environment::is_failing()?.then(|| Arc::new(Crash::soon()));
        tokio::select! {
            served = serve(&label, &mut place, crash.clone(), &mut stop) => return served,
            // Drops the server: its connections end, and nobody is told that it leaves.
            () = Crash::happens(crash.as_deref()) => println!("{label} crashed"),
        }
        tokio::select! {
            () = sleep(AWAY) => {}
            () = &mut stop => return Ok(()),
        }
    }
}

/// Takes part in the cluster until the worker is told to stop. Where the system chose its port, it
/// comes back to the one that it had.
async fn serve(
    label: &str,
    place: &mut String,
    crash: Option<Arc<Crash>>,
    stop: impl Future<Output = ()>,
) -> Outcome {
    let certificates = Certificates::node(label)?;
    let mut server = RpcServer::new(certificates.config(place.as_str()));
    let model = Model {
        label: label.to_owned(),
        crash,
    };
    server.add_service(InferenceServer::service(model));
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    *place = address.to_string();

    // Whoever looks for workers finds those with this role; the label is for people.
    let config = cluster_config(label, "worker").with_tag("label", label);
    let cluster = server.enable_cluster(config).await?;
    // Probes are told that it is not ready before it has joined, and that it drains in the end.
    let health = server.enable_health(Access::anyone()).await;
    health.set("", HealthStatus::NotServing)?;
    // What it can do is told to whoever has a certificate: `rpcnet list`, `rpcnet call`.
    server.enable_introspection(Access::verified()).await;
    let enter = async {
        join(&cluster).await?;
        health.set("", HealthStatus::Serving)?;
        println!("{label} works on {address}");
        Outcome::Ok(())
    };
    // Told to stop, it says so to the cluster, finishes its streams, and leaves.
    let serve = server.serve_with_shutdown(quic_server, stop, GRACE);
    // Others reach it only while it serves, so it serves while it joins.
    let report = tokio::select! {
        report = serve => report?,
        Err(error) = enter => return Err(error),
    };
    println!("{label} stopped, {} streams cut", report.cut);
    Ok(())
}

/// What answers.
struct Model {
    label: String,
    crash: Option<Arc<Crash>>,
}

impl InferenceHandler for Model {
    async fn generate(
        &self,
        prompt: String,
        from: u32,
        tokens: u32,
    ) -> Result<impl Stream<Item = Token>, InferenceError> {
        if tokens > TOKENS_MAX {
            return Err(InferenceError::TooLong { limit: TOKENS_MAX });
        }
        println!("{} answers from token {from} on", self.label);
        Ok(stream! {
            for index in from..tokens {
                sleep(PACE).await;
                Crash::comes_closer(self.crash.as_deref()).await;
                yield Token {
                    index,
                    text: token(&prompt, index).to_owned(),
                    worker: self.label.clone(),
                };
            }
        })
    }
}

/// A crash that is to come, after so many tokens.
struct Crash {
    tokens_left: AtomicU32,
    now: Notify,
}

impl Crash {
    fn soon() -> Self {
        let chance = RandomState::new().hash_one(0) as u32;
        let range = TOKENS_BETWEEN_CRASHES;
        Self {
            tokens_left: (range.start + chance % (range.end - range.start)).into(),
            now: Notify::new(),
        }
    }

    /// Counts a token. The one with which the crash comes never does.
    async fn comes_closer(crash: Option<&Self>) {
        let Some(crash) = crash else { return };
        if crash.tokens_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            crash.now.notify_one();
            future::pending().await
        }
    }

    async fn happens(crash: Option<&Self>) {
        match crash {
            Some(crash) => crash.now.notified().await,
            None => future::pending().await,
        }
    }
}
