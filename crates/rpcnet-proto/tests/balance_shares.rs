//! Who gets how many of the calls.

mod balance_worker;

use std::sync::atomic::{AtomicUsize, Ordering};

use balance_worker::{STRATEGIES, Worker, pick};
use rpcnet_proto::balance::{Draw, Picker, Strategy as Way};

/// How often each was picked.
fn counts(strategy: Way, workers: &[Worker], picks: usize) -> Vec<usize> {
    let (picker, mut draw) = (Picker::new(strategy, workers), Draw::new(1));
    let mut counts = vec![0; workers.len()];
    for _ in 0..picks {
        counts[pick(&picker, workers, &mut draw, None).expect("one is acceptable")] += 1;
    }
    counts
}

/// Whether a count is what chance makes of a share, in all but one of 16,000 cases.
fn is_within_four_sigma(count: usize, picks: usize, share: f64) -> bool {
    let picks = picks as f64;
    let sigma = (picks * share * (1.0 - share)).sqrt();
    (count as f64 - picks * share).abs() <= 4.0 * sigma
}

#[test]
fn turns_are_even_whoever_takes_them() {
    for len in [1, 3, 7, 8, 100] {
        let workers: Vec<Worker> = (0..len).map(Worker::idle).collect();
        let picker = Picker::new(Way::RoundRobin, &workers);
        let counts: Vec<AtomicUsize> = workers.iter().map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (picker, workers, counts) = (&picker, &workers, &counts);
                scope.spawn(move || {
                    let mut draw = Draw::new(thread);
                    for _ in 0..2_500 {
                        let at = pick(picker, workers, &mut draw, None).expect("all are");
                        counts[at].fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let counts: Vec<usize> = counts.into_iter().map(AtomicUsize::into_inner).collect();
        let (most, least) = (counts.iter().max(), counts.iter().min());
        let (Some(most), Some(least)) = (most, least) else {
            panic!("there are candidates");
        };
        assert!(*most as f64 / *least as f64 <= 1.01, "{counts:?}");
        assert!(most - least <= 1);
    }
}

#[test]
fn a_lost_turn_is_nobodys_second_one() {
    let mut workers: Vec<Worker> = (0..10).map(Worker::idle).collect();
    for refused in [2, 3, 4, 8] {
        workers[refused].is_acceptable = false;
    }
    let counts = counts(Way::RoundRobin, &workers, 6_000);
    assert_eq!(
        counts,
        [1_000, 1_000, 0, 0, 0, 1_000, 1_000, 1_000, 0, 1_000]
    );
}

#[test]
fn where_all_are_alike_chance_gives_each_its_share() {
    const PICKS: usize = 40_000;
    for strategy in STRATEGIES {
        for len in [2, 5, 40] {
            let workers: Vec<Worker> = (0..len).map(Worker::idle).collect();
            for count in counts(strategy, &workers, PICKS) {
                let share = 1.0 / len as f64;
                assert!(
                    is_within_four_sigma(count, PICKS, share),
                    "{strategy:?}: {count} of {PICKS} with {len} candidates"
                );
            }
        }
    }
}

#[test]
fn the_rest_share_evenly_what_the_refused_do_not_get() {
    const PICKS: usize = 40_000;
    let mut workers: Vec<Worker> = (0..12).map(Worker::idle).collect();
    for refused in [0, 1, 2, 7] {
        workers[refused].is_acceptable = false;
    }
    for strategy in [
        Way::Random,
        Way::PowerOfTwoChoices,
        Way::PeakEwma,
        Way::Weighted,
        Way::LeastLoaded,
        Way::Rendezvous,
    ] {
        let counts = counts(strategy, &workers, PICKS);
        for (count, worker) in counts.iter().zip(&workers) {
            let right = if worker.is_acceptable {
                is_within_four_sigma(*count, PICKS, 1.0 / 8.0)
            } else {
                *count == 0
            };
            assert!(right, "{strategy:?}: {counts:?}");
        }
    }
}

#[test]
fn weights_are_shares() {
    const PICKS: usize = 100_000;
    let mut workers: Vec<Worker> = (0..4).map(Worker::idle).collect();
    for (worker, weight) in workers.iter_mut().zip([1, 100, 299, 600]) {
        worker.weight = weight;
    }
    let counts = counts(Way::Weighted, &workers, PICKS);
    for (count, worker) in counts.iter().zip(&workers) {
        let share = f64::from(worker.weight) / 1_000.0;
        assert!(is_within_four_sigma(*count, PICKS, share), "{counts:?}");
    }
}

/// Of all keys, not only of slots.
#[test]
fn a_worker_that_comes_or_goes_moves_a_fifth_more_than_its_share_of_keys_at_most() {
    const KEYS: u64 = 20_000;
    for len in [4, 8, 16] {
        let all: Vec<Worker> = (0..len).map(Worker::idle).collect();
        let picker = Picker::new(Way::Rendezvous, &all);
        let owners = |picker: &Picker, set: &[Worker]| -> Vec<u64> {
            let owner = |key| pick(picker, set, &mut Draw::new(key), Some(key * 0x1234_5677));
            (0..KEYS)
                .map(|key| set[owner(key).expect("all are")].id)
                .collect()
        };
        let before = owners(&picker, &all);
        for leaver in 0..all.len() {
            let mut rest = all.clone();
            let gone = rest.remove(leaver).id;
            let without = picker.succeed(&rest);
            let after = owners(&without, &rest);
            let moved = before.iter().zip(&after).filter(|(was, is)| was != is);
            assert!(moved.clone().all(|(was, _)| *was == gone));
            let share = moved.count() as f64 / KEYS as f64;
            assert!(share <= 1.2 / all.len() as f64, "{share} of {len}");
            assert_eq!(owners(&without.succeed(&all), &all), before, "and back");
        }
    }
}
