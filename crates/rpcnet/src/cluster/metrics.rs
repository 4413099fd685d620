//! [`ClusterMetrics`]: what a membership has counted, for whoever asks.

use std::collections::BTreeMap;

use rpcnet_proto::swim::{Counters as ProtocolCounters, MemberState};
use serde::{Deserialize, Serialize};

use super::links::LinkCounters;
use super::membership::ClusterMembership;

/// What a [`ClusterMembership`] has counted since it was made, and how it stands now: the
/// [counters](ClusterMembership::counters) and the members, as plain data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterMetrics {
    /// This node's name.
    pub node: String,
    /// Members that take part, this node included.
    pub alive: u64,
    /// Members that somebody doubts.
    pub suspect: u64,
    /// Members that did not answer and are remembered.
    pub failed: u64,
    /// Members that left and are remembered.
    pub left: u64,
    /// How unwell this node takes itself to be: 0 is healthy, 8 is the worst.
    pub health_score: u32,
    /// Gossip links that are open.
    pub links: u64,
    /// Bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Bytes of the messages that arrived.
    pub bytes_received: u64,
    /// Records that were dropped because their proof does not verify.
    pub records_unproven: u64,
    /// Events that were lost to subscribers that were too slow.
    pub events_lost: u64,
    /// Snapshots that could not be written.
    pub snapshots_failed: u64,
    /// What waits now, by queue: `updates`, `timers`, `inbound`, `commands`.
    pub pending: BTreeMap<String, u64>,
    /// The numbers of [`ProtocolCounters`], by the names that they have there.
    pub protocol: BTreeMap<String, u64>,
    /// The numbers of [`LinkCounters`], by the names that they have there; the bytes and
    /// `links` are above.
    pub link_events: BTreeMap<String, u64>,
}

impl ClusterMembership {
    /// What this membership has counted so far, and how it stands now, as plain data.
    #[must_use]
    pub fn metrics(&self) -> ClusterMetrics {
        let counters = self.counters();
        let view = self.view();
        let in_state = |state| {
            let members = view.members().iter();
            members.filter(|member| member.state() == state).count() as u64
        };
        let pending = [
            ("updates", counters.updates_pending),
            ("timers", counters.timers_pending),
            ("inbound", counters.inbound_pending),
            ("commands", counters.commands_pending),
        ];
        ClusterMetrics {
            node: self.name().as_str().to_owned(),
            alive: in_state(MemberState::Alive),
            suspect: in_state(MemberState::Suspect),
            failed: in_state(MemberState::Failed),
            left: in_state(MemberState::Left),
            health_score: counters.health_score,
            links: counters.links.links as u64,
            bytes_sent: counters.links.bytes_sent,
            bytes_received: counters.links.bytes_received,
            records_unproven: counters.records_unproven,
            events_lost: counters.events_lost,
            snapshots_failed: counters.snapshots_failed,
            pending: pending
                .into_iter()
                .map(|(queue, waiting)| (queue.to_owned(), waiting as u64))
                .collect(),
            protocol: protocol(&counters.protocol),
            link_events: link_events(&counters.links),
        }
    }
}

macro_rules! by_name {
    ($from:ident: $($field:ident),* $(,)?) => {
        BTreeMap::from([$((stringify!($field).to_owned(), $from.$field),)*])
    };
}

fn protocol(counters: &ProtocolCounters) -> BTreeMap<String, u64> {
    by_name!(counters:
        probes, probes_swept, probes_failed, probes_indirect, relayed, nacks_missed, suspicions,
        cleared, failed, vetoed, refuted, pauses, syncs, syncs_served, records_accepted,
        records_stale, records_refused, votes_counted, votes_ignored, answers_ignored,
        transmits, transmits_dropped, events_dropped,
    )
}

fn link_events(counters: &LinkCounters) -> BTreeMap<String, u64> {
    by_name!(counters:
        messages_sent, messages_received, dropped_no_room, dropped_queue_full, dropped_no_way,
        dropped_dial_failed, dropped_wrong_name, dropped_stream, dials, dials_failed,
        dials_suppressed, links_evicted, streams_refused, malformed,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a struct of numbers, as its `Debug` has them.
    fn fields(shown: &str) -> Vec<&str> {
        let words = shown.split([' ', '{', ',']);
        words.filter_map(|word| word.strip_suffix(':')).collect()
    }

    #[test]
    fn no_counter_is_left_out() {
        let shown = format!("{:?}", ProtocolCounters::default());
        let told = protocol(&ProtocolCounters::default());
        for field in fields(&shown) {
            assert!(told.contains_key(field), "{field}");
        }
        assert_eq!(fields(&shown).len(), told.len());
        let shown = format!("{:?}", LinkCounters::default());
        let mut told = link_events(&LinkCounters::default());
        for above in ["links", "bytes_sent", "bytes_received"] {
            told.insert(above.to_owned(), 0);
        }
        for field in fields(&shown) {
            assert!(told.contains_key(field), "{field}");
        }
        assert_eq!(fields(&shown).len(), told.len());
    }
}
