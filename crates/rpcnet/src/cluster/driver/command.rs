//! What the application asks of its membership.

use rpcnet_proto::swim::{NodeName, TagError};
use tokio::sync::oneshot;

use super::Driver;
use crate::cluster::error::JoinError;
use crate::cluster::seeds::Seed;

/// What the application asks. A reply that is dropped says that this node has left.
#[derive(Debug)]
pub(crate) enum Command {
    Join {
        seeds: Vec<Seed>,
        reply: oneshot::Sender<Result<(), JoinError>>,
    },
    SetTag {
        key: String,
        value: String,
        reply: oneshot::Sender<Result<(), TagError>>,
    },
    RemoveTag {
        key: String,
        reply: oneshot::Sender<()>,
    },
    Forget {
        name: NodeName,
        reply: oneshot::Sender<bool>,
    },
    TakeOver,
    /// Something makes the application doubt a member.
    Doubt(NodeName),
    /// A member was heard by other means than a message of the protocol.
    Heard(NodeName),
}

/// An answer that is given once the view shows what it is about.
#[derive(Debug)]
pub(super) enum Reply {
    Join(
        oneshot::Sender<Result<(), JoinError>>,
        Result<(), JoinError>,
    ),
    Tag(oneshot::Sender<Result<(), TagError>>, Result<(), TagError>),
    Removed(oneshot::Sender<()>),
    Forgotten(oneshot::Sender<bool>, bool),
}

impl Reply {
    /// Who asked may be gone.
    pub(super) fn send(self) {
        match self {
            Self::Join(to, result) => drop(to.send(result)),
            Self::Tag(to, result) => drop(to.send(result)),
            Self::Removed(to) => drop(to.send(())),
            Self::Forgotten(to, was_there) => drop(to.send(was_there)),
        }
    }
}

impl Driver {
    pub(super) fn obey(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Forget { name, reply } => {
                let was_there = self.swim.forget(now, &name);
                self.table.refresh(&self.swim, &name);
                self.replies.push(Reply::Forgotten(reply, was_there));
            }
            Command::Doubt(name) => self.swim.handle_doubt(now, &name),
            Command::Heard(name) => self.swim.handle_reachable(now, &name),
            // Who leaves says nothing new, and asks nobody to let it in.
            _ if self.is_leaving => {}
            Command::Join { seeds, reply } => self.joining.begin(seeds, reply),
            Command::SetTag { key, value, reply } => {
                let result = self.swim.set_tag(now, &key, &value);
                self.replies.push(Reply::Tag(reply, result));
            }
            Command::RemoveTag { key, reply } => {
                self.swim.remove_tag(now, &key);
                self.replies.push(Reply::Removed(reply));
            }
            Command::TakeOver => self.swim.take_over(now),
        }
        self.drain();
        self.tell_own_changes();
    }
}
