//! `rpcnet-proto` is sans-IO: values in, values out.

use crate::habits;
use crate::manifest::{self, Manifest};
use crate::tree::{self, Source, Violation};

/// Everything the core may depend on.
const DEPENDENCIES: [&str; 3] = ["bytes", "thiserror", "rand"];

/// What the core's code may not name, test code aside: a test needs an
/// `Instant` to pass in, and has no other way to come by one.
const OUTSIDE: [&str; 16] = [
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::net",
    "std::thread",
    "std::fs",
    "std::env",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::sync::mpsc",
    "tokio",
    "tracing",
    "log",
    "rand::rng",
    "getrandom",
];

/// Addresses are data; to name one opens nothing.
const ADDRESSES: [&str; 4] = [
    "std::net::SocketAddr",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
];

fn outside_of(source: &Source) -> Vec<Violation> {
    let mut found = habits::printing(source);
    for path in source.product_paths() {
        let reads_clock = path.contains("Instant::now") || path.contains("SystemTime::now");
        // A single word is a variable as often as a crate.
        let is_outside =
            path.segments.len() > 1 && OUTSIDE.iter().any(|outside| path.is_under(outside));
        let text = path.text().to_string();
        let is_address = ADDRESSES.iter().any(|address| text.starts_with(address));
        if reads_clock || (is_outside && !is_address) {
            found.push(Violation::new(&source.path, path.line, path.text()));
        }
    }
    // `instant.elapsed()` reads the clock without saying so.
    for pair in source.product_code().windows(2) {
        if pair[0].is_mark(".") && pair[1].is_word("elapsed") {
            found.push(Violation::new(
                &source.path,
                pair[1].line,
                "`.elapsed()` reads the clock",
            ));
        }
    }
    found
}

fn foreign_dependencies(manifest: &Manifest) -> Vec<Violation> {
    let foreign = manifest.dependencies.iter().filter(|dependency| {
        !dependency.is_dev && !DEPENDENCIES.contains(&dependency.name.as_str())
    });
    foreign
        .map(|dependency| Violation::new(&manifest.path, 0, &dependency.name))
        .collect()
}

#[test]
fn the_core_names_no_clock_socket_task_file_or_log() {
    tree::hold(&tree::sources_under("crates/rpcnet-proto/src/"), outside_of);
}

#[test]
fn the_core_depends_on_nothing_that_could_do_io() {
    let members = manifest::members();
    let core = members.iter().find(|member| member.name == "rpcnet-proto");
    tree::require_none(foreign_dependencies(
        core.expect("the workspace has the core"),
    ));
}

mod bites {
    use super::{foreign_dependencies, outside_of};
    use crate::manifest::Manifest;
    use crate::tree::{Document, Source};

    fn violations(text: &str) -> usize {
        outside_of(&Source::new("crates/rpcnet-proto/src/a.rs", text)).len()
    }

    #[test]
    fn every_way_to_the_outside_is_seen() {
        for text in [
            "fn f() { let now = std::time::Instant::now(); }",
            "use std::time::Instant; fn f() { Instant::now(); }",
            "use std::time as t; fn f() { t::Instant::now(); }",
            "fn f(at: Instant) { at.elapsed(); }",
            "use std::time::SystemTime;",
            "use std::{net::UdpSocket, fmt};",
            "use std::*;",
            "fn f() { std::thread::yield_now(); }",
            "use tokio::sync::mpsc;",
            "fn f() { tracing::debug!(\"x\"); }",
            "fn f() { println!(\"x\"); }",
            "fn f() { std::fs::read(p); }",
        ] {
            assert!(violations(text) > 0, "{text}");
        }
    }

    #[test]
    fn what_is_pure_passes() {
        for text in [
            "use std::time::{Duration, Instant}; fn f(now: Instant) -> Instant { now }",
            "// Instant::now\n/// tokio\nfn f() { \"std::net println!\"; }",
            "#[cfg(test)] mod tests { fn f() { std::time::Instant::now(); } }",
            "fn f(log: Log, print: u8) { self.tokio; catalog::log(); }",
        ] {
            assert_eq!(violations(text), 0, "{text}");
        }
    }

    #[test]
    fn a_foreign_dependency_is_seen_and_a_dev_one_is_not() {
        let text = "[dependencies]\nbytes = \"1\"\ntokio.workspace = true\n[dev-dependencies]\nproptest = \"1\"";
        let document = Document {
            path: "Cargo.toml".to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(foreign_dependencies(&Manifest::parse(&document)).len(), 1);
    }
}
