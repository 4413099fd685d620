//! What the strategies and the ejector are worth where workers are slow or fail.
//!
//! Open loop and virtual time: the same in every run. `cargo test -p rpcnet-proto --test
//! balance_queues -- --nocapture` prints what was found.

#![expect(clippy::print_stdout, reason = "what it finds is worth reading")]

mod balance_rig;

use std::time::Duration;

use balance_rig::{Plan, Played, play};
use rpcnet_proto::balance::{EjectionConfig, Standing, Strategy};
use rpcnet_proto::swim::Time;

/// The time at which a worker begins to fail, or to be slow.
const FROM: Time = secs(5);

const fn secs(secs: u64) -> Time {
    Time::from_micros(secs * 1_000_000)
}

/// With a tenfold slow worker among them, as a multiple of the same without one.
struct Slowdown {
    p99: f64,
    p98: f64,
    slow_share: f64,
}

fn slowdown(strategy: Strategy, workers: usize, load: f64) -> Slowdown {
    let healthy = Plan {
        load,
        workers,
        length: Duration::from_secs(30),
        ..Plan::healthy(strategy, 11)
    };
    let slow = Plan {
        slowness: 10.0,
        slow_from: FROM,
        ..healthy.clone()
    };
    let (healthy, slow) = (play(healthy), play(slow));
    let ratio = |share| slow.percentile(share) / healthy.percentile(share);
    let found = Slowdown {
        p99: ratio(0.99),
        p98: ratio(0.98),
        slow_share: slow.share_of(0, FROM),
    };
    println!(
        "one of {workers} is slow, load {load}, {strategy:?}: p99 {:.2} times, p98 {:.2} times, \
         {:.2} % of the calls at the slow one",
        found.p99,
        found.p98,
        found.slow_share * 100.0
    );
    found
}

#[test]
fn with_peak_ewma_a_slow_worker_of_eight_costs_less_than_a_third_of_the_p99() {
    for load in [0.1, 0.5, 0.7] {
        let found = slowdown(Strategy::PeakEwma, 8, load);
        assert!(found.p99 <= 1.3, "{}", found.p99);
    }
}

/// The control: what the others are measured against.
#[test]
fn in_turn_and_at_random_every_eighth_call_waits_for_the_slow_worker() {
    for strategy in [Strategy::RoundRobin, Strategy::Random] {
        let found = slowdown(strategy, 8, 0.1);
        assert!(found.p99 > 10.0, "{}", found.p99);
        assert!((0.11..0.14).contains(&found.slow_share));
    }
}

/// Calls under way even out, so the slow one of eight finishes one call for every 70 of the
/// others: 1.4 % of all, which no strategy that counts calls only can go below. The p99 is
/// then that of the slow worker, with 16 and more workers it is not.
#[test]
fn by_calls_under_way_alone_a_slow_worker_shows_in_the_p99_of_eight_but_not_of_many() {
    for strategy in [Strategy::PowerOfTwoChoices, Strategy::LeastConnections] {
        let found = slowdown(strategy, 8, 0.7);
        assert!(found.p99 > 3.0, "{}", found.p99);
        assert!(found.p98 < 1.5, "{}", found.p98);
        assert!((0.014..0.02).contains(&found.slow_share));
        let found = slowdown(strategy, 16, 0.7);
        assert!(found.p99 <= 1.3, "{}", found.p99);
    }
}

/// What the others make of it, for the record: each better than taking turns.
#[test]
fn whatever_looks_at_the_load_is_far_better_than_taking_turns() {
    let control = slowdown(Strategy::RoundRobin, 8, 0.5);
    for strategy in [
        Strategy::Weighted,
        Strategy::LeastLoaded,
        Strategy::Rendezvous,
    ] {
        let found = slowdown(strategy, 8, 0.5);
        assert!(found.p99 < control.p99 / 100.0, "{}", found.p99);
        assert!(found.slow_share < 0.03, "{}", found.slow_share);
    }
}

/// One of eight that answers half of its calls with a failure for 30 s, about 1,600 or 100
/// calls per second, no retries.
fn failing(load: f64, seed: u64) -> Played {
    play(Plan {
        load,
        failing: 1,
        failure_share: 0.5,
        failing_from: FROM,
        failing_until: secs(35),
        ..Plan::healthy(Strategy::PeakEwma, seed)
    })
}

#[test]
fn a_worker_that_fails_half_of_its_calls_is_out_in_two_seconds_and_back_in_ten() {
    for (load, seed) in (1..6).flat_map(|seed| [(0.5, seed), (0.03, seed)]) {
        let played = failing(load, seed);
        let first = |found: &dyn Fn(Standing) -> bool, from: Time| {
            let mut standings = played.standings.iter();
            let found = standings.find(|(at, _, standing)| *at >= from && found(*standing));
            found.map(|(at, worker, _)| (*at, *worker))
        };
        let is_out = |standing| matches!(standing, Standing::Ejected { .. });
        let (out, worker) = first(&is_out, FROM).expect("it is ejected");
        assert_eq!(worker, 0);
        let last = |until: Time| played.standings.iter().rev().find(|(at, ..)| *at < until);
        let was_out =
            last(secs(35)).is_some_and(|(_, _, standing)| *standing != Standing::Admitted);
        assert!(was_out, "it is out when it recovers");
        let is_back = |standing| standing == Standing::Admitted;
        let (back, _) = first(&is_back, secs(35)).expect("it is admitted");
        let errors = played.failures(out, secs(35));
        println!(
            "one of 8 fails, load {load}: out after {:?}, then {:.3} % failures, back after {:?}",
            out.since(FROM),
            errors * 100.0,
            back.since(secs(35))
        );
        assert!(out.since(FROM) <= Duration::from_secs(2));
        assert!(errors <= 0.01, "{errors}");
        assert!(back.since(secs(35)) <= Duration::from_secs(10));
        assert!(played.share_of(0, secs(50)) > 0.05, "it works again");
    }
}

#[test]
fn where_all_fail_calls_go_on_and_all_are_back_when_they_do_no_longer() {
    let some = EjectionConfig::default();
    let everybody = some.with_share_max(1.0);
    for (ejection, out_max) in [(some, 2), (everybody, 8)] {
        let played = play(Plan {
            failing: 8,
            failure_share: 1.0,
            failing_from: FROM,
            failing_until: secs(35),
            ejection,
            ..Plan::healthy(Strategy::PeakEwma, 3)
        });
        assert_eq!(played.unpicked, 0, "somebody is always picked");
        assert_eq!(played.out_most, out_max);
        let mut out = [false; 8];
        for (_, worker, standing) in &played.standings {
            out[*worker] = *standing != Standing::Admitted;
        }
        assert_eq!(out, [false; 8], "all are back");
        assert_eq!(played.failures(secs(36), secs(61)), 0.0);
    }
}
