//! The members and the workers, as this node sees them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::shown::Shown;
use crate::cluster::{ClusterCounters, ClusterMembership, ClusterView, Member, Worker};

/// Members that are shown, in the order of their names.
const MEMBERS_SHOWN_MAX: usize = 1_024;

/// Workers that are shown, in the order of their names.
const WORKERS_SHOWN_MAX: usize = 1_024;

#[derive(Debug, Serialize)]
pub(super) struct ClusterJson {
    node: String,
    revision: u64,
    quorum: QuorumJson,
    members: Shown<MemberJson>,
    /// Those of the registries of this process; none where it has no registry.
    workers: Shown<WorkerJson>,
    counters: CountersJson,
}

#[derive(Debug, Serialize)]
struct QuorumJson {
    known: usize,
    reachable: usize,
    suspects: usize,
    side: String,
    stable: bool,
}

#[derive(Debug, Serialize)]
struct MemberJson {
    name: String,
    address: String,
    state: String,
    tags: BTreeMap<String, String>,
    epoch: u64,
    incarnation: u64,
    #[serde(rename = "self")]
    is_self: bool,
    /// How unlikely its silence is, where this node watches it: 10 to the power of minus this.
    #[serde(skip_serializing_if = "Option::is_none")]
    phi: Option<f64>,
    reachable: bool,
}

#[derive(Debug, Serialize)]
struct WorkerJson {
    name: String,
    address: String,
    in_flight: usize,
    /// Calls of this process to it that have ended.
    calls: u64,
    failures: u64,
    reachable: bool,
    ejected: bool,
    draining: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    utilization: Option<f32>,
}

#[derive(Debug, Serialize)]
struct CountersJson {
    health_score: u32,
    updates_pending: usize,
    inbound_pending: usize,
    events_lost: u64,
    records_unproven: u64,
    probes: u64,
    probes_failed: u64,
    suspicions: u64,
    failed: u64,
    refuted: u64,
    links: usize,
    messages_sent: u64,
    messages_received: u64,
    dials: u64,
    dials_failed: u64,
}

impl ClusterJson {
    pub(super) fn new(membership: &ClusterMembership) -> Self {
        let view = membership.view();
        let workers = membership.observers().workers();
        Self {
            node: membership.name().to_string(),
            revision: view.revision(),
            quorum: QuorumJson::new(&view),
            members: members(membership, &view),
            workers: Shown::first(WORKERS_SHOWN_MAX, workers.iter().map(WorkerJson::new)),
            counters: CountersJson::new(&membership.counters()),
        }
    }
}

fn members(membership: &ClusterMembership, view: &ClusterView) -> Shown<MemberJson> {
    let reaches = membership.observers().reaches();
    let members = view.members().iter().map(|member| {
        let name = member.name().as_str();
        let watched = reaches
            .iter()
            .find_map(|reach| Some((reach.phi(name)?, reach.is_reachable(name))));
        MemberJson::new(member, watched)
    });
    Shown::first(MEMBERS_SHOWN_MAX, members)
}

impl QuorumJson {
    fn new(view: &ClusterView) -> Self {
        let quorum = view.quorum();
        Self {
            known: quorum.known,
            reachable: quorum.reachable,
            suspects: quorum.suspects,
            side: format!("{:?}", quorum.side),
            stable: quorum.stable,
        }
    }
}

impl MemberJson {
    fn new(member: &Member, watched: Option<(f64, bool)>) -> Self {
        let tags = member.tags().iter();
        Self {
            name: member.name().to_string(),
            address: member.address().to_string(),
            state: member.state().to_string(),
            tags: tags
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            epoch: member.epoch(),
            incarnation: member.incarnation(),
            is_self: member.is_self(),
            phi: watched.map(|(phi, _)| phi),
            reachable: watched.is_none_or(|(_, is_reachable)| is_reachable),
        }
    }
}

impl WorkerJson {
    fn new(worker: &Worker) -> Self {
        let micros = |latency: std::time::Duration| latency.as_micros();
        Self {
            name: worker.name().to_string(),
            address: worker.address().to_string(),
            in_flight: worker.in_flight(),
            calls: worker.calls(),
            failures: worker.failures(),
            reachable: worker.is_reachable(),
            ejected: worker.is_ejected(),
            draining: worker.is_draining(),
            latency_us: worker
                .latency()
                .map(|latency| u64::try_from(micros(latency)).unwrap_or(u64::MAX)),
            utilization: worker.utilization(),
        }
    }
}

impl CountersJson {
    fn new(counters: &ClusterCounters) -> Self {
        let (protocol, links) = (&counters.protocol, &counters.links);
        Self {
            health_score: counters.health_score,
            updates_pending: counters.updates_pending,
            inbound_pending: counters.inbound_pending,
            events_lost: counters.events_lost,
            records_unproven: counters.records_unproven,
            probes: protocol.probes,
            probes_failed: protocol.probes_failed,
            suspicions: protocol.suspicions,
            failed: protocol.failed,
            refuted: protocol.refuted,
            links: links.links,
            messages_sent: links.messages_sent,
            messages_received: links.messages_received,
            dials: links.dials,
            dials_failed: links.dials_failed,
        }
    }
}
