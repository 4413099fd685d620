//! What the state machine tells, in the words of the application.

use rpcnet_proto::swim::{Event, LimitKind, NodeName, PartitionEvidence, Side};

use super::Driver;
use crate::cluster::event::ClusterEvent;
use crate::cluster::member::Member;

impl Driver {
    pub(super) fn on_event(&mut self, event: Event) {
        let with = match &event {
            Event::Joined { name } => Some((name, ClusterEvent::NodeJoined as Named)),
            Event::Left { name } => Some((name, ClusterEvent::NodeLeft as Named)),
            Event::Failed { name } => Some((name, ClusterEvent::NodeFailed as Named)),
            Event::Recovered { name } => Some((name, ClusterEvent::NodeRecovered as Named)),
            Event::Restarted { name } => Some((name, ClusterEvent::NodeRestarted as Named)),
            Event::Cleared { name } => Some((name, ClusterEvent::NodeCleared as Named)),
            _ => None,
        };
        if let Some((name, named)) = with {
            self.tell_of(name, named);
            return;
        }
        match event {
            Event::Updated { name } => self.tell_changes(&name),
            Event::Suspected { name, reporter } => {
                self.tell_of(&name, |member| ClusterEvent::NodeSuspected {
                    member,
                    reporter,
                });
            }
            Event::Refuted { incarnation } => self.tell(ClusterEvent::Refuted { incarnation }),
            Event::Conflict(conflict) => {
                self.table.refresh(&self.swim, &conflict.name);
                self.tell(ClusterEvent::NameConflict {
                    yields: conflict.yields,
                    name: conflict.name,
                });
            }
            Event::Prove { name, address } => self.links.prove(&name, address),
            Event::JoinedCluster { via } => {
                tracing::info!(via = %via, "joined the cluster");
                self.joining.answered(&mut self.replies);
            }
            Event::Departed => self.has_departed = true,
            Event::PartitionSuspected(evidence) => {
                self.on_partition(evidence);
                self.tell(ClusterEvent::PartitionSuspected(evidence));
            }
            Event::PartitionHealed(evidence) => {
                self.tell(ClusterEvent::PartitionHealed(evidence));
            }
            Event::LimitReached {
                limit: LimitKind::Members,
            } => self.tell(ClusterEvent::MembersFull),
            // Only what a newer core may add.
            _ => {}
        }
    }

    /// What a member changed about itself, one event for each.
    pub(super) fn tell_changes(&mut self, name: &NodeName) {
        let seen = self.table.refresh(&self.swim, name);
        let (Some(before), Some(member)) = (seen.before, seen.now) else {
            return;
        };
        if before.tags() != member.tags() {
            self.tell(ClusterEvent::NodeTagsUpdated {
                member: member.clone(),
                before: before.clone(),
            });
        }
        if before.address() != member.address() {
            self.tell(ClusterEvent::NodeMoved { member, before });
        }
    }

    fn tell_of(&mut self, name: &NodeName, event: impl FnOnce(Member) -> ClusterEvent) {
        let seen = self.table.refresh(&self.swim, name);
        if let Some(member) = seen.now.or(seen.before) {
            self.tell(event(member));
        }
    }

    fn tell(&mut self, event: ClusterEvent) {
        self.outbox.push(event);
    }

    fn on_partition(&mut self, evidence: PartitionEvidence) {
        if matches!(evidence.side, Side::Minority | Side::Tie) {
            self.minority.call(&self.tasks, self.swim.quorum());
        }
    }
}

type Named = fn(Member) -> ClusterEvent;
