//! The files below `deploy`: as much of them as can be held against the programs that they start.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rpcnet::builtin::{Access, HealthStatus};
use rpcnet::certs::DevCa;
use rpcnet::cluster::ClusterConfig;
use rpcnet::{ClientAuth, RpcConfig, RpcServer};
use saphyr::{LoadableYamlNode, Yaml};
use tokio::process::Command;
use tokio::time::timeout;

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a drain takes beside its grace period: the notice before, and the last seconds after.
const DRAIN_MARGIN_S: u64 = 10;

const MANIFESTS: [&str; 4] = [
    "deploy/kubernetes/namespace.yaml",
    "deploy/kubernetes/members.yaml",
    "deploy/kubernetes/director.yaml",
    "deploy/kubernetes/workers.yaml",
];
const UNIT: &str = "deploy/systemd/rpcnet-worker@.service";
const CONTAINERFILE: &str = "deploy/Containerfile";

fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands at a path such as `spec.ports.0.port`.
fn at<'a>(yaml: &'a Yaml<'a>, path: &str) -> Option<&'a Yaml<'a>> {
    path.split('.')
        .try_fold(yaml, |inside, step| match step.parse() {
            Ok(index) => inside.as_sequence_get(index),
            Err(_) => inside.as_mapping_get(step),
        })
}

fn text<'a>(yaml: &'a Yaml<'a>, path: &str) -> &'a str {
    let found = at(yaml, path).and_then(Yaml::as_str);
    found.unwrap_or_else(|| panic!("no text at {path} in {yaml:?}"))
}

fn number(yaml: &Yaml<'_>, path: &str) -> u64 {
    let found = at(yaml, path).and_then(Yaml::as_integer);
    let found = found.unwrap_or_else(|| panic!("no number at {path} in {yaml:?}"));
    found.try_into().unwrap()
}

fn pairs(yaml: &Yaml<'_>, path: &str) -> BTreeMap<String, String> {
    let mapping = at(yaml, path).and_then(Yaml::as_mapping).unwrap();
    let pairs = mapping
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    pairs
        .map(|(key, value)| (key.unwrap().into(), value.unwrap().into()))
        .collect()
}

/// Every object of the manifests.
fn objects(texts: &[String]) -> Vec<Yaml<'_>> {
    let files = texts.iter().zip(MANIFESTS);
    files
        .flat_map(|(text, path)| {
            Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"))
        })
        .collect()
}

fn of_kind<'a>(objects: &'a [Yaml<'a>], kind: &str) -> Vec<&'a Yaml<'a>> {
    objects
        .iter()
        .filter(|object| text(object, "kind") == kind)
        .collect()
}

fn manifests() -> Vec<String> {
    MANIFESTS.map(read).into()
}

#[test]
fn every_manifest_is_in_the_kustomization_and_the_other_way_round() {
    let listing = read("deploy/kubernetes/kustomization.yaml");
    let listing = Yaml::load_from_str(&listing).unwrap();
    let listed = at(&listing[0], "resources")
        .and_then(Yaml::as_sequence)
        .unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|name| format!("deploy/kubernetes/{}", name.as_str().unwrap()))
        .collect();
    assert_eq!(listed, MANIFESTS);
    let folder = fs::read_dir(root().join("deploy/kubernetes")).unwrap();
    assert_eq!(folder.count(), MANIFESTS.len() + 1);
}

