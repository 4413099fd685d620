//! Tasks that ask, and tell the hub what they are told.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::admin::AdminFeed;
use super::snapshot::Snapshot;
use crate::cmd::access::{Attempt, Credentials, Target};
use crate::cmd::cluster::{Access, Event, Feed, Update};
use serde::Deserialize;

/// What a task tells the hub.
#[derive(Debug)]
pub(super) enum News {
    /// A node did this.
    Snapshot {
        node: String,
        snapshot: Box<Snapshot>,
    },
    /// A node tells no more.
    Silent { node: String, attempt: Attempt },
    /// A node was found that tells.
    Opened(Box<AdminFeed>),
    /// The members changed, as the node whose view it is has it.
    Event { node: String, event: Box<Event> },
}

/// Passes on what a node does until it tells no more.
pub(super) async fn follow(
    credentials: Credentials,
    node: String,
    target: Target,
    interval: Duration,
    news: Sender<News>,
) {
    match AdminFeed::open(&credentials, target, interval).await {
        Ok(feed) => pass_on(node, feed, news).await,
        Err(attempt) => tell(&news, News::Silent { node, attempt }).await,
    }
}

/// As [`follow`], where the node tells already.
pub(super) async fn pass_on(node: String, mut feed: AdminFeed, news: Sender<News>) {
    loop {
        match feed.next().await {
            Ok(snapshot) => {
                let (node, snapshot) = (node.clone(), Box::new(snapshot));
                tell(&news, News::Snapshot { node, snapshot }).await;
            }
            Err(attempt) => return tell(&news, News::Silent { node, attempt }).await,
        }
    }
}

/// Passes on what happens to the members, as one node sees it; begins again where that ends.
pub(super) async fn events(
    credentials: Credentials,
    node: String,
    target: Target,
    news: Sender<News>,
) {
    loop {
        if let Ok(mut feed) = Feed::open(&credentials, target.clone()).await {
            while let Ok(update) = feed.next().await {
                let Update::Event(event) = update else {
                    continue;
                };
                if let Ok(event) = Event::deserialize(&event) {
                    let (node, event) = (node.clone(), Box::new(event));
                    tell(&news, News::Event { node, event }).await;
                }
            }
        }
        sleep(PAUSE_LONGEST).await;
    }
}

/// Asks the seeds and whoever else is known until one of them tells what it does.
pub(super) async fn search(
    access: Access,
    known: Vec<Target>,
    interval: Duration,
    news: Sender<News>,
) {
    let mut pause = PAUSE_FIRST;
    loop {
        let (seeds, _) = access.targets().await;
        let mut asked: Vec<Target> = Vec::new();
        for target in seeds.into_iter().chain(known.iter().cloned()) {
            if asked
                .iter()
                .all(|other| other.address() != target.address())
            {
                asked.push(target);
            }
        }
        let credentials = access.credentials();
        let mut answers = stream::iter(asked)
            .map(|target| AdminFeed::open(credentials, target, interval))
            .buffer_unordered(ASKED_AT_ONCE);
        while let Some(answer) = answers.next().await {
            if let Ok(feed) = answer {
                return tell(&news, News::Opened(Box::new(feed))).await;
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// Waits where the hub has not yet looked at what came before.
async fn tell(news: &Sender<News>, what: News) {
    // Where the hub is gone, so is this task.
    let _ = news.send(what).await;
}

/// Nodes that are asked at once when all that told are silent.
const ASKED_AT_ONCE: usize = 4;
/// The pause after everybody was asked in vain: the first and the longest one.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
pub(super) const PAUSE_LONGEST: Duration = Duration::from_secs(5);
