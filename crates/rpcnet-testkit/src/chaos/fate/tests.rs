use super::super::config::{Directions, RateLimit};
use super::*;
use proptest::prelude::*;
use std::num::NonZeroU64;

#[test]
fn the_default_forwards_everything_at_once_and_untouched() {
    let verdicts = run(&ChaosConfig::default(), 1_000);
    for (index, verdict) in verdicts.into_iter().enumerate() {
        let expected = Delivery {
            release: arrival(index),
            reordered: false,
            duplicated: false,
            flip: None,
        };
        assert_eq!(verdict, Verdict::Deliver(expected));
    }
}

#[test]
fn each_chance_is_met_within_its_statistical_error() {
    let config = ChaosConfig {
        loss: 0.2,
        duplicate: 0.02,
        corrupt: 0.01,
        reorder: 0.05,
        ..ChaosConfig::default()
    };
    let verdicts = run(&config, 100_000);
    let delivered: Vec<Delivery> = verdicts.iter().filter_map(delivery).collect();
    let share = |count: usize| count as f64 / delivered.len() as f64;
    let lost = 1.0 - delivered.len() as f64 / verdicts.len() as f64;

    assert!((0.19..0.21).contains(&lost), "lost {lost}");
    let duplicated = share(delivered.iter().filter(|d| d.duplicated).count());
    assert!(
        (0.017..0.023).contains(&duplicated),
        "duplicated {duplicated}"
    );
    let corrupted = share(delivered.iter().filter(|d| d.flip.is_some()).count());
    assert!((0.008..0.012).contains(&corrupted), "corrupted {corrupted}");
    let reordered = share(delivered.iter().filter(|d| d.reordered).count());
    assert!((0.046..0.054).contains(&reordered), "reordered {reordered}");
}

#[test]
fn a_chance_of_one_spares_nothing() {
    let config = ChaosConfig {
        loss: 1.0,
        ..ChaosConfig::default()
    };
    assert!(
        run(&config, 1_000)
            .iter()
            .all(|v| *v == Verdict::Drop(DropCause::Lost))
    );
}

#[test]
fn the_direction_that_is_left_out_is_left_alone() {
    let config = ChaosConfig {
        loss: 1.0,
        directions: Directions::Only(Direction::ToClient),
        ..ChaosConfig::default()
    };
    let mut random = Random::new(0, 0);
    let mut spared = Fate::new(&config, Direction::ToUpstream);
    let verdict = spared.decide(&mut random, Duration::ZERO, 10);
    assert!(matches!(verdict, Verdict::Deliver(_)));
    let mut cut = Fate::new(&config, Direction::ToClient);
    let verdict = cut.decide(&mut random, Duration::ZERO, 10);
    assert_eq!(verdict, Verdict::Drop(DropCause::Lost));
}

#[test]
fn datagrams_beyond_the_path_mtu_vanish_and_those_at_it_pass() {
    let config = ChaosConfig {
        datagram_bytes_max: Some(1_280),
        ..ChaosConfig::default()
    };
    let mut fate = Fate::new(&config, Direction::ToUpstream);
    let mut random = Random::new(0, 0);
    for (len, passes) in [(1_279, true), (1_280, true), (1_281, false)] {
        let verdict = fate.decide(&mut random, Duration::ZERO, len);
        assert_eq!(
            verdict != Verdict::Drop(DropCause::Oversized),
            passes,
            "{len} bytes"
        );
    }
}

#[test]
fn a_slow_line_spaces_datagrams_and_drops_what_its_queue_cannot_hold() {
    // 1,000 bytes per second: a datagram of 100 bytes takes 100 ms, and two of them may wait.
    let config = ChaosConfig {
        rate: Some(RateLimit {
            bytes_per_second: NonZeroU64::new(1_000).expect("1,000 is not zero"),
            queue_bytes: 300,
        }),
        ..ChaosConfig::default()
    };
    let mut fate = Fate::new(&config, Direction::ToUpstream);
    let mut random = Random::new(0, 0);
    let mut offer = |at_ms, len| {
        let verdict = fate.decide(&mut random, Duration::from_millis(at_ms), len);
        delivery(&verdict).map(|delivery| delivery.release.as_millis())
    };
    assert_eq!(offer(0, 100), Some(100));
    assert_eq!(offer(0, 100), Some(200));
    assert_eq!(offer(0, 100), Some(300));
    assert_eq!(offer(0, 1), None, "the queue is full to the byte");
    assert_eq!(offer(100, 100), Some(400), "one has left, one fits");
    assert_eq!(
        offer(10_000, 5_000),
        Some(15_000),
        "an idle line takes any size"
    );
}

