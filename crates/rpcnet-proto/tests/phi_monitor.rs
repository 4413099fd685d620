//! The monitor, driven by a clock that the test winds.

use std::collections::BTreeMap;
use std::time::Duration;

use rpcnet_proto::phi::{Action, Config, Monitor, Target};
use rpcnet_proto::swim::{NodeName, Time};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn name(node: usize) -> NodeName {
    NodeName::new(&format!("node-{node}")).expect("the name is legal")
}

fn target(node: usize) -> Target {
    Target {
        name: name(node),
        address: ([127, 0, 0, 1], 1).into(),
        epoch: 1,
    }
}

/// What a node does when it is asked or knocked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Answers,
    Silent,
    /// No process: nothing answers, and the port is closed.
    Closed,
}

/// A monitor of `node-0`, and the others as a table.
struct World {
    monitor: Monitor,
    hosts: BTreeMap<NodeName, Host>,
    now: Time,
    /// What was done, with the time since the start.
    seen: Vec<(Duration, Action)>,
}

impl World {
    fn new(config: Config, others: usize) -> Self {
        let mut monitor = Monitor::new(config, name(0), u64::MAX - 3);
        let now = START;
        monitor.watch(now, (0..=others).map(target).collect());
        Self {
            monitor,
            hosts: (1..=others).map(|n| (name(n), Host::Answers)).collect(),
            now,
            seen: Vec::new(),
        }
    }

    fn set(&mut self, node: usize, host: Host) {
        self.hosts.insert(name(node), host);
    }

    /// Runs for so long, each timer on time; answers come at once.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.monitor.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
    }

    fn tick(&mut self) {
        let mut out = Vec::new();
        self.monitor.handle_timeout(self.now, &mut out);
        let mut at = 0;
        while let Some(action) = out.get(at).cloned() {
            let host = |name| self.hosts.get(name).copied().unwrap_or(Host::Silent);
            match &action {
                Action::Beat { name, nonce, .. } if host(name) == Host::Answers => {
                    self.monitor.handle_answer(self.now, name, *nonce, &mut out);
                }
                Action::Knock { name, .. } if host(name) == Host::Closed => {
                    self.monitor.handle_refused(self.now, name, &mut out);
                }
                _ => {}
            }
            self.seen.push((self.now.since(START), action));
            at += 1;
        }
    }

    fn phi(&self, node: usize) -> f64 {
        let detector = self.monitor.detector(&name(node)).expect("it is watched");
        detector.phi(self.now)
    }

    fn lost(&self) -> Vec<NodeName> {
        self.monitor.unreachable().cloned().collect()
    }

    /// What was done about a node since the last look, but for beats.
    fn verdicts(&mut self, node: usize) -> Vec<(Duration, Action)> {
        let of = name(node);
        let about = |action: &Action| match action {
            Action::Beat { .. } => false,
            Action::Knock { name, .. }
            | Action::Doubt { name }
            | Action::Unreachable { name, .. }
            | Action::Reachable { name } => *name == of,
        };
        let seen = std::mem::take(&mut self.seen);
        seen.into_iter()
            .filter(|(_, action)| about(action))
            .collect()
    }
}

const START: Time = Time::from_micros(5_000_000);

#[test]
fn nodes_that_answer_are_asked_in_rhythm_and_not_in_one_burst() {
    let mut world = World::new(Config::lan(), 100);
    world.run(ms(10_000));
    let mut beats: BTreeMap<NodeName, Vec<Duration>> = BTreeMap::new();
    for (at, action) in std::mem::take(&mut world.seen) {
        let Action::Beat { name, .. } = action else {
            panic!("nobody is silent: {action:?}");
        };
        beats.entry(name).or_default().push(at);
    }
    assert_eq!(beats.len(), 100, "everybody but itself");
    for times in beats.values() {
        assert!((20..=21).contains(&times.len()));
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == ms(500)));
    }
    let mut tenths = [0; 10];
    for times in beats.values() {
        tenths[usize::try_from(times[0].as_millis() / 50).expect("it is small")] += 1;
    }
    assert!(
        tenths.iter().all(|count| (1..=25).contains(count)),
        "{tenths:?}"
    );
    assert!((1..=100).all(|node| world.phi(node) < 0.5));
}

