//! The stages of the cluster: in each something happens to a node, and the others see it.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::time::sleep;

use super::super::report::{StageFailure, StageReport};
use super::node::{TAG, TAGGED};
use super::sight::{Log, Seen};
use super::{ClusterDemo, DIRECTOR, WITNESS, WORKERS, seconds};
use crate::cmd::cluster::{columns, tags};

/// What is shown, in this order. After a stage that behaved, every node that is left is alive in
/// the eyes of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Formation,
    Tag,
    Kill,
    Restart,
    Pause,
    Leave,
    Times,
}

impl Stage {
    pub(super) const ALL: [Self; 7] = [
        Self::Formation,
        Self::Tag,
        Self::Kill,
        Self::Restart,
        Self::Pause,
        Self::Leave,
        Self::Times,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Formation => "a cluster of five processes",
            Self::Tag => "a tag that is set at run time",
            Self::Kill => "a node that is killed",
            Self::Restart => "the same node, restarted",
            Self::Pause => "a node that is paused for a while",
            Self::Leave => "a node that leaves",
            Self::Times => "what the director knew, and when",
        }
    }

    pub(super) async fn run(self, demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
        match self {
            Self::Formation => formation(demo).await,
            Self::Tag => tag(demo).await,
            Self::Kill => kill(demo).await,
            Self::Restart => restart(demo).await,
            Self::Pause => pause(demo).await,
            Self::Leave => leave(demo).await,
            Self::Times => times(demo).await,
        }
    }
}

/// To whom what happens.
const TAGGED_WORKER: &str = WORKERS[2];
const KILLED: &str = WORKERS[1];
const PAUSED: &str = WORKERS[2];
const LEAVING: &str = WORKERS[3];

/// How long the paused node stands still.
const PAUSE: Duration = Duration::from_secs(4);

/// Within these times it must have been seen. They are for a machine that is busy with other
/// things; what is usual is in the report.
const NEWS_MAX: Duration = Duration::from_secs(10);
const UNREACHABLE_MAX: Duration = Duration::from_secs(10);
const FAILED_MAX: Duration = Duration::from_secs(30);
const BACK_MAX: Duration = Duration::from_secs(30);

async fn formation(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let director = demo.start(DIRECTOR, None).await?;
    let seed = director.address();
    demo.nodes.insert(DIRECTOR, director);
    demo.watch(DIRECTOR).await?;
    let began = Instant::now();
    let starting = WORKERS.map(|name| demo.start(name, Some(seed)));
    let started = try_join_all(starting).await?;
    demo.nodes.extend(WORKERS.into_iter().zip(started));
    demo.watch(WITNESS).await?;
    let everybody = WORKERS.len() + 1;
    for sight in &demo.sights {
        let all = |log: &Log| log.alive() == everybody;
        sight.until("all five are alive", NEWS_MAX, all).await?;
    }
    let took = began.elapsed();
    demo.note("four workers started", "all alive", took);
    let heading = ["node", "state", "address", "tags", "process"].map(String::from);
    let mut rows = vec![heading];
    rows.extend(demo.director()?.look(|log| {
        let nodes = log.nodes().into_iter();
        let row = nodes.map(|node| {
            let process = demo.nodes.get(node.name.as_str());
            let pid = process.map_or(0, |process| process.pid()).to_string();
            let (name, address) = (node.name.clone(), node.address.clone());
            [name, node.state.clone(), address, tags(node), pid]
        });
        row.collect::<Vec<_>>()
    }));
    let mut report: StageReport = columns(&rows).lines().map(String::from).collect();
    report.push(format!(
        "{} after the workers were started, both the director and {WITNESS} see all five",
        seconds(took)
    ));
    Ok(report)
}

async fn tag(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let began = Instant::now();
    let node = demo.node(TAGGED_WORKER)?;
    node.tell(&format!("{TAG}gpu a100"), TAGGED).await?;
    let mut after = Vec::new();
    for sight in &demo.sights {
        let is_there = |log: &Log| log.tag(TAGGED_WORKER, "gpu") == Some("a100");
        let what = format!("{TAGGED_WORKER} has the tag");
        sight.until(&what, NEWS_MAX, is_there).await?;
        after.push(began.elapsed());
    }
    let last = after.last().copied().unwrap_or_default();
    demo.note("tag set", "the tag", last);
    Ok(vec![format!(
        "{TAGGED_WORKER} set gpu=a100: the director and {WITNESS} saw it within {}",
        seconds(last)
    )])
}

async fn kill(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let mut node = demo
        .nodes
        .remove(KILLED)
        .ok_or_else(|| StageFailure::new("there is nobody to kill"))?;
    let began = Instant::now();
    node.kill().await?;
    let director = demo.director()?;
    let unreachable = &["NodeUnreachable"];
    let unreachable = director
        .event(began, KILLED, unreachable, UNREACHABLE_MAX)
        .await?;
    let failed = &["NodeFailed"];
    let failed_at = director.event(began, KILLED, failed, FAILED_MAX).await?.at;
    for sight in &demo.sights {
        sight.event(began, KILLED, failed, FAILED_MAX).await?;
    }
    let story = director.look(|log| story(log, began, KILLED));
    let others = director.look(|log| log.failed_besides(began, KILLED));
    nobody(&others)?;
    let (unreachable, failed) = (unreachable.at - began, failed_at - began);
    demo.note("killed", "unreachable, calls go elsewhere", unreachable);
    demo.note("killed", "failed", failed);
    Ok(vec![
        format!("{KILLED} got SIGKILL: no goodbye, its socket closed by the system"),
        format!("the director saw it {story}"),
        format!("{WITNESS} saw it fail too; nobody else was taken for failed"),
    ])
}

