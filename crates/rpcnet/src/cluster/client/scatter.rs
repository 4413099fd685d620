//! One call to many workers, and what each of them answered.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;

use super::{ClusterClient, Inner, Target};
use crate::client::Request;
use crate::cluster::workers::Worker;
use crate::error::RpcError;

/// What one of many workers answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkerResult {
    /// Who was called.
    pub worker: Worker,
    /// What it answered, or why it did not.
    pub result: Result<Vec<u8>, RpcError>,
}

type Attempt<'a> = Pin<Box<dyn Future<Output = WorkerResult> + Send + 'a>>;

/// Calls every worker that fits, each once, until so many have succeeded.
pub(super) async fn call(
    inner: &Inner,
    request: &Request,
    payload: &Bytes,
    target: &Target,
    successes: usize,
) -> Result<Vec<WorkerResult>, RpcError> {
    let workers = inner.registry.shared().ready(target.filter.as_deref());
    let workers = workers.inspect_err(|_| inner.counters.without_worker.one())?;
    let mut waiting = workers.into_iter();
    let mut under_way: Vec<Attempt<'_>> = Vec::new();
    let (mut results, mut succeeded) = (Vec::new(), 0);
    while succeeded < successes {
        while under_way.len() < ClusterClient::SCATTER_MAX {
            let Some(worker) = waiting.next() else {
                break;
            };
            under_way.push(Box::pin(one(inner, request, payload, worker)));
        }
        if under_way.is_empty() {
            break;
        }
        let result = next(&mut under_way).await;
        succeeded += usize::from(result.result.is_ok());
        results.push(result);
    }
    results.sort_by(|a, b| a.worker.name().cmp(b.worker.name()));
    Ok(results)
}

/// Calls this worker and no other.
async fn one(inner: &Inner, request: &Request, payload: &Bytes, worker: Worker) -> WorkerResult {
    inner.begin();
    let mut meter = inner.figures.begin(request, payload.len());
    inner.counters.attempts.one();
    let calling = async {
        let selected = inner.registry.shared().enter(&worker)?;
        inner.attempt(request, payload, &selected).await
    };
    let result = request.within_deadline(std::pin::pin!(calling)).await;
    request.count(&mut meter, &result);
    WorkerResult {
        result: result.map(Vec::from),
        worker,
    }
}

/// Waits for the first of them to end, and takes it out. There are few enough of them to
/// poll them all.
async fn next(under_way: &mut Vec<Attempt<'_>>) -> WorkerResult {
    poll_fn(|cx| {
        let mut at = 0;
        while let Some(attempt) = under_way.get_mut(at) {
            if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                drop(under_way.swap_remove(at));
                return Poll::Ready(result);
            }
            at += 1;
        }
        Poll::Pending
    })
    .await
}
