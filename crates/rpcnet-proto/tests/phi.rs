//! The detector against the formula it is named after: false alarms, detection, change.

use std::time::Duration;

use rpcnet_proto::phi::{Config, Phi};
use rpcnet_proto::swim::Time;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Nothing but the paper: no pause, no least deviation to speak of.
fn paper(window: usize) -> Config {
    let mut config = Config::lan();
    config.acceptable_pause = Duration::ZERO;
    config.min_std_deviation = ms(1);
    config.window = window;
    config.threshold = 300.0;
    config
}

/// SplitMix64, and a normal variable from it by the method of Box and Muller.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn fraction(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * self.fraction().ln()).sqrt();
        let angle = 2.0 * std::f64::consts::PI * self.fraction();
        mean + deviation * radius * angle.cos()
    }
}

/// A detector fed with so many heartbeats at the interval, and the time of the last.
fn fed(config: Config, intervals: &[(Duration, usize)]) -> (Phi, Time) {
    let mut phi = Phi::new(config);
    let mut now = Time::from_micros(1_000_000);
    phi.heartbeat(now);
    for (interval, count) in intervals {
        for _ in 0..*count {
            now = now + *interval;
            phi.heartbeat(now);
        }
    }
    (phi, now)
}

/// Of normal intervals, those that last until phi is *k* are one in 10^k: what the
/// scale of phi means.
#[test]
fn false_alarms_are_as_rare_as_phi_says() {
    const BEATS: u64 = 1_000_000;
    let mut chance = Chance(20_041_028);
    let mut phi = Phi::new(paper(1_000));
    let mut now = Time::from_micros(1_000_000);
    phi.heartbeat(now);
    let mut alarms = [0_u32; 4];
    for beat in 0..BEATS + 1_000 {
        let interval = chance.normal(500_000.0, 50_000.0).max(1.0);
        now = now + Duration::from_micros(interval as u64);
        let reached = phi.phi(now);
        phi.heartbeat(now);
        if beat >= 1_000 {
            for (k, count) in alarms.iter_mut().enumerate() {
                *count += u32::from(reached >= k as f64);
            }
        }
    }
    for (k, count) in alarms.into_iter().enumerate().skip(1) {
        let expected = BEATS as f64 / 10_f64.powi(k as i32);
        let off = f64::from(count) / expected - 1.0;
        // Three standard errors of the count are 0.9, 3 and 9.5 %; that the window has
        // but 1,000 samples makes the tail a little heavier.
        let allowed = [0.02, 0.05, 0.12][k - 1];
        assert!(off.abs() < allowed, "phi {k}: {count}, expected {expected}");
    }
}

/// 500 ms + 1 s + 5.612 * 50 ms: what the preset promises.
#[test]
fn a_regular_edge_is_given_up_after_the_time_of_the_formula() {
    let (phi, last) = fed(Config::lan(), &[(ms(500), 200)]);
    assert_eq!(phi.mean(), ms(500));
    assert_eq!(phi.std_deviation(), ms(50), "the least one");
    let silence = Duration::from_micros(1_780_600);
    assert!(phi.phi(last + silence) < 8.0);
    assert!(phi.phi(last + silence + Duration::from_micros(1)) >= 8.0);
    assert!(
        phi.phi(last + ms(500)) < 1e-15,
        "an answer that is just due"
    );
    assert!((phi.phi(last + ms(1_500)) - 2_f64.log10()).abs() < 1e-12);
}

#[test]
fn a_long_silence_goes_on_counting_beyond_what_floating_point_can_subtract() {
    let (phi, last) = fed(Config::lan(), &[(ms(500), 200)]);
    let at = |millis| phi.phi(last + ms(millis));
    // 10 and 37 standard deviations beyond mean and pause, from the table of the formula.
    assert!((at(2_000) - 23.118_053_405_486_076).abs() < 1e-12);
    assert!((at(3_350) - 299.242_181_178_609_94).abs() < 1e-10);
    let end = phi.phi(Time::from_micros(u64::MAX));
    assert!(end.is_finite() && end > 1e20);
}

