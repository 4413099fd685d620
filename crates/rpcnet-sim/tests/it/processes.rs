//! What processes do when they are paused, slowed, stopped and started.

use std::time::Duration;

use rpcnet_sim::clock::Time;
use rpcnet_sim::cluster::{Aim, Boot, Cluster, Plan};
use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::engine::{Engine, Rank};
use rpcnet_sim::fault::{self, Fault};
use rpcnet_sim::nodes::NodeSet;

fn run(plan: Plan, faults: &str, seconds: u64) -> Cluster<Core> {
    let mut cluster = Cluster::<Core>::new(plan);
    cluster.schedule(&fault::read(faults).expect("these are faults"));
    cluster.run_until(Time::from_micros(seconds * 1_000_000));
    cluster
}

fn rank(cluster: &Cluster<Core>, observer: usize, about: u32) -> Option<Rank> {
    let engine = cluster.nodes()[observer].engine.as_ref()?;
    engine.row(about).map(|row| row.rank)
}

#[test]
fn a_crashed_node_fails_and_comes_back_as_itself() {
    let cluster = run(Plan::new(1, 8), "5s crash 3", 60);
    assert_eq!(rank(&cluster, 0, 3), Some(Rank::Failed));
    assert_eq!(cluster.members().len(), 7);
    let cluster = run(Plan::new(1, 8), "5s crash 3; 60s restart 3", 70);
    assert_eq!(rank(&cluster, 0, 3), Some(Rank::Alive));
    assert_eq!(cluster.untruths(), (0, None));
}

#[test]
fn a_node_that_leaves_has_left_and_has_not_failed() {
    let cluster = run(Plan::new(1, 8), "5s leave 3", 30);
    assert!(
        (0..8)
            .filter(|node| *node != 3)
            .all(|node| rank(&cluster, node, 3) == Some(Rank::Left))
    );
    assert!(
        cluster.nodes()[3].engine.is_none(),
        "it stops a little later"
    );
}

#[test]
fn a_paused_node_is_silent_and_goes_on_where_it_was() {
    let mut cluster = Cluster::<Core>::new(Plan::new(1, 8));
    cluster.run_until(Time::from_micros(5_000_000));
    let watch = cluster.watch(3, Aim::Gone);
    let faults = fault::read("5s pause 3 for 40s").expect("this is a fault");
    cluster.schedule(&faults);
    cluster.run_until(Time::from_micros(40_000_000));
    assert!(cluster.watched(watch).delays(&[0, 1, 2, 4, 5, 6, 7]).len() >= 7);
    cluster.run_until(Time::from_micros(75_000_000));
    assert_eq!(cluster.untruths(), (0, None), "the same process is back");
    assert_eq!(cluster.nodes()[3].epoch, 1);
}

#[test]
fn a_node_that_moved_is_found_at_its_new_address() {
    let cluster = run(Plan::new(1, 8), "5s move 3", 60);
    assert_eq!(cluster.untruths(), (0, None));
    assert_eq!(cluster.nodes()[3].moves, 1);
}

#[test]
fn what_a_full_socket_drops_is_counted() {
    let mut plan = Plan::new(1, 8);
    plan.socket_bytes = 2_000;
    let cluster = run(plan, "5s pause 3 for 30s", 40);
    assert!(cluster.counts().overflowed > 0);
    let cluster = run(Plan::new(1, 8), "", 40);
    assert_eq!(cluster.counts().overflowed, 0);
}

#[test]
fn nodes_that_join_one_after_the_other_see_each_other() {
    let mut plan = Plan::new(1, 24);
    plan.boot = Boot::Joining(24, Duration::from_secs(2));
    let cluster = run(plan, "", 15);
    assert!(cluster.is_converged());
    assert_eq!(cluster.untruths(), (0, None));
}

#[test]
fn clocks_that_drift_harm_nothing() {
    let cluster = run(
        Plan::new(1, 8),
        "1s drift 0-3 by 200; 1s drift 4-7 by -200",
        120,
    );
    assert_eq!(cluster.counts().false_failed, 0);
    assert_eq!(cluster.untruths(), (0, None));
}

#[test]
fn a_joiner_sees_everybody_though_its_answer_comes_in_parts_that_overtake_each_other() {
    for seed in 0..4 {
        let mut plan = Plan::new(seed, 64);
        plan.boot = Boot::Formed(63);
        // Sixty-three such records are four messages.
        plan.wire.key_bytes = 4_000;
        let mut cluster = Cluster::<Core>::new(plan);
        cluster.run_for(Duration::from_secs(3));
        cluster.inflict(&Fault::Restart(NodeSet::one(63)));
        cluster.run_for(Duration::from_millis(200));
        let joiner = cluster.nodes()[63].engine.as_ref();
        assert_eq!(joiner.map(Engine::live), Some(64), "seed {seed}");
    }
}
