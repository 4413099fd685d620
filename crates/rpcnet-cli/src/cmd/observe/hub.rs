//! [`observe`]: watches a cluster by as many of its nodes as tell, and keeps a picture of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::admin::AdminFeed;
use super::feeds::{self, News, PAUSE_LONGEST};
use super::picture::{CallRow, ErrorRow, EventLine, MemberRow, Picture};
use super::rates::{Load, Seen};
use super::snapshot::{Cluster, Member, Snapshot};
use crate::cmd::access::{Attempt, Target, Unanswered};
use crate::cmd::cluster::{Access, Event, event_details, tag_words};
use crate::cmd::stamp;

/// Nodes that are asked what they do; of more, only what others see of them is shown.
const NODES_MAX: usize = 64;
/// Things that happened that are remembered; of more, the oldest are forgotten.
const EVENTS_MAX: usize = 256;
/// Failures and calls that are shown of all nodes together.
const ERRORS_MAX: usize = 128;
const CALLS_MAX: usize = 128;
/// Spans whose rates are remembered of each node.
const HISTORY_MAX: usize = 60;
/// News that wait to be looked at; the tasks that bring more wait.
const NEWS_MAX: usize = 64;
/// How often it is looked whether somebody silent is to be asked again.
const LOOK: Duration = Duration::from_millis(250);

/// A cluster that is being watched. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Observation {
    /// The picture of the moment.
    pub(crate) pictures: watch::Receiver<Arc<Picture>>,
    _hub: JoinSet<()>,
}

/// Watches the cluster of the seeds; has a first picture of it when it returns.
///
/// # Errors
///
/// Why none of the seeds tells what it does.
pub(crate) async fn observe(
    access: &Access,
    interval: Duration,
) -> Result<Observation, Unanswered> {
    let first = first(access, interval).await?;
    let (sender, news) = mpsc::channel(NEWS_MAX);
    let mut hub = Hub {
        access: access.clone(),
        interval,
        nodes: BTreeMap::new(),
        answering: None,
        events: VecDeque::new(),
        following: None,
        is_searching: false,
        tasks: JoinSet::new(),
        sender,
        shown: watch::Sender::new(Arc::default()),
    };
    hub.adopt(first);
    hub.show();
    let pictures = hub.shown.subscribe();
    let mut task = JoinSet::new();
    task.spawn(hub.run(news));
    Ok(Observation {
        pictures,
        _hub: task,
    })
}

/// The first seed that tells what it does.
async fn first(access: &Access, interval: Duration) -> Result<AdminFeed, Unanswered> {
    let (targets, mut failures) = access.targets().await;
    for target in targets {
        match AdminFeed::open(access.credentials(), target, interval).await {
            Ok(feed) => return Ok(feed),
            Err(attempt) => failures.push(attempt),
        }
    }
    Err(failures)
}

struct Hub {
    access: Access,
    interval: Duration,
    nodes: BTreeMap<String, Node>,
    /// Whose view of the members is shown.
    answering: Option<String>,
    /// Newest first.
    events: VecDeque<EventLine>,
    /// Follows what happens, as the answering node sees it.
    following: Option<AbortHandle>,
    is_searching: bool,
    /// Ends with the hub.
    tasks: JoinSet<()>,
    sender: mpsc::Sender<News>,
    shown: watch::Sender<Arc<Picture>>,
}

/// A node that is asked what it does.
struct Node {
    target: Target,
    asking: Asking,
    latest: Option<Box<Snapshot>>,
    load: Option<Load>,
    seen: BTreeMap<String, Seen>,
    history: VecDeque<(f64, Option<u64>)>,
}

/// How the asking goes.
enum Asking {
    /// It is asked, and has not yet told.
    Asked,
    Tells,
    /// It does not tell; it is asked again then.
    Silent {
        why: Attempt,
        again: Instant,
    },
}

impl Node {
    fn new(target: Target) -> Self {
        Self {
            target,
            asking: Asking::Asked,
            latest: None,
            load: None,
            seen: BTreeMap::new(),
            history: VecDeque::new(),
        }
    }

    fn tells(&self) -> bool {
        matches!(self.asking, Asking::Tells)
    }

    fn take(&mut self, snapshot: Box<Snapshot>) {
        self.asking = Asking::Tells;
        if let Some(earlier) = &self.latest {
            self.load = Load::between(earlier, &snapshot);
            if let Some(load) = &self.load {
                if self.history.len() == HISTORY_MAX {
                    self.history.pop_front();
                }
                self.history.push_back((load.calls_per_s, load.p99_us));
            }
        }
        self.seen = Seen::between(self.latest.as_deref(), &snapshot);
        self.latest = Some(snapshot);
    }
}