#[test]
fn services_select_pods_that_there_are_and_meet_them_at_their_port() {
    let texts = manifests();
    let objects = objects(&texts);
    let sets = of_kind(&objects, "StatefulSet");
    let services = of_kind(&objects, "Service");
    assert_eq!((sets.len(), services.len()), (2, 3));
    for service in &services {
        let selector = pairs(service, "spec.selector");
        let selected = sets.iter().filter(|set| {
            let labels = pairs(set, "spec.template.metadata.labels");
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        });
        let selected: Vec<_> = selected.collect();
        assert!(!selected.is_empty(), "{selector:?}");
        let name = text(service, "spec.ports.0.targetPort");
        for set in selected {
            let port = at(set, "spec.template.spec.containers.0.ports.0").unwrap();
            assert_eq!(text(port, "name"), name);
            assert_eq!(
                [
                    text(port, "protocol"),
                    text(service, "spec.ports.0.protocol")
                ],
                ["UDP"; 2]
            );
            assert_eq!(
                number(port, "containerPort"),
                number(service, "spec.ports.0.port")
            );
        }
        // Headless: a QUIC connection stays with the member that it was made to.
        assert_eq!(text(service, "spec.clusterIP"), "None");
    }
    let names: BTreeSet<_> = services
        .iter()
        .map(|it| text(it, "metadata.name"))
        .collect();
    for set in &sets {
        assert!(names.contains(text(set, "spec.serviceName")));
        let labels = pairs(set, "spec.template.metadata.labels");
        let selector = pairs(set, "spec.selector.matchLabels");
        assert!(
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        );
    }
}

#[test]
fn seeds_are_names_of_services_and_reach_members_before_they_are_ready() {
    let texts = manifests();
    let objects = objects(&texts);
    for set in of_kind(&objects, "StatefulSet") {
        let seeds = variables(set)["CLUSTER_SEEDS"].clone();
        for seed in seeds.split(',') {
            let (host, port) = seed.rsplit_once(':').unwrap();
            let name = host.rsplit('.').next().unwrap();
            let services = of_kind(&objects, "Service");
            let service = services
                .into_iter()
                .find(|it| text(it, "metadata.name") == name);
            let service = service.unwrap_or_else(|| panic!("{seed} is no service"));
            assert_eq!(port, number(service, "spec.ports.0.port").to_string());
            let waits = at(service, "spec.publishNotReadyAddresses").and_then(Yaml::as_bool);
            assert!(waits == Some(true) || seeds.contains("members:"), "{seed}");
        }
    }
}

/// The variables of the first container, `name` to `value`; those from elsewhere are empty.
fn variables(set: &Yaml<'_>) -> BTreeMap<String, String> {
    let listed = at(set, "spec.template.spec.containers.0.env").and_then(Yaml::as_sequence);
    let pair = |variable: &Yaml<'_>| {
        let value = at(variable, "value")
            .and_then(Yaml::as_str)
            .unwrap_or_default();
        (text(variable, "name").to_owned(), value.to_owned())
    };
    listed.unwrap().iter().map(pair).collect()
}

/// Variables that the manifests and the unit use among themselves.
const OWN_VARIABLES: [&str; 1] = ["NODE"];

#[test]
fn what_is_set_is_what_the_programs_read() {
    let program = read("examples/src/cluster/environment.rs");
    let is_read = |name: &str| program.contains(&format!("\"{name}\""));
    let texts = manifests();
    let objects = objects(&texts);
    for set in of_kind(&objects, "StatefulSet") {
        for name in variables(set).keys() {
            assert!(
                is_read(name) || OWN_VARIABLES.contains(&name.as_str()),
                "{name}"
            );
        }
        let programs = at(set, "spec.template.spec.containers.0.command.0");
        assert_program(programs.and_then(Yaml::as_str).unwrap());
    }
    for (_, key, value) in unit() {
        if key == "Environment" {
            for variable in value.split(' ') {
                let (name, _) = variable.split_once('=').unwrap();
                assert!(is_read(name), "{name}");
            }
        }
    }
}

/// Fails unless the examples have such a program.
fn assert_program(name: &str) {
    let source = root().join("examples/src/bin").join(format!("{name}.rs"));
    assert!(source.exists(), "{name}");
}

/// The grace period that a program gives its calls, from its source.
fn grace_s(path: &str) -> u64 {
    let source = read(path);
    let (_, rest) = source
        .split_once("GRACE: Duration = Duration::from_secs(")
        .unwrap();
    rest.split_once(')').unwrap().0.parse().unwrap()
}

