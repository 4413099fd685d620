//! What holds for the balancing whatever it is told.

mod balance_worker;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use balance_worker::{STRATEGIES, Worker, pick};
use proptest::prelude::*;
use rpcnet_proto::balance::{
    Draw, EjectionConfig, Ejector, LoadCell, Outcomes, PeakEwma, Picker, RetryBudget, Standing,
    Strategy as Way,
};
use rpcnet_proto::swim::Time;

/// Ids repeat at times, and nothing else is in its range either.
fn any_worker() -> impl Strategy<Value = Worker> {
    let figures = (
        prop_oneof![any::<u64>(), 0..50_u64],
        prop_oneof![any::<u32>(), 0..8_u32],
        prop_oneof![any::<u32>(), 1..=1_000_u32],
        any::<f64>(),
        any::<Option<f32>>(),
        prop_oneof![3 => Just(true), 2 => Just(false)],
    );
    figures.prop_map(
        |(id, in_flight, weight, latency_us, utilization, is_acceptable)| Worker {
            id,
            in_flight,
            weight,
            latency_us,
            utilization,
            is_acceptable,
        },
    )
}

fn any_workers() -> impl Strategy<Value = Vec<Worker>> {
    prop::collection::vec(any_worker(), 0..80)
}

fn any_time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<u64>().prop_map(Time::from_micros),
        (0..60_000_000_u64).prop_map(Time::from_micros),
    ]
}

proptest! {
    /// Also for a set that the picker was not made for.
    #[test]
    fn whoever_is_picked_is_acceptable_and_nobody_only_where_nobody_is(
        made_for in any_workers(),
        workers in any_workers(),
        next in any_workers(),
        seed in any::<u64>(),
        keys in prop::collection::vec(any::<Option<u64>>(), 1..20),
    ) {
        for strategy in STRATEGIES {
            let mut draw = Draw::new(seed);
            let first = Picker::new(strategy, &made_for);
            let second = first.succeed(&next);
            for (picker, key) in [&first, &second].into_iter().flat_map(|p| keys.iter().map(move |k| (p, k))) {
                for set in [&made_for, &workers, &next] {
                    let picked = pick(picker, set, &mut draw, *key);
                    let is_one = set.iter().any(|worker| worker.is_acceptable);
                    prop_assert_eq!(picked.is_some(), is_one);
                    if let Some(at) = picked {
                        prop_assert!(set[at].is_acceptable);
                    }
                }
            }
        }
    }

    /// However the set came about.
    #[test]
    fn every_node_finds_the_same_owner_of_a_key(
        sets in prop::collection::vec(prop::collection::btree_set(0..40_u64, 1..30), 1..6),
        keys in prop::collection::vec(any::<u64>(), 1..50),
    ) {
        let set = |numbers: &BTreeSet<u64>| numbers.iter().map(|n| Worker::idle(*n)).collect();
        let sets: Vec<Vec<Worker>> = sets.iter().map(set).collect();
        let one = sets.iter().fold(Picker::new(Way::Rendezvous, &[] as &[Worker]), |picker, set| {
            picker.succeed(set)
        });
        let last = sets.last().expect("one at least");
        let mut reversed = last.clone();
        reversed.reverse();
        let other = Picker::new(Way::Rendezvous, &reversed);
        for key in keys {
            let here = pick(&one, last, &mut Draw::new(1), Some(key)).map(|at| last[at].id);
            let there = pick(&other, &reversed, &mut Draw::new(2), Some(key)).map(|at| reversed[at].id);
            prop_assert!(here.is_some());
            prop_assert_eq!(here, there);
        }
    }

    #[test]
    fn cells_are_sane_whatever_they_are_told_and_in_any_order(
        told in prop::collection::vec((any_time(), any::<f64>(), any::<f32>()), 0..40),
    ) {
        let (latency, load) = (PeakEwma::new(), LoadCell::new());
        for (now, latency_us, utilization) in told {
            latency.observe(now, latency_us);
            load.report(now, utilization);
            let read = latency.latency_us(now);
            prop_assert!(read.is_none_or(|read| read.is_finite() && read >= 0.0));
            prop_assert!(latency_us.is_nan() || read.is_some());
            let read = load.utilization(now);
            prop_assert!(read.is_none_or(|read| (0.0..=1.0).contains(&read)));
        }
    }
}

#[derive(Clone, Debug)]
enum Told {
    Ended { worker: usize, at: Time, well: bool },
    Review { at: Time, present: Vec<bool> },
    Restart { worker: usize },
}

const WORKERS: usize = 12;

fn any_told() -> impl Strategy<Value = Told> {
    let present = prop::collection::vec(prop::bool::weighted(0.9), WORKERS);
    prop_oneof![
        8 => (0..WORKERS, any_time(), prop::bool::weighted(0.3))
            .prop_map(|(worker, at, well)| Told::Ended { worker, at, well }),
        3 => (any_time(), present).prop_map(|(at, present)| Told::Review { at, present }),
        1 => (0..WORKERS).prop_map(|worker| Told::Restart { worker }),
    ]
}

