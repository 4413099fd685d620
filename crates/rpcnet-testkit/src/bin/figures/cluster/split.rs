//! C9: both sides of a split know, and all is well soon after.

use super::NODES;
use super::fleet::{Fleet, PATIENCE};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::moment::Moment;
use crate::record::{Record, all_see, events};
use crate::told::{Kind, Sight, Told};
use rpcnet_proto::swim::stable_after;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How a network is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Half from half, both ways.
    Halves,
    /// A third from the rest, both ways.
    Third,
    /// What the first half says does not reach the other.
    OneWay,
}

impl Cut {
    fn name(self) -> &'static str {
        match self {
            Self::Halves => "halves",
            Self::Third => "third",
            Self::OneWay => "one-way",
        }
    }

    fn groups(self) -> (Vec<usize>, Vec<usize>) {
        let at = match self {
            Self::Halves | Self::OneWay => NODES / 2,
            Self::Third => NODES / 3,
        };
        ((0..at).collect(), (at..NODES).collect())
    }

    /// What a member should take its side for; `None` where each hears some of the others.
    fn side(self, node: usize) -> Option<&'static str> {
        match self {
            Self::Halves => Some("Tie"),
            Self::Third if node < NODES / 3 => Some("Minority"),
            Self::Third => Some("Majority"),
            Self::OneWay => None,
        }
    }
}

/// Cuts and heals the network, one cut after another.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let cuts: &[(Cut, u64)] = scale.pick(
        &[
            (Cut::Halves, 5),
            (Cut::Halves, 30),
            (Cut::Third, 60),
            (Cut::OneWay, 60),
            (Cut::Halves, 300),
            (Cut::OneWay, 300),
        ],
        &[(Cut::Halves, 18), (Cut::OneWay, 18)],
    );
    let mut fleet = Fleet::new(NODES, |_| false).await?;
    let mut measured = Measured::default();
    for (cut, seconds) in cuts {
        one(&mut fleet, *cut, *seconds, &mut measured).await?;
    }
    fleet.check()?;
    Ok(measured)
}

async fn one(
    fleet: &mut Fleet,
    cut: Cut,
    seconds: u64,
    measured: &mut Measured,
) -> Result<(), BoxError> {
    let (these, those) = cut.groups();
    let start = fleet.record.len();
    let began = Moment::now();
    let ends = Instant::now() + Duration::from_secs(seconds);
    match cut {
        Cut::OneWay => fleet.network.cut_one_way(&these, &those).await?,
        Cut::Halves | Cut::Third => fleet.network.cut(&these, &those).await?,
    }
    sleep_until(ends).await;
    let healed = Moment::now();
    let told = fleet.record.since(start);
    fleet.network.heal().await?;
    let whole = whole(&fleet.record, fleet.names()).await?;
    let name = format!("cluster-split-{}-{seconds}s", cut.name());
    let due = stable_after(NODES) + Duration::from_secs(2);
    if Duration::from_secs(seconds) > due {
        let after = |last: Option<Moment>| last.map_or(f64::NAN, |last| ms(last.since(began)));
        let suspected = events(&told, Kind::PartitionSuspected, "");
        let unaware = (NODES - suspected.len()) as f64;
        measured.at_most(format!("{name}-unaware"), unaware, "nodes", 0.0);
        let last = after(suspected.values().copied().max());
        measured.at_most(format!("{name}-suspected-to-last"), last, "ms", ms(due));
        if cut.side(0).is_some() {
            let is_right = |node: &str, sight: &Sight| {
                let index = fleet.names().iter().position(|name| name == node);
                index.and_then(|node| cut.side(node)) == Some(&sight.side)
            };
            let last = after(all_see(&told, fleet.names(), is_right));
            measured.at_most(format!("{name}-side-to-last"), last, "ms", ms(due));
        }
    }
    let healing = ms(whole.since(healed));
    measured.at_most(format!("{name}-full-views"), healing, "ms", 10_000.0);
    Ok(())
}

/// Waits until all see all and nobody suspects a partition any more; returns when the last came to see
/// all.
async fn whole(record: &Record, names: &[String]) -> Result<Moment, BoxError> {
    let look = |told: &[Told]| {
        all_see(told, names, |_, sight| {
            sight.live == NODES && sight.side == "Whole"
        })
    };
    record
        .until("full views after a split", PATIENCE * 2, look)
        .await
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