#[test]
fn a_silent_node_is_knocked_at_doubted_once_and_unreachable_until_it_is_heard() {
    let mut world = World::new(Config::lan(), 3);
    world.run(ms(60_000));
    assert_eq!(world.verdicts(2), Vec::new());
    world.set(2, Host::Silent);
    world.run(ms(10_000));
    assert_eq!(world.lost(), [name(2)]);
    assert!(world.phi(2) > 300.0 && world.phi(2).is_finite());
    let verdicts = world.verdicts(2);
    let after = |wanted: fn(&Action) -> bool| {
        let found: Vec<_> = verdicts.iter().filter(|(_, a)| wanted(a)).collect();
        (found.len(), found[0].0 - verdicts[0].0)
    };
    let (knocks, _) = after(|a| matches!(a, Action::Knock { .. }));
    assert!((18..=20).contains(&knocks), "one per question: {knocks}");
    let (doubts, doubted) = after(|a| matches!(a, Action::Doubt { .. }));
    let (ends, ended) = after(|a| matches!(a, Action::Unreachable { .. }));
    assert_eq!((doubts, ends), (1, 1));
    // The first knock comes 520 ms after the last answer.
    assert!(doubted > ms(1_180) && doubted < ended, "{doubted:?}");
    assert!((ms(1_260)..ms(1_261)).contains(&ended), "{ended:?}");

    world.set(2, Host::Answers);
    world.run(ms(1_000));
    assert_eq!(world.lost(), []);
    let reachable = Action::Reachable { name: name(2) };
    let mut verdicts = world.verdicts(2);
    verdicts.retain(|(_, action)| !matches!(action, Action::Knock { .. }));
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].1, reachable);
    // What it learnt before is still known: the silence is no sample.
    let detector = world.monitor.detector(&name(2)).expect("it is watched");
    assert_eq!(
        (detector.mean(), detector.std_deviation()),
        (ms(500), ms(50))
    );
}

/// 500 ms until it is asked again, 20 ms until the question is overdue.
#[test]
fn a_closed_port_is_unreachable_within_520_milliseconds() {
    let mut world = World::new(Config::lan(), 3);
    world.run(ms(60_000));
    world.set(2, Host::Closed);
    world.run(ms(521));
    let kinds: Vec<_> = world.verdicts(2).into_iter().map(|(_, a)| a).collect();
    assert!(
        matches!(
            &kinds[..],
            [Action::Knock { .. }, Action::Doubt { .. }, Action::Unreachable { phi, .. }] if *phi < 1.0
        ),
        "{kinds:?}"
    );
    world.run(ms(10_000));
    let later = world.verdicts(2);
    let only_knocks = later.iter().all(|(_, a)| matches!(a, Action::Knock { .. }));
    assert!(
        only_knocks,
        "one doubt and one event per silence: {later:?}"
    );
    world.set(2, Host::Answers);
    world.run(ms(500));
    assert_eq!(world.lost(), []);
}

