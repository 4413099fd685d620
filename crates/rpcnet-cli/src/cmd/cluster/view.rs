//! [`View`] and [`Event`]: what a node tells about its cluster, as the command reads it.

use std::collections::BTreeMap;

use rpcnet::cluster::{TagFilter, Tags};
use serde::Deserialize;
use serde_json::Value;

/// All members, as one node sees them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct View {
    #[serde(default)]
    pub(crate) cluster: String,
    /// Who says so.
    pub(crate) node: String,
    #[serde(default)]
    pub(crate) revision: u64,
    pub(crate) quorum: Option<Quorum>,
    pub(crate) members: Vec<Node>,
}

/// How much of the cluster the node has in reach.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quorum {
    pub(crate) known: u64,
    pub(crate) reachable: u64,
    #[serde(default)]
    pub(crate) suspects: u64,
    #[serde(default)]
    pub(crate) side: String,
    #[serde(default)]
    pub(crate) stable: bool,
}

/// One member.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) epoch: u64,
    #[serde(default)]
    pub(crate) incarnation: u64,
    #[serde(default, rename = "self")]
    pub(crate) is_self: bool,
}

/// Something that happened to the membership.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    /// Its name in the library, such as `NodeFailed`.
    #[serde(rename = "event")]
    pub(crate) kind: String,
    /// The member that it is about, if it is about one.
    pub(crate) member: Option<Node>,
    /// The member as it was.
    pub(crate) before: Option<Node>,
    /// Everything else that is said of it.
    #[serde(flatten)]
    pub(crate) details: BTreeMap<String, Value>,
}

impl Node {
    /// Whether it is alive or suspect.
    pub(crate) fn is_live(&self) -> bool {
        ["alive", "suspect"].contains(&self.state.as_str())
    }

    /// Whether its tags pass.
    pub(super) fn passes(&self, filter: &TagFilter) -> bool {
        let mut tags = Tags::new();
        for (key, value) in &self.tags {
            // What is no tag is no tag that a filter could name.
            let _ = tags.set(key, value);
        }
        filter.matches(&tags)
    }
}

impl Event {
    /// Whether it is about a member that passes, or passed before, or about none.
    pub(super) fn passes(&self, filter: &TagFilter) -> bool {
        let about: Vec<&Node> = self.member.iter().chain(&self.before).collect();
        about.is_empty() || about.iter().any(|node| node.passes(filter))
    }
}

/// Leaves only members that pass in a view that is passed on as JSON.
pub(super) fn retain_passing(view: &mut Value, filter: &TagFilter) {
    if let Some(members) = view.get_mut("members").and_then(Value::as_array_mut) {
        members.retain(|member| Node::deserialize(member).is_ok_and(|node| node.passes(filter)));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in super::super) fn view() -> Value {
        json!({
            "cluster": "demo", "node": "director", "revision": 7,
            "quorum": {"known": 2, "reachable": 2, "suspects": 0, "side": "Whole",
                       "side_expected": "Whole", "stable": true},
            "members": [
                {"name": "director", "address": "127.0.0.1:1", "state": "alive",
                 "tags": {"role": "director"}, "epoch": 1, "incarnation": 0, "self": true},
                {"name": "worker-1", "address": "127.0.0.1:2", "state": "failed",
                 "tags": {"role": "worker", "gpu": "a 100"}, "epoch": 2, "incarnation": 3,
                 "self": false},
            ],
        })
    }

    fn filter(text: &str) -> TagFilter {
        text.parse().expect("it is one")
    }

    #[test]
    fn a_view_is_read_and_filtered() {
        let mut value = view();
        let read: View = serde_json::from_value(value.clone()).expect("it is one");
        assert_eq!((read.node.as_str(), read.members.len()), ("director", 2));
        assert!(read.members[0].is_live() && !read.members[1].is_live());
        retain_passing(&mut value, &filter("role=worker"));
        let read: View = serde_json::from_value(value).expect("it is one still");
        assert_eq!(read.members.len(), 1);
        assert_eq!(read.members[0].name, "worker-1");
    }

    #[test]
    fn what_says_nothing_of_members_is_no_view() {
        for text in [
            "{}",
            "[]",
            r#"{"node": "a"}"#,
            r#"{"node": 1, "members": []}"#,
        ] {
            assert!(serde_json::from_str::<View>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_event_passes_with_the_member_it_is_about() {
        let member = &view()["members"][1];
        let event = |value| serde_json::from_value::<Event>(value).expect("it is one");
        let failed = event(json!({"event": "NodeFailed", "member": member}));
        assert!(failed.passes(&filter("gpu")));
        assert!(!failed.passes(&filter("!gpu")));
        let lagged = event(json!({"event": "Lagged", "missed": 3}));
        assert!(lagged.passes(&filter("gpu")));
        assert_eq!(lagged.details["missed"], 3);
    }
}
