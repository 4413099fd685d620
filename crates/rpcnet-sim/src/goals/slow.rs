//! C8: processes that freeze again and again do not bring down those that run.

use std::time::Duration;

use super::{Size, unbroken};
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::fault::{Fault, Timed};
use crate::figure::{Figure, Goal};
use crate::node::Order;
use crate::nodes::NodeSet;

const NODES: u32 = 128;

/// A group of nodes that freeze together, in turns.
#[derive(Debug, Clone, Copy)]
struct Freeze {
    /// How many freeze.
    group: u32,
    /// For how long, in milliseconds.
    pause: u64,
    /// How long they run in between, in milliseconds. Where it is short no answer arrives in time.
    gap: u64,
    order: Order,
}

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let groups: &[u32] = size.pick(&[1, 2, 4, 8, 16, 32], &[4, 32], &[4, 32]);
    let pauses: &[u64] = size.pick(
        &[100, 500, 2_000, 8_000, 16_000, 32_000],
        &[500, 16_000],
        &[500, 16_000],
    );
    let gaps: &[u64] = size.pick(&[1, 16, 256, 1_000, 4_000], &[1, 1_000], &[1, 1_000]);
    let lasts = Duration::from_secs(size.pick(300, 100, 100));
    let mut with = Accused::default();
    let mut without = Accused::default();
    for order in [Order::TimersFirst, Order::SocketFirst] {
        for (group, pause, gap) in product(groups, pauses, gaps) {
            let freeze = Freeze {
                group,
                pause,
                gap,
                order,
            };
            with.add(&run::<E>(size, freeze, lasts, true));
            // The baseline has nothing to switch off.
            if !size.baseline {
                without.add(&run::<E>(size, freeze, lasts, false));
            }
        }
    }
    let mut figures = vec![
        Figure::count(
            "C8 false failures of the healthy",
            with.healthy,
            Goal::AtMost(0.0),
        ),
        Figure::count(
            "C8 of these, seen by the healthy",
            with.between,
            Goal::AtMost(0.0),
        ),
        Figure::count("C8 failures in all, of the frozen too", with.all, Goal::Any),
    ];
    if !size.baseline {
        let times = without.healthy as f64 / with.healthy.max(1) as f64;
        figures.extend([
            Figure::count(
                "C8 of the healthy, Lifeguard off",
                without.healthy,
                Goal::Any,
            ),
            Figure::count("C8 failures in all, Lifeguard off", without.all, Goal::Any),
            Figure::new(
                "C8 fewer with Lifeguard",
                times,
                "times",
                Goal::AtLeast(50.0),
            ),
        ]);
    }
    figures
}

#[derive(Debug, Default)]
struct Accused {
    all: u64,
    healthy: u64,
    between: u64,
}

impl Accused {
    fn add(&mut self, other: &Self) {
        self.all += other.all;
        self.healthy += other.healthy;
        self.between += other.between;
    }
}

fn product<'a>(
    groups: &'a [u32],
    pauses: &'a [u64],
    gaps: &'a [u64],
) -> impl Iterator<Item = (u32, u64, u64)> + 'a {
    let pairs = groups
        .iter()
        .flat_map(move |group| pauses.iter().map(move |pause| (*group, *pause)));
    pairs.flat_map(move |(group, pause)| gaps.iter().map(move |gap| (group, pause, *gap)))
}

fn run<E: Engine>(size: Size, freeze: Freeze, lasts: Duration, lifeguard: bool) -> Accused {
    let mut plan = size.plan(u64::from(freeze.group) * 1_000_000 + freeze.pause, NODES);
    plan.order = freeze.order;
    plan.lifeguard = lifeguard;
    // That false accusations happen without it is the point.
    plan.check = lifeguard;
    let mut cluster = Cluster::<E>::new(plan);
    let pause = Duration::from_millis(freeze.pause);
    let begin = Duration::from_secs(10);
    let mut faults = Vec::new();
    let mut at = begin;
    while at < begin + lasts {
        let who = NodeSet::range(NODES - freeze.group, NODES - 1);
        faults.push(Timed {
            at,
            fault: Fault::Pause(who, pause),
        });
        at += pause + Duration::from_millis(freeze.gap);
    }
    cluster.schedule(&faults);
    cluster.run_for(begin + lasts);
    unbroken("C8", &cluster);
    let counts = cluster.counts();
    Accused {
        all: counts.false_failed,
        healthy: counts.false_about_healthy,
        between: counts.false_between_healthy,
    }
}