#[test]
fn before_anything_was_heard_there_is_no_silence() {
    let phi = Phi::new(Config::lan());
    assert_eq!(phi.phi(Time::from_micros(u64::MAX)), 0.0);
}

/// As Akka: the interval that is configured, give or take a quarter.
#[test]
fn the_first_heartbeat_is_judged_by_the_first_estimate() {
    let (phi, last) = fed(Config::lan(), &[]);
    assert_eq!((phi.mean(), phi.std_deviation()), (ms(500), ms(125)));
    // 1.5 s + 5.612 * 125 ms
    assert!(phi.phi(last + ms(2_201)) < 8.0);
    assert!(phi.phi(last + ms(2_202)) >= 8.0);
}

#[test]
fn intervals_without_variance_are_doubted_by_the_least_deviation() {
    let (phi, last) = fed(paper(128), &[(ms(500), 1_000)]);
    assert_eq!(phi.std_deviation(), ms(1));
    assert!(phi.phi(last + ms(500)) < 0.302);
    assert!((phi.phi(last + ms(510)) - 23.118_053_405_486_076).abs() < 1e-12);
}

/// Once the window holds the new rhythm alone, nothing of the old one is left; and the
/// change itself alarms nobody.
#[test]
fn a_new_rhythm_is_learnt_within_the_window() {
    for (before, after) in [(ms(500), ms(250)), (ms(500), ms(1_000))] {
        let mut config = Config::lan();
        config.window = 100;
        let (mut phi, mut now) = fed(config, &[(before, 500)]);
        for _ in 0..100 {
            now = now + after;
            assert!(
                phi.phi(now) < config.probe_threshold,
                "{before:?} {after:?}"
            );
            phi.heartbeat(now);
        }
        let (fresh, last) = fed(config, &[(after, 500)]);
        assert_eq!((phi.mean(), phi.std_deviation()), (after, ms(50)));
        for silence in [1_000, 2_000, 3_000] {
            let difference = phi.phi(now + ms(silence)) - fresh.phi(last + ms(silence));
            assert_eq!(difference, 0.0);
        }
    }
}

#[test]
fn what_says_nothing_about_the_rhythm_is_no_sample() {
    let (mut phi, last) = fed(Config::lan(), &[(ms(500), 10)]);
    let samples = phi.samples();
    phi.heard(last + ms(200));
    phi.heard(last + ms(900));
    assert!(phi.phi(last + ms(2_000)) < 0.1, "it was heard 1.1 s ago");
    phi.heartbeat(last + ms(5_000));
    assert_eq!(phi.samples(), samples, "it had been unreachable");
    phi.heartbeat(last + ms(5_000));
    phi.heartbeat(last);
    assert_eq!(phi.samples(), samples, "no time passed, or less than none");
    assert!(phi.phi(last + ms(5_100)) < 1e-9, "time did not go back");
    phi.resume(last + ms(6_000));
    phi.heartbeat(last + ms(6_100));
    assert_eq!(phi.samples(), samples, "the first after a gap");
    phi.heartbeat(last + ms(6_600));
    assert_eq!(phi.samples(), samples + 1);

    let mut config = Config::lan();
    config.interval_max = ms(600);
    let (mut phi, last) = fed(config, &[(ms(500), 10)]);
    let samples = phi.samples();
    phi.heartbeat(last + ms(601));
    assert_eq!(phi.samples(), samples, "longer than the longest");
}

#[test]
fn a_pause_of_its_own_is_not_the_others_silence() {
    let (mut phi, last) = fed(Config::lan(), &[(ms(500), 100)]);
    let resumed = last + ms(30_400);
    phi.handle_pause(resumed, ms(30_000));
    assert!(phi.phi(resumed) < 1e-9, "400 ms of silence are none");
    assert!(phi.phi(resumed + ms(1_600)) > 8.0, "from then on it counts");
    phi.handle_pause(resumed, Duration::MAX);
    assert_eq!(phi.phi(resumed), phi.phi(Time::default()));
}
