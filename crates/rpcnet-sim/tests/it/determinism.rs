//! One seed, one run.

use std::time::Duration;

use rpcnet_sim::cluster::{Cluster, Plan};
use rpcnet_sim::engine::Engine;
use rpcnet_sim::engine::foca::Baseline;
use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::scenario::{NAMES, Scenario};

fn hash<E: Engine>(name: &str, seed: u64, nodes: u32) -> (u64, u64) {
    let scenario = Scenario::named(name, seed, nodes).expect("the scenario exists");
    let outcome = scenario.run::<E>();
    (outcome.hash, outcome.events)
}

#[test]
fn every_scenario_of_one_seed_runs_the_same_twice() {
    for (name, _) in NAMES {
        let first = hash::<Core>(name, 11, 12);
        assert!(first.1 > 1_000, "{name}: {} events", first.1);
        assert_eq!(first, hash::<Core>(name, 11, 12), "{name}");
    }
}

#[test]
fn the_baseline_runs_the_same_twice_too() {
    let first = hash::<Baseline>("random", 11, 12);
    assert_eq!(first, hash::<Baseline>("random", 11, 12));
    assert_ne!(first, hash::<Baseline>("random", 12, 12));
}

#[test]
fn another_seed_is_another_run() {
    let mut hashes: Vec<u64> = (0..8)
        .map(|seed| hash::<Core>("crash", seed, 12).0)
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn text_is_kept_only_where_it_is_asked_for_and_changes_nothing() {
    let run = |readable| {
        let mut plan = Plan::new(5, 8);
        plan.readable = readable;
        let mut cluster = Cluster::<Core>::new(plan);
        cluster.run_for(Duration::from_secs(10));
        (cluster.trace().hash(), cluster.take_lines().len())
    };
    let (silent, without) = run(false);
    let (told, with) = run(true);
    assert_eq!(silent, told);
    assert_eq!(without, 0);
    assert!(with > 100, "{with} lines");
}
