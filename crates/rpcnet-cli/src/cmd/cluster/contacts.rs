//! [`Contacts`]: whom else to ask, where the node that is watched goes away.

use std::collections::VecDeque;

use super::view::{Event, Node, View};
use crate::cmd::access::Target;

/// Members that were seen alive, newest last.
#[derive(Debug, Default)]
pub(super) struct Contacts(VecDeque<(String, Target)>);

/// Members that are remembered; beyond, the one that was learnt first is forgotten.
const CONTACTS_MAX: usize = 64;

impl Contacts {
    /// Takes the live members of a view in place of what was known.
    pub(super) fn replace(&mut self, view: &View) {
        self.0.clear();
        for node in &view.members {
            if self.0.len() == CONTACTS_MAX {
                break;
            }
            self.learn(node);
        }
    }

    /// Follows a member that came, moved or went.
    pub(super) fn follow(&mut self, event: &Event) {
        if let Some(node) = &event.member {
            self.0.retain(|(name, _)| *name != node.name);
            self.learn(node);
        }
    }

    /// Everyone but who is at `lost`'s address.
    pub(super) fn others(&self, lost: &Target) -> impl Iterator<Item = Target> {
        let targets = self.0.iter().map(|(_, target)| target);
        targets
            .filter(|target| target.address() != lost.address())
            .cloned()
    }

    fn learn(&mut self, node: &Node) {
        let Ok(address) = node.address.parse() else {
            return;
        };
        if !node.is_live() {
            return;
        }
        if self.0.len() == CONTACTS_MAX {
            self.0.pop_front();
        }
        let target = Target::member(address, &node.name);
        self.0.push_back((node.name.clone(), target));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(number: usize, state: &str) -> serde_json::Value {
        json!({"name": format!("n{number}"), "address": format!("127.0.0.1:{}", number + 1),
               "state": state})
    }

    fn event(number: usize, state: &str) -> Event {
        let event = json!({"event": "NodeSomething", "member": node(number, state)});
        serde_json::from_value(event).expect("it is one")
    }

    fn ports(contacts: &Contacts, lost: u16) -> Vec<u16> {
        let lost = Target::member(([127, 0, 0, 1], lost).into(), "x");
        contacts
            .others(&lost)
            .map(|target| target.address().port())
            .collect()
    }

    #[test]
    fn live_members_are_remembered_and_gone_ones_are_not() {
        let mut contacts = Contacts::default();
        let members = [
            node(0, "alive"),
            node(1, "suspect"),
            node(2, "failed"),
            node(3, "left"),
        ];
        let view = json!({"node": "n0", "members": members});
        contacts.replace(&serde_json::from_value(view).expect("it is one"));
        assert_eq!(ports(&contacts, 1), [2]);
        contacts.follow(&event(4, "alive"));
        contacts.follow(&event(1, "failed"));
        assert_eq!(ports(&contacts, 1), [5]);
        assert_eq!(ports(&contacts, 9), [1, 5]);
    }

    #[test]
    fn beyond_the_limit_the_first_one_is_forgotten() {
        let mut contacts = Contacts::default();
        for number in 0..CONTACTS_MAX {
            contacts.follow(&event(number, "alive"));
        }
        assert_eq!(ports(&contacts, 0).len(), CONTACTS_MAX);
        contacts.follow(&event(CONTACTS_MAX, "alive"));
        let ports = ports(&contacts, 0);
        assert_eq!((ports.len(), ports[0]), (CONTACTS_MAX, 2));
    }
}
