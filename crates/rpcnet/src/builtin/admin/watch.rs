//! One snapshot after another, for as long as somebody watches.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream::unfold;
use rpcnet_proto::Code;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::service::{Admin, asked};
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::RequestResults;

/// How often a snapshot may be asked for.
const INTERVAL_LEAST: Duration = Duration::from_millis(200);
const INTERVAL_MOST: Duration = Duration::from_secs(60);

/// Those who watch a server at once; beyond: refused.
pub(super) const WATCHERS_MAX: usize = 32;

#[derive(Debug, Deserialize)]
struct Question {
    #[serde(default = "every_second")]
    interval_ms: u64,
}

fn every_second() -> u64 {
    1_000
}

enum State {
    Watching(Watch),
    Refused(RpcError),
    Over,
}

struct Watch {
    admin: Arc<Admin>,
    ticks: Interval,
    /// Completes when the server refuses calls: no watch holds up a shutdown.
    refusing: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: OwnedSemaphorePermit,
}

/// The snapshots for one caller. None is queued: each is made when it is due and the caller has
/// room for it.
pub(super) async fn follow(
    admin: Arc<Admin>,
    context: CallContext,
    mut requests: RequestResults,
) -> impl Stream<Item = Result<Bytes, RpcError>> + Send + 'static {
    let state = match begin(admin, &context, &mut requests).await {
        Ok(watch) => State::Watching(watch),
        Err(error) => State::Refused(error),
    };
    unfold(state, |state| async move {
        match state {
            State::Watching(watch) => watch.next().await,
            State::Refused(error) => Some((Err(error), State::Over)),
            State::Over => None,
        }
    })
}

async fn begin(
    admin: Arc<Admin>,
    context: &CallContext,
    requests: &mut RequestResults,
) -> Result<Watch, RpcError> {
    admin.check_looking(context)?;
    let payload = requests.next_bytes().await.unwrap_or(Ok(Bytes::new()))?;
    let question: Question = asked(&payload, "{\"interval_ms\": 1000}, or nothing")?;
    let every = Duration::from_millis(question.interval_ms);
    if !(INTERVAL_LEAST..=INTERVAL_MOST).contains(&every) {
        let message = format!(
            "interval_ms is {}, it must lie between {} and {}",
            question.interval_ms,
            INTERVAL_LEAST.as_millis(),
            INTERVAL_MOST.as_millis()
        );
        return Err(RpcError::status(Code::InvalidArgument, message));
    }
    let place = admin.watchers.clone().try_acquire_owned().map_err(|_| {
        let message = format!("{WATCHERS_MAX} watch this server already, its limit");
        RpcError::status(Code::ResourceExhausted, message)
    })?;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let refusing = Box::pin(admin.server()?.refusing());
    Ok(Watch {
        admin,
        ticks,
        refusing,
        _place: place,
    })
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Bytes, RpcError>, State)> {
        tokio::select! {
            biased;
            () = &mut self.refusing => return None,
            _ = self.ticks.tick() => {}
        }
        let snapshot = self.admin.snapshot();
        let next = match &snapshot {
            Ok(_) => State::Watching(self),
            Err(_) => State::Over,
        };
        Some((snapshot, next))
    }
}
