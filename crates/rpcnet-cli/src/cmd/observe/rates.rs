//! [`Load`]: what a node did between two snapshots.

use std::collections::BTreeMap;

use serde::Serialize;

use super::histogram::Histogram;
use super::picture::MethodRow;
use super::snapshot::{Method, Snapshot, Worker};

/// What a node did between two snapshots, per second, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Load {
    pub(crate) calls_per_s: f64,
    pub(crate) failed_per_s: f64,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    #[serde(skip)]
    pub(crate) methods: Vec<MethodRow>,
}

/// Two snapshots that are nearer than this say nothing of rates.
const SPAN_LEAST_MS: u64 = 50;

impl Load {
    /// `None` where the node started anew in between, or where it does not count calls.
    pub(crate) fn between(earlier: &Snapshot, later: &Snapshot) -> Option<Self> {
        let seconds = span(earlier, later)?;
        let metrics = later.metrics.as_ref()?;
        let before: BTreeMap<&str, &Method> = earlier
            .metrics
            .iter()
            .flat_map(|metrics| &metrics.methods)
            .map(|method| (method.method.as_str(), method))
            .collect();
        let mut load = Self::default();
        let mut durations = Histogram::default();
        let nothing = Method::default();
        for method in &metrics.methods {
            let before = before
                .get(method.method.as_str())
                .copied()
                .unwrap_or(&nothing);
            let ok = method.ok.saturating_sub(before.ok);
            let failed = method.failed.saturating_sub(before.failed);
            let duration = method.duration.since(&before.duration);
            let row = MethodRow {
                method: method.method.clone(),
                calls_per_s: (ok + failed) as f64 / seconds,
                failed_per_s: failed as f64 / seconds,
                in_flight: method.in_flight,
                p50_us: duration.percentile(50),
                p99_us: duration.percentile(99),
                total: method.ok.saturating_add(method.failed),
            };
            // Whoever looks is not a part of what is looked at.
            if !method.is_builtin() {
                load.calls_per_s += row.calls_per_s;
                load.failed_per_s += row.failed_per_s;
                durations.add(&duration);
            }
            load.methods.push(row);
        }
        load.p50_us = durations.percentile(50);
        load.p99_us = durations.percentile(99);
        Some(load)
    }
}

/// The methods of several nodes, each added up over all of them; a percentile is the worst.
pub(super) fn merged<'a>(loads: impl Iterator<Item = &'a Load>) -> Vec<MethodRow> {
    let mut methods: BTreeMap<&str, MethodRow> = BTreeMap::new();
    for row in loads.flat_map(|load| &load.methods) {
        let sum = methods.entry(&row.method).or_insert_with(|| MethodRow {
            method: row.method.clone(),
            ..MethodRow::default()
        });
        sum.calls_per_s += row.calls_per_s;
        sum.failed_per_s += row.failed_per_s;
        sum.in_flight += row.in_flight;
        sum.p50_us = sum.p50_us.max(row.p50_us);
        sum.p99_us = sum.p99_us.max(row.p99_us);
        sum.total = sum.total.saturating_add(row.total);
    }
    methods.into_values().collect()
}

/// What one node saw of a worker between two of its snapshots.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Seen {
    pub(crate) calls_per_s: f64,
    pub(crate) failed_per_s: f64,
    pub(crate) in_flight: u64,
    pub(crate) latency_us: Option<u64>,
    pub(crate) ejected: bool,
}

impl Seen {
    /// Of every worker, by name.
    pub(crate) fn between(earlier: Option<&Snapshot>, later: &Snapshot) -> BTreeMap<String, Self> {
        let seconds = earlier.and_then(|earlier| span(earlier, later));
        let before: BTreeMap<&str, &Worker> = workers(earlier)
            .map(|worker| (worker.name.as_str(), worker))
            .collect();
        let per_s = |now: u64, before: Option<u64>| match (seconds, before) {
            (Some(seconds), Some(before)) => now.saturating_sub(before) as f64 / seconds,
            _ => 0.0,
        };
        let seen = workers(Some(later)).map(|worker| {
            let before = before.get(worker.name.as_str());
            let seen = Self {
                calls_per_s: per_s(worker.calls, before.map(|before| before.calls)),
                failed_per_s: per_s(worker.failures, before.map(|before| before.failures)),
                in_flight: worker.in_flight,
                latency_us: worker.latency_us,
                ejected: worker.ejected,
            };
            (worker.name.clone(), seen)
        });
        seen.collect()
    }
}

fn workers(snapshot: Option<&Snapshot>) -> impl Iterator<Item = &Worker> {
    let cluster = snapshot.and_then(|snapshot| snapshot.cluster.as_ref());
    cluster
        .into_iter()
        .flat_map(|cluster| &cluster.workers.shown)
}

fn span(earlier: &Snapshot, later: &Snapshot) -> Option<f64> {
    let span = later.up_ms.checked_sub(earlier.up_ms)?;
    (span >= SPAN_LEAST_MS).then_some(span as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(up_ms: u64, ok: u64, failed: u64) -> Snapshot {
        let method = |name: &str| {
            json!({"method": name, "ok": ok, "failed": failed,
                   "duration": {"sum_us": 1, "buckets": [[100, ok]]}})
        };
        let methods = [method("Work/do"), method("rpcnet.admin/watch")];
        let worker = json!({"name": "w", "calls": ok, "failures": failed, "in_flight": 3});
        let json = json!({"up_ms": up_ms, "metrics": {"methods": methods},
                          "cluster": {"workers": {"shown": [worker]}}});
        serde_json::from_value(json).expect("it is one")
    }

    #[test]
    fn a_rate_is_what_was_added_by_the_time_of_the_node() {
        let (earlier, later) = (snapshot(1_000, 10, 1), snapshot(3_000, 30, 2));
        let load = Load::between(&earlier, &later).expect("both are of one start");
        assert_eq!((load.calls_per_s, load.failed_per_s), (10.5, 0.5));
        assert_eq!((load.p50_us, load.methods.len()), (Some(100), 2));
        let seen = &Seen::between(Some(&earlier), &later)["w"];
        assert_eq!((seen.calls_per_s, seen.failed_per_s), (10.0, 0.5));
        assert_eq!(Seen::between(None, &later)["w"].calls_per_s, 0.0);
    }

    #[test]
    fn a_node_that_started_anew_has_no_rate_yet() {
        let (earlier, later) = (snapshot(3_000, 30, 2), snapshot(1_000, 10, 1));
        assert_eq!(Load::between(&earlier, &later), None);
        assert_eq!(Load::between(&later, &later), None);
        assert_eq!(Seen::between(Some(&earlier), &later)["w"].calls_per_s, 0.0);
    }
}