#[test]
fn whoever_kills_waits_until_the_drain_is_over() {
    let texts = manifests();
    let objects = objects(&texts);
    for set in of_kind(&objects, "StatefulSet") {
        let (name, stop) = (
            text(set, "metadata.name"),
            "containers.0.lifecycle.preStop.exec.command",
        );
        let grace = match name {
            "worker" => grace_s("examples/src/bin/cluster_worker.rs"),
            _ => grace_s("examples/src/ends.rs"),
        };
        let pod = at(set, "spec.template.spec").unwrap();
        let before = at(pod, stop).map_or(0, |command| text(command, "1").parse().unwrap());
        let wait = number(pod, "terminationGracePeriodSeconds");
        assert!(
            wait >= before + grace + DRAIN_MARGIN_S,
            "{name} is killed after {wait} s"
        );
    }
    let units = unit();
    let [(_, _, wait)] = &units
        .iter()
        .filter(|line| line.1 == "TimeoutStopSec")
        .collect::<Vec<_>>()[..]
    else {
        panic!("{UNIT} says once how long to wait")
    };
    let grace = grace_s("examples/src/bin/cluster_worker.rs");
    assert!(wait.parse::<u64>().unwrap() >= grace + DRAIN_MARGIN_S);
}

/// The probes are run as the kubelet would: with the variables of their container, against a node.
#[tokio::test]
async fn the_probes_of_the_manifests_tell_who_is_ready_and_who_is_alive() {
    let dir = tempfile::tempdir().unwrap();
    let ca = DevCa::generate("probed").unwrap();
    ca.write(dir.path()).unwrap();
    ca.node(&["worker-0"])
        .unwrap()
        .write(dir.path(), "node")
        .unwrap();
    let file = |name: &str| dir.path().join(name);
    let config = RpcConfig::new(file("node.pem"), "127.0.0.1:0")
        .with_key_path(file("node-key.pem"))
        .with_ca_path(file("ca.pem"))
        .with_client_auth(ClientAuth::Required);
    let mut server = RpcServer::new(config);
    let quic_server = server.bind().unwrap();
    let address = server.socket_addr.unwrap();
    let cluster = server.enable_cluster(ClusterConfig::local()).await.unwrap();
    let health = server.enable_health(Access::anyone()).await;
    let serving = tokio::spawn(async move { server.start(quic_server).await });

    let texts = manifests();
    let objects = objects(&texts);
    let sets = of_kind(&objects, "StatefulSet");
    let probes = async || {
        let of_set = async |set: &Yaml<'_>| {
            let container = at(set, "spec.template.spec.containers.0").unwrap();
            let run = |which| probe(container, which, &dir, address.port());
            tokio::join!(run("readinessProbe"), run("livenessProbe"))
        };
        let passed = futures::future::join_all(sets.iter().map(|set| of_set(set))).await;
        BTreeSet::from_iter(passed)
    };
    assert_eq!(probes().await, [(true, true)].into(), "it serves");
    health.set("", HealthStatus::NotServing).unwrap();
    assert_eq!(probes().await, [(false, true)].into(), "it is not ready");
    health.set("", HealthStatus::Serving).unwrap();
    cluster.set_draining(true).await.unwrap();
    assert_eq!(probes().await, [(false, true)].into(), "it drains");
    serving.abort();
    let _ = serving.await;
    assert_eq!(probes().await, [(false, false)].into(), "it is gone");
}

/// Whether a probe of a container passes, with its certificates in `dir` and its port elsewhere.
async fn probe(container: &Yaml<'_>, which: &str, dir: &tempfile::TempDir, port: u16) -> bool {
    let command = at(container, &format!("{which}.exec.command")).and_then(Yaml::as_sequence);
    let listens = format!("localhost:{}", number(container, "ports.0.containerPort"));
    let words = command.unwrap().iter().map(|word| word.as_str().unwrap());
    let words: Vec<String> = words
        .map(|word| word.replace(&listens, &format!("localhost:{port}")))
        .collect();
    let rpcnet = Path::new(env!("CARGO_BIN_EXE_rpcnet")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut probe = Command::new(&words[0]);
    probe
        .args(&words[1..])
        .env("PATH", format!("{}:{path}", rpcnet.display()));
    let listed = at(container, "env").and_then(Yaml::as_sequence).unwrap();
    for variable in listed {
        let value = at(variable, "value")
            .and_then(Yaml::as_str)
            .unwrap_or_default();
        let certs = dir.path().to_str().unwrap();
        probe.env(text(variable, "name"), value.replace("/certs", certs));
    }
    probe.env("NODE", "worker-0");
    let run = probe.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, run).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // What fails here is to fail because nobody answers, not because of how it is asked.
    assert_ne!(output.status.code(), Some(2), "{errors}");
    output.status.success()
}

