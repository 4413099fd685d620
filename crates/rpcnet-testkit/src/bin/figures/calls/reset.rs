//! A client that opens calls and resets them at once.

use super::{growth, mib, state};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::raw_client::RawClient;
use crate::service::{HOLD, HOLD_STREAM};
use crate::settle::settles;
use crate::site::Site;
use rpcnet_proto::CallKind;
use rpcnet_proto::wire::ErrorCode;
use rpcnet_testkit::memory::resident_bytes;
use s2n_quic::application;
use std::time::Duration;
use tokio::time::timeout;

/// Calls that the server runs at once.
const LIMIT: u64 = 256;

/// Streams that are opened before the first of them is reset.
const BATCH: u64 = 64;

const GROWTH_MIB_MAX: f64 = 16.0;

const SETTLE_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(100_000, 20_000);
    let site = Site::new()?;
    let limit = LIMIT.to_string();
    let server = site.serve("127.0.0.1:0", &["--calls", &limit]).await?;
    let observer = site.client(server.addr()).await?;
    let mut client = RawClient::connect(server.addr(), &site.path("")).await?;
    reset_calls(&mut client, amount / 10).await?;
    // All that is asked of the server has begun before it is asked how it is.
    let is_quiet = async |tasks| {
        settles(SETTLE_WITHIN, async || {
            matches!(state(&observer).await, Ok(now) if now.running == 0 && now.tasks <= tasks)
        })
        .await
    };
    is_quiet(u64::MAX).await;
    let before = state(&observer).await?;
    let before_bytes = resident_bytes(server.pid())?;
    reset_calls(&mut client, amount).await?;
    is_quiet(before.tasks).await;
    let after = state(&observer).await?;
    let after_bytes = resident_bytes(server.pid())?;

    let mut measured = Measured::default();
    measured.at_least("rapid-reset-begun", after.running_max as f64, "calls", 1.0);
    measured.at_most(
        "rapid-reset-running-max",
        after.running_max as f64,
        "calls",
        LIMIT as f64,
    );
    measured.at_most(
        "rapid-reset-running-after",
        after.running as f64,
        "calls",
        0.0,
    );
    measured.at_most(
        "rapid-reset-tasks-growth",
        growth(before.tasks, after.tasks),
        "tasks",
        0.0,
    );
    measured.at_most(
        "rapid-reset-server-growth",
        mib(growth(before_bytes, after_bytes)),
        "MiB",
        GROWTH_MIB_MAX,
    );
    Ok(measured)
}

/// The headers of a batch arrive sooner, or they are lost.
const ARRIVE_WITHIN: Duration = Duration::from_millis(100);

/// Opens and resets this many calls. In every other batch the headers arrive first, so that their
/// handlers run; in the others the reset is close behind, or overtakes.
async fn reset_calls(client: &mut RawClient, amount: u64) -> Result<(), BoxError> {
    let code = application::Error::new(ErrorCode::Cancelled.to_wire())?;
    for batch in 0..amount.div_ceil(BATCH) {
        let mut streams = Vec::new();
        for number in 0..BATCH {
            let (method, kind) = if number % 2 == 0 {
                (HOLD_STREAM, CallKind::Bidirectional)
            } else {
                (HOLD, CallKind::Unary)
            };
            streams.push(client.begin(method, kind).await?);
        }
        if batch % 2 == 0
            && let Some(last) = streams.last_mut()
        {
            // A server that has enough of it refuses, which fails this; the transport may also keep
            // an acknowledgement to itself. If the connection is gone, the next batch fails.
            let _ = timeout(ARRIVE_WITHIN, last.flush()).await;
        }
        for mut stream in streams {
            // These fail where the server was first.
            let _ = stream.reset(code);
            let _ = stream.stop_sending(code);
        }
    }
    Ok(())
}
