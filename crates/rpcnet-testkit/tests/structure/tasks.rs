//! Tasks have one birthplace, queues have an end.

use crate::manifest::{self, Manifest};
use crate::tree::{self, Source, Violation};

/// The one file that starts tasks: whoever looks for what runs in the
/// background looks there.
const BIRTHPLACE: &str = "crates/rpcnet/src/task.rs";

const SPAWNING: [&str; 11] = [
    "tokio::spawn",
    "tokio::task::spawn",
    "tokio::task::spawn_blocking",
    "tokio::task::spawn_local",
    "tokio::task::JoinSet",
    "tokio::task::LocalSet",
    "tokio::task::Builder",
    "tokio::runtime",
    "tokio_util::task",
    "std::thread::spawn",
    "std::thread::Builder",
];

/// Names under which an endless queue goes. Tokio's, futures' and the
/// crossbeam family's constructors among them.
const ENDLESS: [&str; 4] = [
    "unbounded_channel",
    "unbounded",
    "UnboundedSender",
    "UnboundedReceiver",
];

fn stray_spawns(source: &Source) -> Vec<Violation> {
    if source.path == BIRTHPLACE {
        return Vec::new();
    }
    let paths = source.product_paths();
    let strays = paths
        .iter()
        .filter(|path| SPAWNING.iter().any(|way| path.is_under(way)));
    strays
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

fn endless_queues(source: &Source) -> Vec<Violation> {
    let paths = source.all_paths();
    let endless = paths.iter().filter(|path| {
        let is_named = path
            .segments
            .iter()
            .any(|segment| ENDLESS.contains(&segment.as_str()));
        is_named || path.is_under("std::sync::mpsc::channel")
    });
    endless
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

/// The sources of the crates that users get.
pub(crate) fn published_sources() -> Vec<Source> {
    let members = manifest::members();
    let published = members.iter().filter(|member| member.is_published);
    let folders: Vec<&str> = published.map(folder).collect();
    let is_inside = |source: &Source| folders.iter().any(|folder| source.path.starts_with(folder));
    tree::sources().into_iter().filter(is_inside).collect()
}

fn folder(manifest: &Manifest) -> &str {
    manifest.path.trim_end_matches("Cargo.toml")
}

#[test]
fn the_library_starts_tasks_in_one_file_only() {
    let libraries = ["crates/rpcnet/src/", "crates/rpcnet-proto/src/"];
    let sources: Vec<Source> = libraries
        .iter()
        .flat_map(|folder| tree::sources_under(folder))
        .collect();
    tree::hold(&sources, stray_spawns);
}

#[test]
fn no_published_crate_has_an_endless_queue() {
    tree::hold(&published_sources(), endless_queues);
}

mod bites {
    use super::{BIRTHPLACE, endless_queues, stray_spawns};
    use crate::tree::Source;

    fn source(text: &str) -> Source {
        Source::new("crates/rpcnet/src/server/call.rs", text)
    }

    #[test]
    fn every_way_to_start_a_task_is_seen() {
        for text in [
            "fn f() { tokio::spawn(job()); }",
            "use tokio::spawn; fn f() { spawn(job()); }",
            "use tokio::task; fn f() { task::spawn_blocking(job); }",
            "use tokio::task::JoinSet;",
            "use tokio::{task::spawn_local as local};",
            "fn f() { tokio::runtime::Handle::current().spawn(job()); }",
            "fn f() { std::thread::spawn(job); }",
            "use std::thread; fn f() { thread::Builder::new(); }",
            "use tokio_util::task::TaskTracker;",
        ] {
            assert!(!stray_spawns(&source(text)).is_empty(), "{text}");
            assert!(
                stray_spawns(&Source::new(BIRTHPLACE, text)).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_crates_own_spawn_and_tests_pass() {
        for text in [
            "use crate::task; fn f() { task::spawn(job()); self.tasks.spawn(job()); }",
            "#[cfg(test)] mod tests { fn f() { tokio::spawn(job()); } }",
            "/// tokio::spawn(client.call(..))\nfn f() { tokio::task::yield_now(); }",
        ] {
            assert!(stray_spawns(&source(text)).is_empty(), "{text}");
        }
    }

    #[test]
    fn every_endless_queue_is_seen() {
        for text in [
            "fn f() { tokio::sync::mpsc::unbounded_channel::<u8>(); }",
            "use std::sync::mpsc; fn f() { mpsc::channel(); }",
            "use futures::channel::mpsc::unbounded;",
            "struct A { queue: UnboundedSender<u8> }",
            "#[cfg(test)] mod tests { fn f() { unbounded(); } }",
        ] {
            assert!(!endless_queues(&source(text)).is_empty(), "{text}");
        }
        let bounded = "use tokio::sync::mpsc; fn f() { mpsc::channel(LIMIT); std::sync::mpsc::sync_channel(1); }";
        assert!(endless_queues(&source(bounded)).is_empty());
    }
}