prop_compose! {
    fn any_ejection()(
        numbers in prop::array::uniform3(prop_oneof![any::<u32>(), 0..4_u32]),
        shares in prop::array::uniform3(prop_oneof![any::<f64>(), 0.0..=1.0]),
        durations in prop::array::uniform2(prop_oneof![
            any::<Duration>(),
            (0..5_000_u64).prop_map(Duration::from_millis),
        ]),
    ) -> EjectionConfig {
        let [consecutive_failures, calls_min, probes] = numbers;
        let [ratio, share_max, panic_threshold] = shares;
        EjectionConfig::default()
            .with_consecutive_failures(consecutive_failures)
            .with_failure_ratio(ratio, calls_min)
            .with_probes(probes)
            .with_share_max(share_max)
            .with_panic_threshold(panic_threshold)
            .with_durations(durations[0], durations[1])
    }
}

proptest! {
    /// Times in any order, settings of any kind, workers that come, go and restart.
    #[test]
    fn no_more_are_out_than_may_be_and_who_is_gone_is_forgotten(
        config in prop_oneof![any_ejection(), Just(EjectionConfig::default())],
        history in prop::collection::vec(any_told(), 0..200),
    ) {
        let mut outcomes: Vec<Outcomes> = (0..WORKERS).map(|_| Outcomes::for_config(config)).collect();
        let mut ejector = Ejector::new(config);
        for told in history {
            match told {
                Told::Ended { worker, at, well } => {
                    let _ = if well { outcomes[worker].succeeded(at) } else { outcomes[worker].failed(at) };
                }
                Told::Restart { worker } => outcomes[worker] = Outcomes::for_config(config),
                Told::Review { at, present } => {
                    let before: BTreeMap<u64, Standing> = ejector.standings().collect();
                    let there = |index: &usize| present[*index];
                    let workers = (0..WORKERS).filter(there).map(|index| (index as u64, &outcomes[index]));
                    let changed = ejector.review(at, workers);
                    let all = present.iter().filter(|is| **is).count();
                    let out: BTreeMap<u64, Standing> = ejector.standings().collect();
                    prop_assert!(out.len() <= config.out_max(all));
                    prop_assert!(out.keys().all(|id| present[*id as usize]));
                    prop_assert!(out == before || changed);
                    prop_assert_eq!(ejector.is_panicking(), config.panics(all - out.len(), all));
                    let ends = out.values().filter_map(|standing| match standing {
                        Standing::Ejected { until } => Some(*until),
                        Standing::Probing | Standing::Admitted => None,
                    });
                    prop_assert_eq!(ejector.poll_timeout(), ends.min());
                }
            }
            for id in 0..WORKERS as u64 {
                let is_out = ejector.standings().any(|(out, _)| out == id);
                prop_assert_eq!(ejector.standing(id) != Standing::Admitted, is_out);
            }
        }
    }

    /// In every window: at most what was there, a share of the calls in it, and so many
    /// per second.
    #[test]
    fn no_window_has_more_retries_than_its_calls_and_its_seconds_pay_for(
        ratio in 0.0..2.0_f64,
        per_second in 0..50_u32,
        steps in prop::collection::vec((0..3_000_u64, 0..40_u32, 0..60_u32), 1..40),
    ) {
        let budget = RetryBudget::new(ratio, per_second);
        let reserve = 10.0 * f64::from(per_second);
        let mut now = Time::from_micros(5_000_000);
        // Of each step: when it began, the balance then, calls and retries up to then.
        let mut starts = Vec::new();
        let (mut calls, mut retries) = (0.0, 0.0);
        for (pause_ms, deposits, wishes) in steps {
            now = now + Duration::from_millis(pause_ms);
            starts.push((now, budget.balance(now), calls, retries));
            for _ in 0..deposits {
                budget.deposit(now);
                calls += 1.0;
            }
            for _ in 0..wishes {
                retries += f64::from(u8::from(budget.withdraw(now)));
            }
            prop_assert!(budget.balance(now) <= reserve + ratio * calls + 1e-6);
            for (began, balance, calls_before, retries_before) in &starts {
                // Time is told in hundredths of a second.
                let seconds = now.since(*began).as_secs_f64() + 0.01;
                let paid = balance + ratio * (calls - calls_before) + f64::from(per_second) * seconds;
                prop_assert!(retries - retries_before <= paid + 1e-6);
            }
        }
    }

    #[test]
    fn a_budget_survives_any_order_of_times(
        ratio in any::<f64>(),
        per_second in any::<u32>(),
        told in prop::collection::vec((any_time(), any::<bool>()), 0..100),
    ) {
        let budget = RetryBudget::new(ratio, per_second);
        for (now, is_call) in told {
            if is_call {
                budget.deposit(now);
            } else if budget.balance(now) < 1.0 {
                prop_assert!(!budget.withdraw(now));
            } else {
                prop_assert!(budget.withdraw(now));
            }
            prop_assert!(budget.balance(now) <= f64::from(RetryBudget::BALANCE_MAX) + 1.0);
        }
    }
}
