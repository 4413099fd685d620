//! What the race has to show.

use super::plan::{Peer, Round};
use super::table::{Sample, Spread};

/// How much faster than each peer 64-byte calls have to be, by how many are in flight.
const UNARY: [(Peer, [(usize, f64); 5]); 4] = [
    (
        Peer::Raw,
        [(1, 1.0), (16, 2.0), (64, 2.2), (256, 3.5), (1024, 4.0)],
    ),
    (
        Peer::Tarpc,
        [(1, 0.8), (16, 1.2), (64, 1.8), (256, 2.8), (1024, 2.8)],
    ),
    (
        Peer::Tonic,
        [(1, 1.2), (16, 3.5), (64, 5.0), (256, 9.0), (1024, 12.0)],
    ),
    (
        Peer::Old,
        [(1, 1.15), (16, 1.8), (64, 2.5), (256, 4.5), (1024, 6.0)],
    ),
];

/// Other work: how much of a peer's rate it has to reach.
const OTHERS: [(&str, Peer, f64); 9] = [
    ("unary-65536-x16", Peer::Raw, 1.5),
    ("unary-1048576-x16", Peer::Raw, 1.5),
    ("unary-65536-x16", Peer::Tonic, 0.6),
    ("unary-1048576-x16", Peer::Tonic, 0.6),
    ("stream-64", Peer::Tonic, 1.0),
    ("stream-65536", Peer::Old, 1.2),
    ("stream-65536", Peer::Tonic, 0.8),
    ("connect", Peer::Tonic, 1.0),
    ("unary-64-x16", Peer::Single, 1.0),
];

/// Datagrams per call of 64 bytes, at most, by how many are in flight.
const DATAGRAMS: [(usize, f64); 3] = [(1, 2.1), (16, 0.3), (256, 0.1)];

/// Work at which this library, with jumbo packets, has to reach tonic's rate.
const JUMBO: [&str; 2] = ["unary-65536-x16", "unary-1048576-x16"];

/// KiB of an idle connection, at most, at each side.
const IDLE_KIB_MAX: f64 = 16.0;

/// Prints each goal whose work was done, beside its figure; returns how many are missed.
pub(super) fn check(rounds: &[Round]) -> usize {
    let find = |name: &str| rounds.iter().find(|round| round.work.name == name);
    let unary = |in_flight: usize| find(&format!("unary-64-x{in_flight}"));
    let mut missed = 0;
    let mut say = |name: String, found: Spread, goal: f64, is_least: bool| {
        if found.median.is_nan() {
            return;
        }
        let is_met = if is_least {
            found.median >= goal
        } else {
            found.median <= goal
        };
        missed += usize::from(!is_met);
        let verdict = if is_met { "ok" } else { "short" };
        println!(
            "{name} {:.2} [{:.2} to {:.2}] {goal} {verdict}",
            found.median, found.min, found.max
        );
    };
    let rate = |it: &Sample| it.rate;
    for (peer, goals) in UNARY {
        for (in_flight, goal) in goals {
            if let Some(round) = unary(in_flight) {
                let name = format!("unary-64-x{in_flight}-vs-{}", peer.argument());
                say(name, Spread::of(round.ratios(peer, rate)), goal, true);
            }
        }
    }
    for (work, peer, goal) in OTHERS {
        if let Some(round) = find(work) {
            let name = format!("{work}-vs-{}", peer.argument());
            say(name, Spread::of(round.ratios(peer, rate)), goal, true);
        }
    }
    for work in JUMBO {
        if let Some(round) = find(work) {
            let found = Spread::of(round.ratios_of(Peer::Jumbo, Peer::Tonic, rate));
            say(format!("{work}-jumbo-vs-tonic"), found, 1.0, true);
        }
    }
    if let Some(round) = find("lossy-beside-64-x4") {
        let found = Spread::of(round.ratios(Peer::Tonic, |it| it.p99));
        say("lossy-beside-p99-vs-tonic".to_owned(), found, 0.5, false);
    }
    if let Some(round) = rounds.iter().find(|round| round.work.shape == "idle") {
        let samples = round.of(Peer::Rpcnet);
        let client = Spread::of(samples.iter().map(|it| it.client_kib));
        say("idle-kib-client".to_owned(), client, IDLE_KIB_MAX, false);
        let server = Spread::of(samples.iter().map(|it| it.server_kib));
        say("idle-kib-server".to_owned(), server, IDLE_KIB_MAX, false);
    }
    for (in_flight, goal) in DATAGRAMS {
        if let Some(round) = unary(in_flight) {
            let found = round.of(Peer::Rpcnet).iter().map(|it| it.datagrams);
            let name = format!("datagrams-x{in_flight}");
            say(name, Spread::of(found), goal, false);
        }
    }
    if let Some(round) = unary(1) {
        let found = Spread::of(round.ratios(Peer::Raw, |it| it.p50));
        say("p50-x1-vs-raw".to_owned(), found, 1.05, false);
    }
    if let Some(round) = unary(256) {
        for (peer, _) in UNARY {
            let found = Spread::of(round.ratios(peer, |it| it.p99));
            say(
                format!("p99-x256-vs-{}", peer.argument()),
                found,
                1.0,
                false,
            );
        }
    }
    if let (Some(few), Some(many)) = (unary(16), unary(1024)) {
        let cpu = |round: &Round| Spread::of(round.of(Peer::Rpcnet).iter().map(|it| it.cpu)).median;
        let found = Spread::of([cpu(many) / cpu(few)]);
        say("cpu-x1024-of-x16".to_owned(), found, 0.5, false);
    }
    missed
}
