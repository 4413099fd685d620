//! `rpcnet cluster watch`: the members, and what becomes of them.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::contacts::Contacts;
use super::feed::{Feed, Update};
use super::members::{json_line, rendered};
use super::view::{Event, View, retain_passing};
use super::{Question, line};
use crate::cmd::access::{Attempt, Target, Unanswered};
use crate::cmd::stamp;

/// Nodes that are asked at once when the one that was watched went away.
const ASKED_AT_ONCE: usize = 4;
/// The pause after everybody was asked in vain: the first and the longest one.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Follows one node after another, until Ctrl-C or until nobody reads any more.
pub(super) async fn run(question: &Question) -> Result<(), Box<dyn Error>> {
    let outcome = tokio::select! {
        outcome = Box::pin(follow(question)) => outcome,
        asked_to_end = tokio::signal::ctrl_c() => asked_to_end.map_err(Into::into),
    };
    outcome.or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(closed) if closed.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

async fn follow(question: &Question) -> Result<(), Box<dyn Error>> {
    let mut watch = Watch {
        question,
        contacts: Contacts::default(),
    };
    let mut feed = first(question).await?;
    loop {
        let ended = watch.show(&mut feed).await?;
        watch.tell_disconnected(feed.target(), &ended)?;
        feed = watch.another(feed).await?;
    }
}

/// The first seed that lets itself be watched.
async fn first(question: &Question) -> Result<Feed, Unanswered> {
    let (targets, mut failures) = question.access.targets().await;
    for target in targets {
        match Feed::open(question.access.credentials(), target).await {
            Ok(feed) => return Ok(feed),
            Err(attempt) => failures.push(attempt),
        }
    }
    Err(failures)
}

/// What is shown, and whom else to ask.
struct Watch<'a> {
    question: &'a Question,
    contacts: Contacts,
}

impl Watch<'_> {
    /// Prints what a node tells for as long as it does; returns why it tells no more.
    async fn show(&mut self, feed: &mut Feed) -> io::Result<Attempt> {
        loop {
            let shown = match feed.next().await {
                Ok(Update::View(view)) => self.show_view(view, feed.target()),
                Ok(Update::Event(event)) => self.show_event(event, feed.target()),
                Err(attempt) => return Ok(attempt),
            };
            match shown {
                Ok(text) => say(&text)?,
                Err(attempt) => return Ok(attempt),
            }
        }
    }

    fn show_view(&mut self, mut value: Value, target: &Target) -> Result<String, Attempt> {
        let view =
            View::deserialize(&value).map_err(|error| Attempt::unreadable(target, &error))?;
        self.contacts.replace(&view);
        if !self.question.json {
            return Ok(rendered(self.question, &view, target) + "\n");
        }
        retain_passing(&mut value, &self.question.filter);
        Ok(stamped(json!({"event": "View", "view": value})))
    }

    fn show_event(&mut self, value: Value, target: &Target) -> Result<String, Attempt> {
        let event =
            Event::deserialize(&value).map_err(|error| Attempt::unreadable(target, &error))?;
        self.contacts.follow(&event);
        Ok(if !event.passes(&self.question.filter) {
            String::new()
        } else if self.question.json {
            stamped(value)
        } else {
            line::render(&stamp::now(), &event)
        })
    }

    fn tell_disconnected(&self, target: &Target, attempt: &Attempt) -> io::Result<()> {
        let (address, reason) = (target.address(), attempt.reason());
        self.tell(json!({
            "event": "Disconnected", "address": address.to_string(), "reason": reason,
        }))
    }

    /// A node to watch in place of the one that went away.
    async fn another(&self, lost: Feed) -> io::Result<Feed> {
        let lost = lost.into_target();
        let mut pause = PAUSE_FIRST;
        loop {
            let (seeds, _) = self.question.access.targets().await;
            let mut asked: Vec<Target> = Vec::new();
            // The one that was lost is asked last: it may be back, if it is no seed too.
            let known = seeds.into_iter().chain(self.contacts.others(&lost));
            for target in known.chain([lost.clone()]) {
                if asked
                    .iter()
                    .all(|other| other.address() != target.address())
                {
                    asked.push(target);
                }
            }
            let count = asked.len();
            let credentials = self.question.access.credentials();
            let mut answers = stream::iter(asked)
                .map(|target| Feed::open(credentials, target))
                .buffer_unordered(ASKED_AT_ONCE);
            while let Some(answer) = answers.next().await {
                if let Ok(feed) = answer {
                    return Ok(feed);
                }
            }
            if pause == PAUSE_FIRST {
                self.tell(json!({"event": "Retrying", "asked": count}))?;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }

    /// Prints what this command itself has to say, in the form of the rest.
    fn tell(&self, value: Value) -> io::Result<()> {
        if self.question.json {
            return say(&stamped(value));
        }
        match Event::deserialize(&value) {
            Ok(event) => say(&line::render(&stamp::now(), &event)),
            Err(error) => Err(error.into()),
        }
    }
}

fn stamped(mut value: Value) -> String {
    if let Value::Object(fields) = &mut value {
        fields.insert("at".into(), stamp::now().into());
    }
    json_line(&value)
}

/// Lines are to be seen when they are printed, also where they go into a pipe.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
