//! What is no partition is not taken for one, and what is one is.

use std::time::Duration;

use rpcnet_sim::chance::{Purpose, Stream};
use rpcnet_sim::cluster::{Cluster, Plan};
use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::fault::{Fault, Timed};
use rpcnet_sim::nodes::NodeSet;

const NODES: u32 = 16;
const SEEDS: u64 = 12;
const BEGIN: Duration = Duration::from_secs(20);
const END: Duration = Duration::from_secs(200);

/// Does `fault` to `count` nodes at a time, each time to others, and lets `pause` pass after each; returns how
/// many nodes suspected a partition how often.
fn alarms(
    seed: u64,
    count: u32,
    pause: (u64, u64),
    fault: impl Fn(NodeSet, &mut Stream) -> Fault,
) -> usize {
    let mut plan = Plan::new(seed, NODES);
    plan.check = false;
    plan.readable = true;
    let mut chance = Stream::new(seed, Purpose::Scenario, 4);
    let mut faults = Vec::new();
    let mut at = BEGIN;
    while at < END {
        let first = chance.below(u64::from(NODES)) as u32;
        let who = (first..first + count).map(|node| node % NODES).collect();
        let fault = fault(NodeSet::of(who), &mut chance);
        let lasts = fault.lasts();
        faults.push(Timed { at, fault });
        at += lasts + Duration::from_millis(chance.within(pause.0, pause.1));
    }
    let mut cluster = Cluster::<Core>::new(plan);
    cluster.schedule(&faults);
    cluster.run_for(END);
    let lines = cluster.take_lines();
    let is_alarm = |line: &&String| line.contains("suspects a partition");
    lines.iter().filter(is_alarm).count()
}

fn within(chance: &mut Stream, low: u64, high: u64) -> Duration {
    Duration::from_millis(chance.within(low, high))
}

#[test]
fn a_third_that_is_cut_off_for_seconds_again_and_again_is_no_partition() {
    for seed in 0..SEEDS {
        let alarms = alarms(seed, NODES / 3, (3_000, 10_000), |who, chance| {
            Fault::Split(who, within(chance, 1_000, 7_000))
        });
        assert_eq!(alarms, 0, "seed {seed}");
    }
}

#[test]
fn a_quarter_that_freezes_for_seconds_again_and_again_is_no_partition() {
    for seed in 0..SEEDS {
        let alarms = alarms(seed, NODES / 4, (100, 8_000), |who, chance| {
            Fault::Pause(who, within(chance, 100, 6_000))
        });
        assert_eq!(alarms, 0, "seed {seed}");
    }
}

#[test]
fn a_third_that_restarts_again_and_again_is_no_partition() {
    for seed in 0..SEEDS {
        let alarms = alarms(seed, NODES / 3, (3_000, 10_000), |who, _| {
            Fault::Restart(who)
        });
        assert_eq!(alarms, 0, "seed {seed}");
    }
}

#[test]
fn a_third_that_stays_cut_off_is_one_to_everybody() {
    for seed in 0..SEEDS {
        let cut = |who, _: &mut Stream| Fault::Split(who, END);
        assert_eq!(alarms(seed, NODES / 3, (0, 0), cut), NODES as usize);
    }
}
