//! [`Sight`]: the cluster as one of its nodes sees it, and when it came to see it so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::super::report::StageFailure;
use crate::cmd::access::{Credentials, Target};
use crate::cmd::cluster::{Event, Feed, Node, Update, View};

/// A node that is watched from the start to the end of the demo.
pub(super) struct Sight {
    who: String,
    log: watch::Receiver<Log>,
    reader: AbortHandle,
}

/// What a node has told so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    seen: Vec<Seen>,
    nodes: BTreeMap<String, Node>,
    /// Who is not to be called at the moment.
    unreachable: BTreeSet<String>,
    /// Why the node tells no more.
    ended: Option<String>,
}

/// An event, and when it was learnt of here.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) event: Event,
}

/// Events that are kept; the demo makes about fifty.
const SEEN_MAX: usize = 4096;

impl Sight {
    /// Begins to watch the node of this name.
    pub(super) async fn open(
        credentials: &Credentials,
        who: &str,
        target: Target,
    ) -> Result<Self, StageFailure> {
        let feed = Feed::open(credentials, target).await;
        let feed = feed.map_err(|attempt| StageFailure::new(attempt.to_string()))?;
        let (sender, log) = watch::channel(Log::default());
        let reader = tokio::spawn(read(feed, sender)).abort_handle();
        Ok(Self {
            who: who.to_owned(),
            log,
            reader,
        })
    }

    /// Waits until what the node has told meets a condition.
    pub(super) async fn until(
        &self,
        what: &str,
        within: Duration,
        mut condition: impl FnMut(&Log) -> bool,
    ) -> Result<(), StageFailure> {
        let mut log = self.log.clone();
        let met = log.wait_for(|log| condition(log) || log.ended.is_some());
        let outcome = timeout(within, met).await.map(|met| met.map(drop));
        let now = self.log.borrow();
        match outcome {
            Ok(Ok(())) if now.ended.is_none() || condition(&now) => Ok(()),
            outcome => {
                let why = match &now.ended {
                    Some(ended) => format!("it went away: {ended}"),
                    None if outcome.is_err() => format!("not within {within:?}"),
                    None => "it is watched no more".to_owned(),
                };
                let who = &self.who;
                Err(StageFailure::new(format!(
                    "{who} did not see that {what}: {why}"
                )))
            }
        }
    }

    /// Waits for the first event of one of these kinds about a node, from `since` on.
    pub(super) async fn event(
        &self,
        since: Instant,
        name: &str,
        kinds: &[&str],
        within: Duration,
    ) -> Result<Seen, StageFailure> {
        let what = format!("{name} had {}", kinds.join(" or "));
        self.until(&what, within, |log| log.find(since, name, kinds).is_some())
            .await?;
        let found = self.log.borrow().find(since, name, kinds).cloned();
        found.ok_or_else(|| StageFailure::new(what))
    }

    /// Looks at what the node has told so far.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.log.borrow())
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Log {
    /// The first event of one of these kinds about a node, from `since` on.
    pub(super) fn find(&self, since: Instant, name: &str, kinds: &[&str]) -> Option<&Seen> {
        let about = self.about(since, name);
        about
            .into_iter()
            .find(|seen| kinds.contains(&seen.event.kind.as_str()))
    }

    /// Everything about a node from `since` on.
    pub(super) fn about(&self, since: Instant, name: &str) -> Vec<&Seen> {
        let seen = self.seen.iter().filter(|seen| seen.at >= since);
        seen.filter(|seen| seen.event.member.as_ref().is_some_and(|it| it.name == name))
            .collect()
    }

    /// Who failed from `since` on, but for one.
    pub(super) fn failed_besides(&self, since: Instant, name: &str) -> Vec<String> {
        let failed = self.seen.iter().filter(|seen| seen.at >= since);
        failed
            .filter(|seen| seen.event.kind == "NodeFailed")
            .filter_map(|seen| seen.event.member.as_ref())
            .filter(|member| member.name != name)
            .map(|member| member.name.clone())
            .collect()
    }

    /// All members as they are now.
    pub(super) fn nodes(&self) -> Vec<&Node> {
        self.nodes.values().collect()
    }

    /// How many are alive.
    pub(super) fn alive(&self) -> usize {
        self.nodes
            .values()
            .filter(|node| node.state == "alive")
            .count()
    }

    /// The state of a member; `unknown` where there is none of this name.
    pub(super) fn state(&self, name: &str) -> &str {
        self.nodes
            .get(name)
            .map_or("unknown", |node| node.state.as_str())
    }

    /// Whether the member is alive, and heard.
    pub(super) fn is_well(&self, name: &str) -> bool {
        self.state(name) == "alive" && !self.unreachable.contains(name)
    }

    /// The value of a member's tag.
    pub(super) fn tag(&self, name: &str, key: &str) -> Option<&str> {
        self.nodes.get(name)?.tags.get(key).map(String::as_str)
    }

    fn take_view(&mut self, view: View) {
        let named = view
            .members
            .into_iter()
            .map(|node| (node.name.clone(), node));
        self.nodes = named.collect();
    }

    fn take_event(&mut self, at: Instant, event: Event) {
        if let Some(member) = &event.member {
            match event.kind.as_str() {
                "NodeUnreachable" => {
                    self.unreachable.insert(member.name.clone());
                }
                "NodeReachable" | "NodeFailed" | "NodeLeft" => {
                    self.unreachable.remove(&member.name);
                }
                _ => {}
            }
            self.nodes.insert(member.name.clone(), member.clone());
        }
        self.seen.push(Seen { at, event });
        if self.seen.len() == SEEN_MAX {
            self.ended = Some("it told more than anybody expected".into());
        }
    }
}

/// Notes what the node tells, until it tells no more.
async fn read(mut feed: Feed, log: watch::Sender<Log>) {
    while log.borrow().ended.is_none() {
        let update = feed.next().await;
        let at = Instant::now();
        log.send_modify(|log| {
            let noted = match update {
                Ok(Update::View(view)) => View::deserialize(view).map(|view| log.take_view(view)),
                Ok(Update::Event(event)) => {
                    Event::deserialize(event).map(|event| log.take_event(at, event))
                }
                Err(attempt) => {
                    log.ended = Some(attempt.to_string());
                    Ok(())
                }
            };
            if let Err(error) = noted {
                log.ended = Some(error.to_string());
            }
        });
    }
}
