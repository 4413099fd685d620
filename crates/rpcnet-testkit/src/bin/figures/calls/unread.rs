//! A client that asks for much and reads nothing, beside calls of its own that it does read.

use super::{growth, mib, state};
use crate::group::{Measured, Outcome};
use crate::raw_client::RawClient;
use crate::service::{ECHO, LARGE, LARGE_BYTES};
use crate::settle::settles;
use crate::site::Site;
use rpcnet_testkit::memory::resident_bytes;
use std::time::Duration;
use tokio::time::timeout;

/// Replies that are never read.
const UNREAD: u64 = 100;

/// What the server lets wait for one client: 8 MiB.
const REPLY_BYTES_MAX: usize = 8 << 20;

/// Calls that are read meanwhile.
const READ: u64 = 200;

/// Beyond the configured bytes and a fifth of them: two replies per worker thread that a handler has
/// made and the budget has not yet refused, at 1 MiB each on two threads.
const SLACK_MIB: f64 = 4.0;

pub(super) async fn measure() -> Outcome {
    let site = Site::new()?;
    let limit = REPLY_BYTES_MAX.to_string();
    let server = site
        .serve("127.0.0.1:0", &["--reply-bytes", &limit])
        .await?;
    let observer = site.client(server.addr()).await?;
    // Large replies that are read teach the allocator their size beforehand.
    for _ in 0..16 {
        let reply = observer.call(LARGE, Vec::new()).await?;
        if reply.len() != LARGE_BYTES {
            return Err("a large reply is not large".into());
        }
    }
    let before = resident_bytes(server.pid())?;
    let begun = state(&observer).await?.large;

    let mut client = RawClient::connect(server.addr(), &site.path("")).await?;
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        unread.push(client.ask(LARGE, b"").await?);
    }
    let all_began = settles(
        Duration::from_secs(10),
        async || matches!(state(&observer).await, Ok(now) if now.large >= begun + UNREAD),
    )
    .await;
    let mut most = 0;
    let mut answered = 0_u64;
    let mut failure = None;
    for _ in 0..READ {
        let call = timeout(Duration::from_secs(5), client.call(ECHO, b"still here"));
        match call.await {
            Ok(Ok(Some(_))) => answered += 1,
            other => failure = Some(format!("a call beside them failed: {other:?}")),
        }
        most = most.max(resident_bytes(server.pid())?);
    }
    drop(unread);

    let configured = mib(REPLY_BYTES_MAX as f64);
    let mut measured = Measured::default();
    if let Some(failure) = failure {
        measured.note(failure);
    }
    measured.at_least(
        "unread-replies-begun",
        if all_began { UNREAD as f64 } else { 0.0 },
        "calls",
        UNREAD as f64,
    );
    measured.at_most(
        "unread-replies-server-growth",
        mib(growth(before, most)),
        "MiB",
        configured * 1.2 + SLACK_MIB,
    );
    measured.at_least(
        "unread-replies-others-ok",
        answered as f64,
        "calls",
        READ as f64,
    );
    Ok(measured)
}