async fn restart(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let seed = demo.node(DIRECTOR)?.address();
    let began = Instant::now();
    let node = demo.start(KILLED, Some(seed)).await?;
    let (address, pid) = (node.address(), node.pid());
    demo.nodes.insert(KILLED, node);
    let back = &["NodeRecovered", "NodeJoined"];
    let seen = demo
        .director()?
        .event(began, KILLED, back, BACK_MAX)
        .await?;
    for sight in &demo.sights {
        let what = format!("{KILLED} is well");
        sight
            .until(&what, BACK_MAX, |log| log.is_well(KILLED))
            .await?;
    }
    let after = seen.at.saturating_duration_since(began);
    demo.note("started again", &seen.event.kind, after);
    Ok(vec![format!(
        "{KILLED} is back at {address} as process {pid}: {} {} after it was started",
        seen.event.kind,
        seconds(after)
    )])
}

async fn pause(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let began = Instant::now();
    demo.node(PAUSED)?.pause()?;
    let doubts = &["NodeUnreachable", "NodeSuspected", "NodeFailed"];
    let director = demo.director()?;
    let doubt = director.event(began, PAUSED, doubts, FAILED_MAX).await?;
    // It stays as long as was said, whenever it was noticed.
    sleep(PAUSE.saturating_sub(began.elapsed())).await;
    let paused = began.elapsed();
    let before = demo.director()?.look(|log| story(log, began, PAUSED));
    let resumed = Instant::now();
    demo.node(PAUSED)?.resume()?;
    for sight in &demo.sights {
        let what = format!("{PAUSED} is well again");
        sight
            .until(&what, BACK_MAX, |log| log.is_well(PAUSED))
            .await?;
    }
    let director = demo.director()?;
    let after = director.look(|log| story(log, resumed, PAUSED));
    for sight in &demo.sights {
        nobody(&sight.look(|log| log.failed_besides(began, PAUSED)))?;
    }
    let well = director.look(|log| log.about(resumed, PAUSED).last().map(|seen| seen.at));
    demo.note("paused", &doubt.event.kind, doubt.at - began);
    let well = well.map_or(Duration::ZERO, |at| at - resumed);
    demo.note("continued", "alive and reachable", well);
    Ok(vec![
        format!(
            "{PAUSED} got SIGSTOP for {}: it is there, and says nothing",
            seconds(paused)
        ),
        format!("the director saw it {before}"),
        format!("continued, it was {after}"),
        "nobody else was taken for failed, not by the paused one either".into(),
    ])
}

async fn leave(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let mut node = demo
        .nodes
        .remove(LEAVING)
        .ok_or_else(|| StageFailure::new("there is nobody to leave"))?;
    let began = Instant::now();
    node.ask_to_stop();
    let report = node.stopped().await?;
    for sight in &demo.sights {
        sight.event(began, LEAVING, &["NodeLeft"], NEWS_MAX).await?;
        let failed = sight.look(|log| log.find(began, LEAVING, &["NodeFailed"]).is_some());
        expect(!failed, "a node that left was taken for failed")?;
    }
    let seen = demo
        .director()?
        .event(began, LEAVING, &["NodeLeft"], NEWS_MAX)
        .await?;
    demo.note("left", "left, not failed", seen.at - began);
    Ok(vec![
        format!(
            "{LEAVING} said goodbye: NodeLeft {} later",
            seconds(seen.at - began)
        ),
        format!("its process ended by itself {report}"),
    ])
}

/// The times once more, side by side; the processes that are left end.
async fn times(demo: &mut ClusterDemo) -> Result<StageReport, StageFailure> {
    let heading = ["what happened", "what was seen", "after"].map(String::from);
    let mut rows = vec![heading];
    rows.append(&mut demo.times);
    let mut report: StageReport = columns(&rows).lines().map(String::from).collect();
    report.push("at the settings of ClusterConfig::lan() and HealthConfig::default()".into());
    demo.sights.clear();
    let mut nodes = std::mem::take(&mut demo.nodes);
    for node in nodes.values_mut() {
        node.ask_to_stop();
    }
    for node in nodes.values_mut() {
        node.stopped().await?;
    }
    report.push(format!(
        "the other {} processes have left and ended",
        nodes.len()
    ));
    Ok(report)
}

/// What a node was seen to be, one after the other: `suspected after 1.20 s, failed after 3.05 s`.
fn story(log: &Log, since: Instant, name: &str) -> String {
    let about = log.about(since, name);
    let told = about.iter().map(|seen| {
        let Seen { at, event } = seen;
        let what = event.kind.strip_prefix("Node").unwrap_or(&event.kind);
        format!("{} after {}", what.to_lowercase(), seconds(*at - since))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "unchanged".into()
    } else {
        told.join(", ")
    }
}

fn nobody(failed: &[String]) -> Result<(), StageFailure> {
    let names = failed.join(", ");
    expect(
        failed.is_empty(),
        &format!("healthy nodes were taken for failed: {names}"),
    )
}

fn expect(holds: bool, otherwise: &str) -> Result<(), StageFailure> {
    if holds {
        Ok(())
    } else {
        Err(StageFailure::new(otherwise))
    }
}
