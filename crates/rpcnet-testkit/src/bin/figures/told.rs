//! What a member says, one JSON object per line.

use crate::answerer::Answerer;
use crate::moment::Moment;
use rpcnet::cluster::{ClusterEvent, ClusterView};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// Something that a member says, and when it knew it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) at: Moment,
    /// Who says it.
    pub(crate) node: String,
    pub(crate) what: What,
}

impl Told {
    pub(crate) fn now(node: &str, what: What) -> Self {
        Self {
            at: Moment::now(),
            node: node.to_owned(),
            what,
        }
    }
}

/// Says something on the standard output. Whoever started this process reads on, or is gone, and then this
/// process ends too.
pub(crate) fn say(node: &str, what: What) {
    if let Ok(line) = serde_json::to_string(&Told::now(node, what)) {
        let mut output = io::stdout().lock();
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum What {
    /// An event of the cluster. `about` is the member that it is about, or empty; `mark` is its tag
    /// [`MARK`].
    Event {
        kind: Kind,
        about: String,
        mark: Option<String>,
    },
    /// What its view came to.
    Sight(Sight),
    /// It begins to join.
    Joining,
    /// Some seed has answered.
    Joined,
    /// Others know that it is gone.
    Left,
    /// What it sent so far.
    Sent { messages: u64, bytes: u64 },
    /// A call of its has ended, after so many microseconds.
    Call {
        took_us: u64,
        /// Which worker answered, where it succeeded.
        by: Option<Answerer>,
        /// How it ended, where it did not.
        failed: Option<String>,
    },
    /// What it was told to do has failed.
    Failed(String),
}

/// What is counted of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sight {
    /// Alive or suspect, itself included.
    pub(crate) live: usize,
    /// Which side of a partition it takes itself for.
    pub(crate) side: String,
}

impl Sight {
    pub(crate) fn of(view: &ClusterView) -> Self {
        Self {
            live: view.live().count(),
            side: format!("{:?}", view.quorum().side_expected),
        }
    }
}

/// The tag whose changes are measured.
pub(crate) const MARK: &str = "mark";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Joined,
    Left,
    Failed,
    Recovered,
    Restarted,
    Suspected,
    Cleared,
    TagsUpdated,
    Moved,
    Unreachable,
    Reachable,
    Refuted,
    PartitionSuspected,
    PartitionHealed,
    /// So many events are lost that the run is void.
    Lagged,
    Other,
}

impl From<&ClusterEvent> for Kind {
    fn from(event: &ClusterEvent) -> Self {
        match event {
            ClusterEvent::NodeJoined(_) => Self::Joined,
            ClusterEvent::NodeLeft(_) => Self::Left,
            ClusterEvent::NodeFailed(_) => Self::Failed,
            ClusterEvent::NodeRecovered(_) => Self::Recovered,
            ClusterEvent::NodeRestarted(_) => Self::Restarted,
            ClusterEvent::NodeSuspected { .. } => Self::Suspected,
            ClusterEvent::NodeCleared(_) => Self::Cleared,
            ClusterEvent::NodeTagsUpdated { .. } => Self::TagsUpdated,
            ClusterEvent::NodeMoved { .. } => Self::Moved,
            ClusterEvent::NodeUnreachable { .. } => Self::Unreachable,
            ClusterEvent::NodeReachable(_) => Self::Reachable,
            ClusterEvent::Refuted { .. } => Self::Refuted,
            ClusterEvent::PartitionSuspected(_) => Self::PartitionSuspected,
            ClusterEvent::PartitionHealed(_) => Self::PartitionHealed,
            ClusterEvent::Lagged { .. } => Self::Lagged,
            _ => Self::Other,
        }
    }
}

/// What is said of an event.
impl From<&ClusterEvent> for What {
    fn from(event: &ClusterEvent) -> Self {
        let member = event.member();
        let about = member.map_or_else(String::new, |member| member.name().to_string());
        Self::Event {
            kind: event.into(),
            about,
            mark: member
                .and_then(|member| member.tag(MARK))
                .map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_one_line_and_understood() {
        let event = What::Event {
            kind: Kind::TagsUpdated,
            about: "n1".to_owned(),
            mark: Some("a \"b\"\n".to_owned()),
        };
        let sight = What::Sight(Sight {
            live: 3,
            side: "Whole".to_owned(),
        });
        let call = What::Call {
            took_us: 7,
            by: Some(Answerer {
                worker: 1,
                start: 2,
            }),
            failed: None,
        };
        let failed = What::Failed("no".to_owned());
        for what in [event, sight, call, What::Joined, failed] {
            let told = Told::now("n0", what);
            let line = serde_json::to_string(&told).expect("it is plain data");
            assert!(!line.contains('\n'));
            let heard: Told = serde_json::from_str(&line).expect("it was written above");
            assert_eq!(heard, told);
        }
    }
}
