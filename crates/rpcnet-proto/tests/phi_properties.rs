//! What holds for the detector and the monitor whatever they are told.

use std::time::Duration;

use proptest::prelude::*;
use rpcnet_proto::phi::{Action, Config, Monitor, Phi, Target};
use rpcnet_proto::swim::{NodeName, Time};

fn any_span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<Duration>(),
        (0..10_000_000_u64).prop_map(Duration::from_micros),
    ]
}

fn any_time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<u64>().prop_map(Time::from_micros),
        (0..60_000_000_u64).prop_map(Time::from_micros),
    ]
}

prop_compose! {
    fn any_config()(
        spans in prop::array::uniform6(any_span()),
        threshold in any::<f64>(),
        probe_threshold in any::<f64>(),
        window in prop_oneof![any::<usize>(), 0..64_usize],
        edges_max in prop_oneof![any::<usize>(), 0..8_usize],
    ) -> Config {
        let mut config = Config::lan();
        let [interval, pause, deviation, longest, first, knock] = spans;
        config.heartbeat_interval = interval;
        config.acceptable_pause = pause;
        config.min_std_deviation = deviation;
        config.interval_max = longest;
        config.first_answer_after = first;
        config.knock_after = knock;
        config.threshold = threshold;
        config.probe_threshold = probe_threshold;
        config.window = window;
        config.edges_max = edges_max;
        config
    }
}

#[derive(Clone, Debug)]
enum Told {
    Heartbeat(Time),
    Heard(Time),
    Resume(Time),
    Pause(Time, Duration),
}

fn any_told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => any_time().prop_map(Told::Heartbeat),
        1 => any_time().prop_map(Told::Heard),
        1 => any_time().prop_map(Told::Resume),
        1 => (any_time(), any_span()).prop_map(|(at, late)| Told::Pause(at, late)),
    ]
}

fn tell(phi: &mut Phi, told: &Told) {
    match told {
        Told::Heartbeat(now) => phi.heartbeat(*now),
        Told::Heard(now) => phi.heard(*now),
        Told::Resume(now) => phi.resume(*now),
        Told::Pause(now, late) => phi.handle_pause(*now, *late),
    }
}

#[derive(Clone, Debug)]
enum Event {
    Watch(Time, Vec<u8>, u64),
    Timeout(Time),
    Answer(Time, u8, u64),
    Heard(Time, u8),
    Refused(Time, u8),
}

fn any_event() -> impl Strategy<Value = Event> {
    let nodes = prop::collection::vec(0..12_u8, 0..16);
    prop_oneof![
        1 => (any_time(), nodes, 0..2_u64).prop_map(|(at, nodes, epoch)| Event::Watch(at, nodes, epoch)),
        4 => any_time().prop_map(Event::Timeout),
        4 => (any_time(), 0..12_u8, prop_oneof![any::<u64>(), 0..9_u64])
            .prop_map(|(at, node, nonce)| Event::Answer(at, node, nonce)),
        1 => (any_time(), 0..12_u8).prop_map(|(at, node)| Event::Heard(at, node)),
        1 => (any_time(), 0..12_u8).prop_map(|(at, node)| Event::Refused(at, node)),
    ]
}

fn name(node: u8) -> NodeName {
    NodeName::new(&format!("node-{node}")).expect("the name is legal")
}

fn target(node: u8, epoch: u64) -> Target {
    Target {
        name: name(node),
        address: ([127, 0, 0, 1], 1).into(),
        epoch,
    }
}

proptest! {
    #[test]
    fn phi_is_finite_never_negative_and_never_falls_during_a_silence(
        config in any_config(),
        history in prop::collection::vec(any_told(), 0..40),
        mut looks in prop::collection::vec(any_time(), 1..40),
    ) {
        let mut phi = Phi::new(config);
        for told in &history {
            tell(&mut phi, told);
        }
        looks.sort_unstable();
        let mut last = 0.0;
        for now in looks {
            let value = phi.phi(now);
            prop_assert!(value.is_finite() && value >= 0.0, "{value}");
            prop_assert!(value >= last, "{value} after {last}");
            last = value;
        }
    }

    /// A microsecond more of silence is never less of phi.
    #[test]
    fn phi_never_falls_from_one_microsecond_to_the_next(
        config in any_config(),
        intervals in prop::collection::vec(1..5_000_000_u64, 0..20),
        silence in prop_oneof![any::<u64>(), 0..20_000_000_u64],
    ) {
        let mut phi = Phi::new(config);
        let mut now = Time::from_micros(7);
        phi.heartbeat(now);
        for interval in intervals {
            now = now + Duration::from_micros(interval);
            phi.heartbeat(now);
        }
        let at = now + Duration::from_micros(silence);
        let mut last = phi.phi(at);
        for more in 1..50 {
            let value = phi.phi(at + Duration::from_micros(more));
            prop_assert!(value >= last, "{value} after {last}");
            last = value;
        }
    }

    /// No panic, no endless loop, and never more edges or actions than the limits say.
    #[test]
    fn a_monitor_survives_whatever_it_is_told(
        config in any_config(),
        seed in any::<u64>(),
        events in prop::collection::vec(any_event(), 0..60),
    ) {
        let edges_max = config.checked().edges_max;
        let mut monitor = Monitor::new(config, name(0), seed);
        let mut lost = std::collections::BTreeSet::new();
        for event in events {
            let mut out = Vec::new();
            match event {
                Event::Watch(now, nodes, epoch) => {
                    let targets = nodes.into_iter().map(|node| target(node, epoch));
                    monitor.watch(now, targets.collect());
                    lost = monitor.unreachable().cloned().collect();
                }
                Event::Timeout(now) => monitor.handle_timeout(now, &mut out),
                Event::Answer(now, node, nonce) => {
                    monitor.handle_answer(now, &name(node), seed.wrapping_add(nonce), &mut out);
                }
                Event::Heard(now, node) => monitor.handle_heard(now, &name(node), &mut out),
                Event::Refused(now, node) => monitor.handle_refused(now, &name(node), &mut out),
            }
            prop_assert!(monitor.watched().count() <= edges_max);
            prop_assert!(out.len() <= 4 * edges_max);
            prop_assert_eq!(monitor.poll_timeout().is_some(), monitor.watched().count() > 0);
            // Events alternate, and say what the table says.
            for action in out {
                match action {
                    Action::Unreachable { name, phi } => {
                        prop_assert!(phi.is_finite() && lost.insert(name));
                    }
                    Action::Reachable { name } => prop_assert!(lost.remove(&name)),
                    Action::Beat { .. } | Action::Knock { .. } | Action::Doubt { .. } => {}
                }
            }
            prop_assert!(monitor.unreachable().eq(lost.iter()));
        }
    }
}