/// The first message after the end of a process draws the refusal, not the next question.
#[test]
fn who_is_not_heard_after_any_message_is_knocked_at() {
    let mut world = World::new(Config::lan(), 1);
    world.run(ms(5_000));
    let heartbeats = world.seen.len();
    world.monitor.handle_asked(world.now, &name(1));
    let mut out = Vec::new();
    world.monitor.handle_heard(world.now, &name(1), &mut out);
    let beats = |world: &World| {
        let beat = |(_, a): &&(Duration, Action)| matches!(a, Action::Beat { .. });
        world.seen.iter().filter(beat).count()
    };
    assert_eq!(beats(&world), heartbeats, "all it did was to ask");
    world.set(1, Host::Silent);
    // Right after an answer: the next question is far.
    while beats(&world) == heartbeats {
        world.run(ms(1));
    }
    world.monitor.handle_heard(world.now, &name(1), &mut out);
    world.monitor.handle_asked(world.now, &name(1));
    world.run(ms(10));
    world.monitor.handle_asked(world.now, &name(1));
    world.monitor.handle_asked(world.now, &name(7));
    world.run(ms(11));
    assert!(
        matches!(world.verdicts(1)[..], [(_, Action::Knock { .. })]),
        "20 ms after the first"
    );
    assert_eq!(out, []);
}

/// Who follows the events would take it for unreachable for ever.
#[test]
fn a_node_that_is_started_again_is_told_to_be_reachable_when_it_is_heard() {
    let mut world = World::new(Config::lan(), 2);
    world.run(ms(5_000));
    world.set(1, Host::Closed);
    world.run(ms(1_000));
    assert_eq!(world.lost(), [name(1)]);
    let mut restarted = target(1);
    restarted.epoch = 2;
    world.monitor.watch(world.now, vec![restarted, target(2)]);
    assert_eq!(world.lost(), [name(1)], "nobody has heard it");
    world.seen.clear();
    world.set(1, Host::Answers);
    world.run(ms(500));
    assert_eq!(world.lost(), []);
    let reachable = |(_, a): &(Duration, Action)| matches!(a, Action::Reachable { .. });
    assert!(world.verdicts(1).iter().any(reachable));
}

#[test]
fn a_refusal_counts_only_after_a_knock_and_before_the_next_answer() {
    let mut world = World::new(Config::lan(), 1);
    world.run(ms(5_000));
    let mut out = Vec::new();
    world.monitor.handle_refused(world.now, &name(1), &mut out);
    assert_eq!(out, [], "nobody knocked");
    world.set(1, Host::Silent);
    while world.verdicts(1).is_empty() {
        world.run(ms(1));
    }
    world.monitor.handle_heard(world.now, &name(1), &mut out);
    world.monitor.handle_refused(world.now, &name(1), &mut out);
    assert_eq!(out, [], "it was heard after the knock");
    world.monitor.handle_refused(world.now, &name(7), &mut out);
    assert_eq!(out, [], "nobody watches it");
}

#[test]
fn a_node_that_never_answers_is_unreachable_after_the_grace_of_the_start() {
    let mut world = World::new(Config::lan(), 1);
    world.set(1, Host::Silent);
    world.run(ms(5_200));
    assert_eq!(world.lost(), []);
    // 3 s + 1.5 s + 5.612 * 125 ms
    world.run(ms(2));
    assert_eq!(world.lost(), [name(1)]);
}

#[test]
fn the_grace_of_the_start_ends_with_the_first_answer() {
    let mut world = World::new(Config::lan(), 1);
    world.run(ms(500));
    assert!(world.seen.len() <= 2);
    world.set(1, Host::Silent);
    world.run(ms(2_202));
    assert_eq!(world.lost(), [name(1)]);
}

#[test]
fn other_signs_of_life_keep_an_edge_reachable() {
    let mut world = World::new(Config::lan(), 1);
    world.run(ms(60_000));
    world.set(1, Host::Silent);
    for _ in 0..30 {
        world.run(ms(1_000));
        let (mut out, now) = (Vec::new(), world.now);
        world.monitor.handle_heard(now, &name(1), &mut out);
        assert_eq!(out, []);
    }
    let samples = world.monitor.detector(&name(1)).map(|phi| phi.samples());
    assert!(samples.is_some_and(|count| count < 128), "{samples:?}");
    assert_eq!(world.lost(), []);
}