/// The lines of the unit: section, key and value.
fn unit() -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in read(UNIT).lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("{UNIT}: {line}"));
        lines.push((section.clone(), key.to_owned(), value.to_owned()));
    }
    lines
}

/// What the unit may say in each section. systemd passes over what it does not know, with a warning
/// that nobody reads.
const KEYS: [(&str, &[&str]); 3] = [
    (
        "Unit",
        &["Description", "Wants", "After", "StartLimitIntervalSec"],
    ),
    (
        "Service",
        &[
            "Type",
            "ExecStart",
            "Environment",
            "EnvironmentFile",
            "LoadCredential",
            "KillSignal",
            "TimeoutStopSec",
            "Restart",
            "RestartSec",
            "DynamicUser",
            "NoNewPrivileges",
            "ProtectSystem",
            "ProtectHome",
            "PrivateTmp",
            "PrivateDevices",
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectControlGroups",
            "RestrictAddressFamilies",
            "RestrictNamespaces",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "CapabilityBoundingSet",
            "SystemCallArchitectures",
            "SystemCallFilter",
        ],
    ),
    ("Install", &["WantedBy"]),
];

#[test]
fn the_unit_says_what_systemd_understands_and_starts_what_there_is() {
    let lines = unit();
    for (section, key, _) in &lines {
        let known = KEYS.iter().find(|(name, _)| name == section);
        let (_, known) = known.unwrap_or_else(|| panic!("[{section}]"));
        assert!(known.contains(&key.as_str()), "[{section}] {key}");
    }
    let values = |key: &str| {
        let lines = lines.iter().filter(move |line| line.1 == key);
        lines.map(|line| line.2.as_str()).collect::<Vec<_>>()
    };
    let [program] = values("ExecStart")[..] else {
        panic!("it starts one program")
    };
    assert_program(program.strip_prefix("/usr/local/bin/").unwrap());
    assert_eq!(values("KillSignal"), ["SIGTERM"]);
    // Each certificate that the program is told of is one that systemd hands to it.
    let told = values("Environment").join(" ");
    let told: BTreeSet<_> = told
        .split(' ')
        .filter_map(|it| it.split_once("=%d/"))
        .map(|it| it.1)
        .collect();
    let handed = values("LoadCredential");
    let handed: BTreeSet<_> = handed
        .iter()
        .map(|it| it.split_once(':').unwrap().0)
        .collect();
    assert_eq!((told.len(), &told), (3, &handed));
}

#[test]
fn the_image_is_built_from_what_there_is_by_a_compiler_that_can() {
    let file = read(CONTAINERFILE).replace("\\\n", " ");
    let mut built = BTreeSet::new();
    let mut installed = BTreeSet::new();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["FROM", image, ..] => {
                if let Some(version) = image.strip_prefix("docker.io/library/rust:") {
                    let (version, _) = version.split_once('-').unwrap();
                    let manifest = read("Cargo.toml");
                    assert!(manifest.contains(&format!("rust-version = \"{version}\"")));
                }
            }
            ["COPY", "--from=build", ref paths @ .., _] => {
                installed.extend(paths.iter().map(|path| path.rsplit('/').next().unwrap()));
            }
            ["COPY", ref paths @ .., _] => {
                assert!(
                    paths.iter().all(|path| root().join(path).exists()),
                    "{line}"
                );
            }
            ["RUN", ref command @ ..] => {
                let bins = command.windows(2).filter(|pair| pair[0] == "--bin");
                built.extend(bins.map(|pair| pair[1]));
            }
            ["CMD", program] => assert_program(program.trim_matches(['[', ']', '"'])),
            _ => {}
        }
    }
    assert_eq!(built, installed);
    for program in built.iter().filter(|program| **program != "rpcnet") {
        assert_program(program);
    }
}