impl Hub {
    async fn run(mut self, mut news: mpsc::Receiver<News>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(first) = news.recv() => {
                    self.take(first);
                    // One picture for all that is there.
                    while let Ok(next) = news.try_recv() {
                        self.take(next);
                    }
                }
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => continue,
                _ = looks.tick() => {
                    self.look();
                    continue;
                }
            }
            self.show();
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Snapshot { node, snapshot } => self.take_snapshot(&node, snapshot),
            News::Silent { node, attempt } => self.take_silence(&node, attempt),
            News::Opened(feed) => {
                self.is_searching = false;
                self.adopt(*feed);
            }
            News::Event { node, event } => {
                if self.answering.as_ref() == Some(&node) {
                    self.remember(line(&event));
                }
            }
        }
    }

    fn take_snapshot(&mut self, name: &str, snapshot: Box<Snapshot>) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        node.take(snapshot);
        if self.answering.is_none() {
            self.answer(name);
        }
        if self.answering.as_deref() == Some(name) {
            self.meet();
        }
    }

    fn take_silence(&mut self, name: &str, why: Attempt) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        let again = Instant::now() + PAUSE_LONGEST;
        let told = node.tells();
        node.asking = Asking::Silent { why, again };
        node.load = None;
        if told {
            self.tell("Silent", name, "it tells no more what it does");
        }
        if self.answering.as_deref() == Some(name) {
            self.answering = None;
            let next = self.nodes.iter().find(|(_, node)| node.tells());
            if let Some(next) = next.map(|(next, _)| next.clone()) {
                self.answer(&next);
            }
        }
    }

    /// From here on the members are shown as this node sees them.
    fn answer(&mut self, name: &str) {
        let Some(node) = self.nodes.get(name) else {
            return;
        };
        let target = node.target.clone();
        self.answering = Some(name.to_owned());
        self.tell(
            "Asking",
            name,
            &format!("the members are seen by it, at {}", target.address()),
        );
        if let Some(before) = self.following.take() {
            before.abort();
        }
        let credentials = self.access.credentials().clone();
        let events = feeds::events(credentials, name.to_owned(), target, self.sender.clone());
        self.following = Some(self.tasks.spawn(events));
    }

    /// Takes over a node that tells already.
    fn adopt(&mut self, feed: AdminFeed) {
        let cluster = feed.first().and_then(|first| first.cluster.as_ref());
        let name = cluster.map_or_else(
            || feed.target().address().to_string(),
            |cluster| cluster.node.clone(),
        );
        let node = Node::new(feed.target().clone());
        if self.nodes.get(&name).is_some_and(Node::tells) {
            return;
        }
        let node = match self.nodes.remove(&name) {
            Some(known) => Node {
                asking: Asking::Asked,
                ..known
            },
            None => node,
        };
        self.nodes.insert(name.clone(), node);
        if let Some(first) = feed.first() {
            self.take_snapshot(&name, Box::new(first.clone()));
        }
        self.tasks
            .spawn(feeds::pass_on(name, feed, self.sender.clone()));
    }

    /// Asks the members that the answering node knows, and forgets who is none any more.
    fn meet(&mut self) {
        let Some(cluster) = self.cluster() else {
            return;
        };
        let members: BTreeMap<String, Target> = cluster
            .members
            .shown
            .iter()
            .filter(|member| member.is_live())
            .filter_map(|member| {
                let address = member.address.parse().ok()?;
                Some((member.name.clone(), Target::member(address, &member.name)))
            })
            .collect();
        let answering = self.answering.clone();
        self.nodes.retain(|name, node| {
            node.tells() || members.contains_key(name) || answering.as_ref() == Some(name)
        });
        for (name, target) in members {
            if self.nodes.len() == NODES_MAX {
                break;
            }
            if !self.nodes.contains_key(&name) {
                self.ask(name, Node::new(target));
            }
        }
    }

    fn ask(&mut self, name: String, node: Node) {
        let credentials = self.access.credentials().clone();
        let (target, sender) = (node.target.clone(), self.sender.clone());
        self.nodes.insert(name.clone(), node);
        self.tasks.spawn(feeds::follow(
            credentials,
            name,
            target,
            self.interval,
            sender,
        ));
    }

    /// Asks those again who have been silent for long, and everybody where nobody tells.
    fn look(&mut self) {
        let now = Instant::now();
        let due =
            |node: &Node| matches!(&node.asking, Asking::Silent { again, .. } if *again <= now);
        let due: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, node)| due(node))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            if let Some(node) = self.nodes.remove(&name) {
                let asking = Asking::Asked;
                self.ask(name, Node { asking, ..node });
            }
        }
        if self.answering.is_none() && !self.is_searching {
            self.is_searching = true;
            let known = self.nodes.values().map(|node| node.target.clone());
            let search = feeds::search(
                self.access.clone(),
                known.collect(),
                self.interval,
                self.sender.clone(),
            );
            self.tasks.spawn(search);
        }
    }

    /// The answering node's view of the cluster.
    fn cluster(&self) -> Option<&Cluster> {
        let node = self.nodes.get(self.answering.as_ref()?)?;
        node.latest.as_ref()?.cluster.as_ref()
    }

    /// Remembers what this command itself has to say.
    fn tell(&mut self, kind: &str, member: &str, details: &str) {
        self.remember(EventLine {
            at: stamp::now(),
            kind: kind.to_owned(),
            member: member.to_owned(),
            details: details.to_owned(),
        });
    }

    fn remember(&mut self, event: EventLine) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_back();
        }
        self.events.push_front(event);
    }

    fn show(&self) {
        let mut picture = Picture {
            at: stamp::now(),
            events: self.events.clone(),
            ..Picture::clone(&self.shown.borrow())
        };
        picture.problem = match &self.answering {
            Some(_) => None,
            None => Some(self.problem()),
        };
        if let Some(name) = &self.answering
            && let Some(node) = self.nodes.get(name)
        {
            picture.node.clone_from(name);
            picture.address = node.target.address().to_string();
            self.show_members(&mut picture, name, node);
        }
        self.show_work(&mut picture);
        // Nobody need look at it.
        self.shown.send_replace(Arc::new(picture));
    }

    fn problem(&self) -> String {
        let why = self.nodes.values().find_map(|node| match &node.asking {
            Asking::Silent { why, .. } => Some(why.to_string()),
            Asking::Asked | Asking::Tells => None,
        });
        let why = why.unwrap_or_else(|| "all are asked again".to_owned());
        format!("no node tells what it does any more: {why}")
    }

    fn show_members(&self, picture: &mut Picture, name: &str, answering: &Node) {
        let latest = answering.latest.as_ref();
        let Some(cluster) = latest.and_then(|latest| latest.cluster.as_ref()) else {
            // A server that is no member is all that there is.
            let alone = Member {
                name: name.to_owned(),
                address: picture.address.clone(),
                state: "alive".to_owned(),
                is_self: true,
                reachable: true,
                ..Member::default()
            };
            picture.members = vec![self.row(&alone, answering)];
            return;
        };
        let quorum = &cluster.quorum;
        picture.quorum = format!(
            "{} of {} voters in reach: {}{}",
            quorum.reachable,
            quorum.known,
            quorum.side.to_lowercase(),
            if quorum.stable { "" } else { ", changing" }
        );
        let members = cluster.members.shown.iter();
        picture.members = members.map(|member| self.row(member, answering)).collect();
        picture.members_left_out = cluster.members.left_out;
    }

    fn row(&self, member: &Member, answering: &Node) -> MemberRow {
        let mut row = MemberRow {
            name: member.name.clone(),
            address: member.address.clone(),
            state: member.state.clone(),
            tags: tag_words(&member.tags),
            draining: member.tags.contains_key("draining"),
            answers: member.is_self,
            phi: member.phi,
            reachable: member.reachable,
            seen: answering.seen.get(&member.name).cloned(),
            ..MemberRow::default()
        };
        let Some(node) = self.nodes.get(&member.name) else {
            return row;
        };
        row.history = node.history.iter().copied().collect();
        if let Asking::Silent { why, .. } = &node.asking {
            row.silent = Some(why.reason().to_owned());
            return row;
        }
        row.load.clone_from(&node.load);
        if let Some(latest) = &node.latest {
            row.version.clone_from(&latest.version);
            row.running = Some(latest.counters.calls_running);
            row.connections = Some(latest.counters.connections);
        }
        row
    }

    /// Methods, calls and failures of all nodes that tell.
    fn show_work(&self, picture: &mut Picture) {
        let telling = || self.nodes.iter().filter(|(_, node)| node.tells());
        let snapshots = || telling().filter_map(|(name, node)| Some((name, node.latest.as_ref()?)));
        let loads = telling().filter_map(|(_, node)| node.load.as_ref());
        picture.methods = super::rates::merged(loads);
        let calls = snapshots().flat_map(|(name, latest)| {
            let calls = latest.calls.shown.iter();
            calls
                .filter(|call| !call.method.starts_with("rpcnet."))
                .map(|call| CallRow::new(name, call))
        });
        picture.calls = calls.collect();
        picture
            .calls
            .sort_by_key(|call| std::cmp::Reverse(call.age_ms));
        picture.calls.truncate(CALLS_MAX);
        let errors = snapshots().flat_map(|(name, latest)| {
            let errors = latest.errors.shown.iter();
            errors.map(|error| ErrorRow::new(name, error))
        });
        picture.errors = errors.collect();
        picture
            .errors
            .sort_by_key(|error| std::cmp::Reverse(error.at_ms));
        picture.errors.truncate(ERRORS_MAX);
    }
}

fn line(event: &Event) -> EventLine {
    EventLine {
        at: stamp::now(),
        kind: event.kind.clone(),
        member: event
            .member
            .as_ref()
            .map(|member| member.name.clone())
            .unwrap_or_default(),
        details: event_details(event),
    }
}