/// What happens after SIGSTOP and SIGCONT of this node.
#[test]
fn a_pause_of_this_node_makes_nobody_unreachable() {
    let mut world = World::new(Config::lan(), 50);
    world.run(ms(60_000));
    world.seen.clear();
    for pause in [ms(60), ms(1_000), ms(2_500), ms(60_000), ms(86_400_000)] {
        world.now = world.now + pause;
        world.tick();
        world.run(ms(3_000));
        assert_eq!(world.lost(), [], "after {pause:?}");
        let is_beat = |(_, a): &(Duration, Action)| matches!(a, Action::Beat { .. });
        assert!(world.seen.iter().all(is_beat), "after {pause:?}");
        world.seen.clear();
    }
    let detector = world.monitor.detector(&name(1)).expect("it is watched");
    assert_eq!(detector.std_deviation(), ms(50), "no sample spans a pause");
}

#[test]
fn a_pause_does_not_hide_who_was_silent_before_and_after() {
    let mut world = World::new(Config::lan(), 2);
    world.run(ms(60_000));
    world.set(1, Host::Silent);
    world.run(ms(1_200));
    world.now = world.now + ms(20_000);
    world.tick();
    assert_eq!(world.lost(), []);
    world.run(ms(600));
    assert_eq!(world.lost(), [name(1)]);
}

#[test]
fn answers_that_come_in_a_heap_say_nothing_about_the_rhythm() {
    let mut world = World::new(Config::lan(), 1);
    world.run(ms(60_000));
    let before = world.monitor.detector(&name(1)).map(|phi| phi.samples());
    world.set(1, Host::Silent);
    world.seen.clear();
    world.run(ms(4_000));
    let seen = std::mem::take(&mut world.seen);
    let mut out = Vec::new();
    for (_, action) in seen {
        if let Action::Beat { name, nonce, .. } = action {
            world
                .monitor
                .handle_answer(world.now, &name, nonce, &mut out);
        }
    }
    assert_eq!(out, [Action::Reachable { name: name(1) }]);
    let after = world.monitor.detector(&name(1)).map(|phi| phi.samples());
    assert_eq!(before, after);
}

#[test]
fn who_is_no_target_any_more_is_forgotten_and_a_restarted_node_begins_anew() {
    let mut world = World::new(Config::lan(), 3);
    world.run(ms(60_000));
    world.set(2, Host::Silent);
    world.run(ms(3_000));
    assert_eq!(world.lost(), [name(2)]);
    world.seen.clear();
    let others = vec![target(1), target(3)];
    world.monitor.watch(world.now, others);
    assert_eq!(world.lost(), [], "the membership's verdict stands instead");
    assert!(world.monitor.detector(&name(2)).is_none());
    world.run(ms(1_000));
    assert_eq!(world.verdicts(2), []);

    let mut restarted = target(3);
    restarted.epoch = 2;
    let mut moved = target(1);
    moved.address = ([127, 0, 0, 2], 2).into();
    let all = vec![moved.clone(), target(2), restarted];
    world.monitor.watch(world.now, all);
    let samples = |node| world.monitor.detector(&name(node)).map(|phi| phi.samples());
    assert!(samples(1).is_some_and(|count| count > 100), "it only moved");
    assert_eq!((samples(2), samples(3)), (Some(2), Some(2)));
    world.seen.clear();
    world.run(ms(500));
    assert!(world.seen.iter().any(
        |(_, action)| matches!(action, Action::Beat { name, address, .. } if *name == moved.name && *address == moved.address)
    ));
}

#[test]
fn there_are_never_more_edges_than_the_limit() {
    let mut config = Config::lan();
    config.edges_max = 9;
    let world = World::new(config, 9);
    assert_eq!(world.monitor.watched().count(), 9);
    let world = World::new(config, 10);
    assert_eq!(world.monitor.watched().count(), 9);
    assert!(world.monitor.watched().all(|watched| *watched != name(0)));
}