#[test]
fn a_reordered_datagram_is_overtaken_by_the_next() {
    let hold = Duration::from_millis(5);
    let config = ChaosConfig {
        reorder: 0.5,
        reorder_hold: hold,
        ..ChaosConfig::default()
    };
    let releases: Vec<(bool, Duration)> = run(&config, 100)
        .iter()
        .filter_map(delivery)
        .map(|delivery| (delivery.reordered, delivery.release))
        .collect();
    let overtaken = releases
        .windows(2)
        .filter(|pair| pair[0].0 && !pair[1].0)
        .inspect(|pair| assert!(pair[1].1 < pair[0].1))
        .count();
    assert!(overtaken > 0);
}

proptest! {
    #[test]
    fn the_same_seed_gives_the_same_verdicts(config in any_config(), lens in any_lens()) {
        prop_assert_eq!(verdicts(&config, &lens), verdicts(&config, &lens));
    }

    #[test]
    fn raising_the_loss_only_adds_losses(config in any_config(), more in 0.0..=1.0, lens in any_lens()) {
        // Without a rate limit: what is lost before the line makes room in its queue.
        let config = ChaosConfig { rate: None, ..config };
        let worse = ChaosConfig { loss: config.loss.max(more), ..config };
        for (calm, rough) in verdicts(&config, &lens).iter().zip(&verdicts(&worse, &lens)) {
            if *calm == Verdict::Drop(DropCause::Lost) {
                prop_assert_eq!(*rough, Verdict::Drop(DropCause::Lost));
            }
        }
    }

    #[test]
    fn nothing_leaves_before_it_came_nor_overtakes_unless_reordered(
        config in any_config(),
        lens in any_lens(),
    ) {
        let mut last = Duration::ZERO;
        for (index, verdict) in verdicts(&config, &lens).iter().enumerate() {
            let Some(delivery) = delivery(verdict) else { continue };
            prop_assert!(delivery.release >= arrival(index));
            if !delivery.reordered {
                prop_assert!(delivery.release >= last);
                last = delivery.release;
            }
        }
    }

    #[test]
    fn without_a_line_the_wait_is_bounded_by_the_configuration(
        config in any_config(),
        lens in any_lens(),
    ) {
        let config = ChaosConfig { rate: None, ..config };
        let wait_max = config.delay + config.jitter + config.reorder_hold;
        for (index, verdict) in verdicts(&config, &lens).iter().enumerate() {
            if let Some(delivery) = delivery(verdict) {
                prop_assert!(delivery.release <= arrival(index) + wait_max);
            }
        }
    }

    #[test]
    fn a_flip_changes_exactly_one_bit(draw: u64, mut datagram in prop::collection::vec(any::<u8>(), 0..64)) {
        let intact = datagram.clone();
        let flip = BitFlip::choose(draw, datagram.len());
        prop_assert_eq!(flip.is_none(), datagram.is_empty());
        if let Some(flip) = flip {
            flip.apply(&mut datagram);
            let changed: u32 = intact.iter().zip(&datagram).map(|(a, b)| (a ^ b).count_ones()).sum();
            prop_assert_eq!(changed, 1);
        }
    }
}

/// The verdicts about `count` datagrams of 100 bytes.
fn run(config: &ChaosConfig, count: usize) -> Vec<Verdict> {
    verdicts(config, &vec![100; count])
}

fn verdicts(config: &ChaosConfig, lens: &[usize]) -> Vec<Verdict> {
    let mut fate = Fate::new(config, Direction::ToUpstream);
    let mut random = Random::new(config.seed, 0);
    lens.iter()
        .enumerate()
        .map(|(index, len)| fate.decide(&mut random, arrival(index), *len))
        .collect()
}

/// One datagram arrives every 10 microseconds.
fn arrival(index: usize) -> Duration {
    Duration::from_micros(10 * index as u64)
}

fn delivery(verdict: &Verdict) -> Option<Delivery> {
    match verdict {
        Verdict::Deliver(delivery) => Some(*delivery),
        Verdict::Drop(_) => None,
    }
}

fn any_lens() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..1_500_usize, 1..200)
}

prop_compose! {
    fn any_config()(
        seed: u64,
        chances in [0.0..=1.0, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0],
        millis in [0..1_000_u64, 0..1_000_u64, 0..1_000_u64],
        rate in prop::option::of((1..10_000_000_u64, 0..100_000_u64)),
    ) -> ChaosConfig {
        ChaosConfig {
            seed,
            loss: chances[0],
            duplicate: chances[1],
            corrupt: chances[2],
            reorder: chances[3],
            delay: Duration::from_millis(millis[0]),
            jitter: Duration::from_millis(millis[1]),
            reorder_hold: Duration::from_millis(millis[2]),
            rate: rate.map(|(speed, queue_bytes)| RateLimit {
                bytes_per_second: NonZeroU64::new(speed).expect("the range starts at one"),
                queue_bytes,
            }),
            ..ChaosConfig::default()
        }
    }
}
