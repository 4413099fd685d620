//! What is exported is what the guide says, and of what there is.

use rpcnet::RpcClient;
use rpcnet::metrics::{Exporter, FAMILIES, FamilyKind};

use crate::pair::{Running, echo};

#[test]
fn the_guide_has_every_name_with_its_kind_and_labels_and_no_other() {
    let chapter = include_str!("../../../../../docs/book/src/observability.md");
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
        let row = format!(
            "| `{}` | {} | {} | {} |",
            family.name,
            family.kind.name(),
            labels.join(", "),
            family.help
        );
        assert!(chapter.contains(&row), "the guide has no row\n{row}");
    }
    let rows = chapter
        .lines()
        .filter(|line| line.starts_with("| `rpcnet_"));
    assert_eq!(
        rows.count(),
        FAMILIES.len(),
        "the guide has rows of no family"
    );
}

#[tokio::test]
async fn what_is_dropped_is_told_no_more_and_the_same_name_is_told_once() {
    let running = Running::new(echo).await;
    let [first, second] = [running.client().await, running.client().await];
    let exporter = Exporter::new()
        .with_client("a", &first)
        .with_client("a", &second)
        .with_server("a", &running.server);
    let count = |of: &str| {
        let text = exporter.render_prometheus();
        let lines = text.lines().filter(|line| line.starts_with(of));
        lines.count()
    };
    assert_eq!(count("rpcnet_client_retries_total"), 1);
    assert_eq!(count("rpcnet_server_draining"), 1);
    drop((first, second));
    assert_eq!(
        count("rpcnet_client_retries_total"),
        0,
        "it keeps nothing alive"
    );
    assert_eq!(count("rpcnet_server_draining"), 1);
}

#[tokio::test]
async fn more_than_can_be_exported_is_left_out() {
    let running = Running::new(echo).await;
    let client: RpcClient = running.client().await;
    let mut exporter = Exporter::new();
    for number in 0..=Exporter::SOURCES_MAX {
        exporter = exporter.with_client(&number.to_string(), &client);
    }
    let text = exporter.render_prometheus();
    let clients = text
        .lines()
        .filter(|line| line.starts_with("rpcnet_client_retries_total"));
    assert_eq!(clients.count(), Exporter::SOURCES_MAX);
}

#[tokio::test]
async fn the_text_keeps_each_family_together_under_its_kind() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    client.call("echo", vec![1]).await.unwrap();
    let exporter = Exporter::new()
        .with_client("a", &client)
        .with_client("b", &client)
        .with_server("s", &running.server);
    let text = exporter.render_prometheus();
    let mut current = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            let family = FAMILIES.iter().find(|family| family.name == name);
            assert_eq!(family.map(|family| family.kind.name()), Some(kind));
            current = name;
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let is_histogram = FAMILIES
                .iter()
                .any(|it| it.name == current && it.kind == FamilyKind::Histogram);
            let suffix = name.strip_prefix(current).expect("it is under its family");
            assert!(
                suffix.is_empty()
                    || (is_histogram && ["_bucket", "_sum", "_count"].contains(&suffix)),
                "{line}"
            );
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let kinds = text.lines().filter(|line| line.starts_with("# TYPE "));
    let mut kinds: Vec<_> = kinds.collect();
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), all, "no family is told twice");
}
