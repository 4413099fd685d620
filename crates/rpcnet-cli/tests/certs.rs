//! `rpcnet certs`, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn rpcnet(dir: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rpcnet"))
        .args(line.split(' '))
        .current_dir(dir)
        .output()
        .unwrap()
}

/// Runs a command that must succeed; returns what it printed.
#[track_caller]
fn done(dir: &Path, line: &str) -> String {
    let output = rpcnet(dir, line);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail with `code`; returns what it complained of.
#[track_caller]
fn failed(dir: &Path, line: &str, code: i32) -> String {
    let output = rpcnet(dir, line);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0));
    String::from_utf8(output.stderr).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn dev_makes_everything_and_says_how_to_use_it() {
    let scratch = scratch();
    let report = done(scratch.path(), "certs dev --name db.local --name 10.0.0.7");
    let certs = scratch.path().join("certs");
    let files = [
        "ca-key.pem",
        "ca.pem",
        "client-key.pem",
        "client.pem",
        "server-key.pem",
        "server.pem",
    ];
    assert_eq!(names(&certs), files);
    for file in files {
        assert!(report.contains(&format!("wrote certs/{file}")), "{report}");
    }
    for usage in [
        r#"RpcConfig::new("certs/server.pem""#,
        r#".with_key_path("certs/server-key.pem")"#,
        r#".with_ca_path("certs/ca.pem")"#,
        r#".with_server_name("localhost")"#,
    ] {
        assert!(report.contains(usage), "{report}");
    }
    let server = done(scratch.path(), "certs inspect certs/server.pem");
    assert!(
        server.contains("localhost, db.local, 127.0.0.1, ::1, 10.0.0.7"),
        "{server}"
    );
}

#[cfg(unix)]
#[test]
fn every_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = scratch();
    done(scratch.path(), "certs dev");
    done(scratch.path(), "certs node --name node-1");
    let certs = scratch.path().join("certs");
    let keys: Vec<String> = names(&certs)
        .into_iter()
        .filter(|name| name.ends_with("-key.pem"))
        .collect();
    assert_eq!(keys.len(), 4);
    for key in keys {
        let mode = fs::metadata(certs.join(&key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let scratch = scratch();
    done(scratch.path(), "certs dev --dir tls");
    let read = || {
        names(&scratch.path().join("tls"))
            .iter()
            .map(|name| fs::read_to_string(scratch.path().join("tls").join(name)).unwrap())
            .collect::<Vec<_>>()
    };
    let before = read();
    for line in [
        "certs dev --dir tls",
        "certs ca --dir tls",
        "certs server --dir tls --name a --stem server",
        "certs client --dir tls --name client",
    ] {
        let complaint = failed(scratch.path(), line, 1);
        assert!(complaint.starts_with("error: tls/"), "{complaint}");
        assert!(complaint.contains(".pem exists already"), "{complaint}");
    }
    assert_eq!(read(), before);
}

#[test]
fn an_existing_ca_signs_servers_nodes_and_clients() {
    let scratch = scratch();
    done(scratch.path(), "certs ca --name Home");
    done(
        scratch.path(),
        "certs server --name *.svc --name ::1 --out deploy",
    );
    done(scratch.path(), "certs node --name node-1 --stem n1");
    let client = done(scratch.path(), "certs client --name spiffe://x/y");
    assert_eq!(
        names(&scratch.path().join("deploy")),
        ["_.svc-key.pem", "_.svc.pem"]
    );
    assert!(
        client.contains(r#".with_key_path("certs/spiffe___x_y-key.pem")"#),
        "{client}"
    );
    for file in ["deploy/_.svc.pem", "certs/n1.pem", "certs/spiffe___x_y.pem"] {
        let report = done(scratch.path(), &format!("certs inspect {file}"));
        assert!(report.contains("issuer          CN=Home\n"), "{report}");
    }
}

#[test]
fn inspect_tells_what_one_asks_of_a_certificate() {
    let scratch = scratch();
    done(scratch.path(), "certs dev");
    let report = done(scratch.path(), "certs inspect certs/ca.pem");
    for expected in [
        "certs/ca.pem: certificate 1 of 1\n",
        "  subject         CN=rpcnet development CA\n",
        "  may sign others yes\n",
        "(364 days left)\n",
        "  SHA-256         ",
    ] {
        assert!(report.contains(expected), "{expected:?} in {report}");
    }
    let fingerprint = report
        .lines()
        .find_map(|line| line.strip_prefix("  SHA-256         "));
    assert_eq!(fingerprint.unwrap().split(':').count(), 32);
}

#[test]
fn a_failure_names_the_file_and_the_reason() {
    let scratch = scratch();
    let dir = scratch.path();
    assert!(
        failed(dir, "certs inspect no.pem", 1).starts_with("error: cannot read no.pem: No such")
    );
    let complaint = failed(dir, "certs server --name a", 1);
    assert!(
        complaint.starts_with("error: cannot read certs/ca.pem: No such"),
        "{complaint}"
    );
    done(dir, "certs dev");
    let complaint = failed(dir, "certs inspect certs/ca-key.pem", 1);
    assert!(
        complaint.contains("certs/ca-key.pem: a private key where a certificate"),
        "{complaint}"
    );
    let complaint = failed(dir, "certs client --name a/b", 1);
    assert!(complaint.contains(r#""a/b" is neither"#), "{complaint}");
    fs::write(dir.join("file"), "").unwrap();
    let complaint = failed(dir, "certs dev --dir file/certs", 1);
    assert!(
        complaint.starts_with("error: cannot write file/certs: "),
        "{complaint}"
    );
}

#[test]
fn misuse_is_told_apart_from_failure() {
    let scratch = scratch();
    for line in [
        "",
        "certs",
        "certs server",
        "certs client",
        "certs inspect",
        "certs dev --days",
    ] {
        failed(scratch.path(), line, 2);
    }
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn help_shows_examples_that_work() {
    let scratch = scratch();
    let help = done(scratch.path(), "certs --help");
    let examples: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  rpcnet "))
        .map(|line| line.split("  ").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 5, "{help}");
    for example in examples {
        done(scratch.path(), example);
    }
}

#[test]
fn a_node_is_server_and_client_by_its_name_and_on_its_own_machine() {
    let scratch = scratch();
    done(scratch.path(), "certs ca");
    done(
        scratch.path(),
        "certs node --name worker-1 --name ::1 --name 10.0.0.1",
    );
    let report = done(scratch.path(), "certs inspect certs/worker-1.pem");
    let names = "worker-1, localhost, ::1, 10.0.0.1, 127.0.0.1\n";
    assert!(report.contains(names), "{report}");
}
