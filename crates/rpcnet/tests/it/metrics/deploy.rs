//! The dashboard and the alert rules speak of what is exported, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rpcnet::cluster::{
    ClusterClient, ClusterClientConfig, HealthChecker, HealthConfig, LoadBalancingStrategy,
};
use rpcnet::metrics::{Exporter, FAMILIES, FamilyKind};
use saphyr::{LoadableYamlNode, Yaml};

use crate::pair::{eventually, soon};
use crate::workers::crew::Crew;

const DASHBOARD: &str = include_str!("../../../../../deploy/grafana/rpcnet.json");
const ALERTS: &str = include_str!("../../../../../deploy/prometheus/rpcnet-alerts.yaml");

/// All expressions of the dashboard, with the titles of their panels.
fn dashboard() -> Vec<(String, String)> {
    let board: serde_json::Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let panels = board["panels"].as_array().expect("it has panels");
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("it has a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is taken");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("it is text");
            found.push((title.to_owned(), expression.to_owned()));
        }
    }
    found
}

/// All expressions of the rules, with the names of their alerts.
fn alerts() -> Vec<(String, String)> {
    let files = Yaml::load_from_str(ALERTS).expect("it is YAML");
    let [file] = files.as_slice() else {
        panic!("it is one document");
    };
    let text = |yaml: &Yaml<'_>, key: &str| yaml[key].as_str().map(str::to_owned);
    let mut found = Vec::new();
    for group in file["groups"].as_sequence().expect("there are groups") {
        for rule in group["rules"].as_sequence().expect("there are rules") {
            let name = text(rule, "alert").expect("it has a name");
            let severity = text(&rule["labels"], "severity");
            assert!(
                matches!(severity.as_deref(), Some("page" | "ticket")),
                "{name} has no severity"
            );
            for said in ["summary", "description"] {
                assert!(
                    text(&rule["annotations"], said).is_some(),
                    "{name}: no {said}"
                );
            }
            assert!(text(rule, "for").is_some(), "{name} fires at once");
            found.push((name, text(rule, "expr").expect("it has an expression")));
        }
    }
    let names: BTreeSet<_> = found.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), found.len(), "no name is taken twice");
    found
}

/// The words of an expression that are no text in quotes.
fn words(expression: &str) -> Vec<String> {
    let outside = expression.split('"').step_by(2);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = outside.flat_map(|part| part.split(move |c| !is_word(c)));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The names of numbers in an expression, as Prometheus keeps them.
fn numbers(expression: &str) -> BTreeSet<String> {
    let words = words(expression).into_iter();
    words.filter(|word| word.starts_with("rpcnet_")).collect()
}

/// The labels that an expression selects or groups by.
fn labels(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let unquoted: String = expression.split('"').step_by(2).collect();
    for part in unquoted.split("by (").skip(1) {
        let list = part.split(')').next().unwrap_or_default();
        found.extend(words(list));
    }
    for part in unquoted.split('{').skip(1) {
        let list = part.split('}').next().unwrap_or_default();
        found.extend(words(list));
    }
    found
}

/// The family that a number is of.
fn family(number: &str) -> Option<&'static rpcnet::metrics::Family> {
    let of = |name: &str| FAMILIES.iter().find(|family| family.name == name);
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
        let family = of(number.strip_suffix(suffix)?)?;
        (family.kind == FamilyKind::Histogram).then_some(family)
    });
    of(number)
        .filter(|family| family.kind != FamilyKind::Histogram)
        .or(histogram)
}

#[test]
fn labels_in_expressions_are_those_of_their_numbers() {
    for (whose, expression) in dashboard().into_iter().chain(alerts()) {
        let mut known = BTreeSet::from(["job", "instance", "le"]);
        for number in numbers(&expression) {
            let family = family(&number);
            let family = family.unwrap_or_else(|| panic!("{whose}: there is no {number}"));
            known.extend(family.labels);
        }
        for label in labels(&expression) {
            assert!(
                known.contains(&*label),
                "{whose}: no label {label} in {expression}"
            );
        }
    }
}

#[test]
fn counters_are_only_looked_at_for_how_fast_they_grow() {
    for (whose, expression) in dashboard().into_iter().chain(alerts()) {
        for number in numbers(&expression) {
            let kind = family(&number).map(|family| family.kind);
            let rate = format!("rate({number}");
            let mut after = expression.split(&rate).skip(1);
            let grows = after.any(|rest| rest.starts_with(['[', '{']));
            assert_eq!(
                grows,
                kind != Some(FamilyKind::Gauge),
                "{whose}: {number} in {expression}"
            );
        }
    }
}

#[tokio::test]
async fn every_number_of_the_dashboard_and_the_alerts_is_exported_by_a_live_cluster() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let registry = crew.registry(LoadBalancingStrategy::PeakEwma).await;
    let client = ClusterClient::new(registry, ClusterClientConfig::new(crew.rpc()));
    let plain = crew.cluster.client("caller").with_server_name("w-1");
    let plain = rpcnet::RpcClient::connect(crew.workers[0].node.addr, plain).await;
    let plain = plain.expect("it is there");
    plain.call("work", vec![1]).await.unwrap();
    let health = HealthConfig::lan().with_heartbeat_interval(Duration::from_millis(100));
    let health = HealthChecker::new(Arc::clone(&crew.director.membership), health);
    let health = Arc::new(health);
    health.start().await;
    let are_measured = || {
        let workers = client.metrics().workers;
        let is_measured = |it: &rpcnet::cluster::WorkerMetrics| {
            it.latency_us.is_some() && it.utilization.is_some() && it.phi.is_some()
        };
        workers.len() == 2 && workers.iter().all(is_measured) && !health.watched().is_empty()
    };
    let calling = async {
        loop {
            client.call_worker("work", vec![1], None).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = calling => {}
        () = eventually("all workers are measured", are_measured) => {}
    }
    let exporter = Exporter::new()
        .with_server("worker", &crew.workers[0].node.server)
        .with_client("plain", &plain)
        .with_cluster_client("pool", &client)
        .with_cluster(&crew.director.membership)
        .with_health(&health);
    let text = exporter.render_prometheus();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut exported: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let (name, rest) = line.split_once('{').expect("all have labels");
        let told = rest.split('}').next().unwrap_or_default();
        exported
            .entry(name)
            .or_default()
            .extend(labels(&format!("{{{told}}}")));
    }
    for (whose, expression) in dashboard().into_iter().chain(alerts()) {
        for number in numbers(&expression) {
            assert!(
                exported.contains_key(&*number),
                "{whose}: {number} is not exported"
            );
        }
    }
    let of = |number: &&str| family(number).expect("it is declared").name;
    let families: BTreeSet<&str> = exported.keys().map(of).collect();
    let declared: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(
        families, declared,
        "all that is declared is exported, and nothing else"
    );
    for (number, labels) in &exported {
        let family = family(number).expect("it is declared");
        let mut declared: BTreeSet<String> =
            family.labels.iter().map(|it| (*it).to_owned()).collect();
        if number.ends_with("_bucket") {
            declared.insert("le".to_owned());
        }
        assert_eq!(*labels, declared, "{number}");
    }
    soon("the checker stops", health.stop()).await;
}
