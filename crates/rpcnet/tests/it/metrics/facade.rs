//! What the recorder of the facade `metrics` is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use rpcnet::metrics::{Exporter, FAMILIES, Publisher};

use crate::pair::{Running, echo, eventually};

/// Keeps what it is told, by name and labels.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeMap<String, f64>>>);

struct One {
    told: Told,
    key: String,
}

impl One {
    fn set(&self, value: f64) {
        self.told.0.lock().unwrap().insert(self.key.clone(), value);
    }

    fn add(&self, more: f64) {
        *self
            .told
            .0
            .lock()
            .unwrap()
            .entry(self.key.clone())
            .or_default() += more;
    }
}

impl CounterFn for One {
    fn increment(&self, more: u64) {
        self.add(more as f64);
    }

    fn absolute(&self, value: u64) {
        self.set(value as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, more: f64) {
        self.add(more);
    }

    fn decrement(&self, less: f64) {
        self.add(-less);
    }

    fn set(&self, value: f64) {
        Self::set(self, value);
    }
}

impl HistogramFn for One {
    fn record(&self, _value: f64) {
        self.add(1.0);
    }
}

impl Told {
    fn one(&self, key: &Key) -> Arc<One> {
        Arc::new(One {
            told: self.clone(),
            key: format!("{key}"),
        })
    }

    /// The value of the only series of a name whose key has all of these.
    fn get(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let told = self.0.lock().unwrap();
        let is_meant =
            |key: &&String| key.contains(name) && labels.iter().all(|label| key.contains(label));
        let key = told.keys().find(is_meant)?;
        told.get(key).copied()
    }
}

impl Recorder for Told {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.0
            .lock()
            .unwrap()
            .insert(format!("described {}", key.as_str()), 1.0);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

#[tokio::test]
async fn the_recorder_is_told_what_was_counted_and_of_each_call_once() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let told = Told::default();
    let exporter = Exporter::new()
        .with_server("api", &running.server)
        .with_client("me", &client);
    let mut publisher = metrics::with_local_recorder(&told, || Publisher::new(&exporter));
    for family in FAMILIES {
        let key = format!("described {}", family.name);
        assert!(told.0.lock().unwrap().contains_key(&key), "{key}");
    }
    for round in 1..=3 {
        client.call("echo", vec![1]).await.unwrap();
        let has_ended = || {
            let metrics = running.server.metrics();
            metrics.method("echo").is_some_and(|it| it.ok == round)
        };
        eventually("the call is counted", has_ended).await;
        metrics::with_local_recorder(&told, || publisher.publish());
        let calls = round as f64;
        let of = ["server = api", "method = echo"];
        assert_eq!(told.get("rpcnet_server_calls_total", &of), Some(calls));
        assert_eq!(
            told.get("rpcnet_server_call_duration_seconds", &of),
            Some(calls)
        );
        assert_eq!(
            told.get("rpcnet_client_connections", &["client = me"]),
            Some(1.0)
        );
    }
}
