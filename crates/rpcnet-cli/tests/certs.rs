//! `rpcnet certs`, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

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
        "  key             ECDSA P-256\n",
        "  usage           keyCertSign, cRLSign\n",
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
fn inspect_tells_machines_the_same_and_never_prints_a_key() {
    let scratch = scratch();
    let dir = scratch.path();
    done(dir, "certs dev");
    let key = fs::read_to_string(dir.join("certs/server-key.pem")).unwrap();
    let certificate = fs::read_to_string(dir.join("certs/server.pem")).unwrap();
    let ca = fs::read_to_string(dir.join("certs/ca.pem")).unwrap();
    fs::write(dir.join("both.pem"), format!("{key}{certificate}{ca}")).unwrap();
    let text = done(dir, "certs inspect both.pem certs/client.pem");
    let json = done(dir, "certs inspect both.pem certs/client.pem --json");
    let secret = key.lines().nth(1).unwrap();
    assert!(!text.contains(secret) && !json.contains(secret));
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let at = |line: &serde_json::Value| (line["file"].clone(), line["certificate"].clone());
    let files = [("both.pem", 1), ("both.pem", 2), ("certs/client.pem", 1)];
    assert_eq!(lines.len(), files.len());
    for (line, (file, number)) in lines.iter().zip(files) {
        assert_eq!(at(line), (file.into(), number.into()));
        assert_eq!(line["key"], "ECDSA P-256");
        assert_eq!(line["validity"], "valid");
        assert_eq!(line["issuer"], "CN=rpcnet development CA");
        assert_eq!(line["sha256"].as_str().unwrap().len(), 64);
        assert!(text.contains(line["serial"].as_str().unwrap()));
        let not_after = line["not_after"].as_str().unwrap();
        assert!(
            not_after.len() == 20 && not_after.ends_with('Z'),
            "{not_after}"
        );
    }
    let names = serde_json::json!(["localhost", "127.0.0.1", "::1"]);
    assert_eq!(lines[0]["names"], names);
    let usages = serde_json::json!(["serverAuth", "clientAuth"]);
    assert_eq!(lines[0]["extended_key_usage"], usages);
    assert_eq!(
        (&lines[0]["is_ca"], &lines[1]["is_ca"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn expiry_fails_where_a_certificate_ends_within_so_many_days() {
    let scratch = scratch();
    let dir = scratch.path();
    done(dir, "certs dev");
    let fine = done(dir, "certs expiry certs/server.pem certs/ca.pem");
    let lines: Vec<&str> = fine.lines().collect();
    assert!(lines[0].starts_with("ok   89 days        "), "{fine}");
    assert!(
        lines[0].ends_with("  certs/server.pem  localhost"),
        "{fine}"
    );
    assert!(lines[1].starts_with("ok   364 days       "), "{fine}");
    done(dir, "certs expiry certs/server.pem --within 89");

    let line = "certs expiry certs/server.pem no.pem certs/ca.pem --within 90";
    let output = rpcnet(dir, line);
    let report = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        report.starts_with("SOON 89 days") && report.contains("\nok   364 days"),
        "{report}"
    );
    assert!(
        complaint.starts_with("error: cannot read no.pem: No such"),
        "{complaint}"
    );
    assert!(
        complaint.ends_with("; 1 of 2 certificates are not valid for 90 days from now\n"),
        "{complaint}"
    );
    let output = rpcnet(dir, "certs expiry certs/server.pem --within 90 --json");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &value["ends_soon"]),
        (Some(1), &true.into())
    );
    assert_eq!(value["days_left"], 89);
}

#[test]
fn expiry_knows_what_is_over_and_what_is_still_to_come() {
    let scratch = scratch();
    let dir = scratch.path();
    let (now, day) = (SystemTime::now(), Duration::from_secs(24 * 60 * 60));
    for (stem, from, to, words) in [
        ("old", now - 3 * day, now - day, "SOON expired "),
        ("early", now + day, now + 90 * day, "SOON not yet valid "),
    ] {
        let ca = rpcnet::certs::DevCa::generate("times").unwrap();
        let identity = ca.with_validity(from, to).client(stem).unwrap();
        identity.write(dir, stem).unwrap();
        let output = rpcnet(dir, &format!("certs expiry {stem}.pem --within 0"));
        assert_eq!(output.status.code(), Some(1));
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(report.starts_with(words), "{report}");
    }
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
        "certs expiry",
        "certs expiry certs/ca.pem --within -1",
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
    assert_eq!(examples.len(), 6, "{help}");
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
