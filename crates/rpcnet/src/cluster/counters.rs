//! [`ClusterCounters`]: what a membership did so far, in numbers.

use rpcnet_proto::swim::Counters as ProtocolCounters;

use super::links::LinkCounters;

/// What a membership did so far, and how much waits in it now.
///
/// Counts only grow, from zero at the start of the membership; those that end in
/// `pending`, `health_score` and [`LinkCounters::links`] say how things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterCounters {
    /// Probes, suspicions, refutations, records and votes.
    pub protocol: ProtocolCounters,
    /// Messages, bytes, dials and connections.
    pub links: LinkCounters,
    /// How unwell this node takes itself to be: 0 is healthy, 8 is the worst; it probes
    /// the slower and doubts others the longer.
    pub health_score: u32,
    /// News that are still to be spread.
    pub updates_pending: usize,
    /// Timers that are set.
    pub timers_pending: usize,
    /// Messages that have arrived and wait for their turn; at most 1,024.
    pub inbound_pending: usize,
    /// Commands of the application that wait for their turn; at most 64.
    pub commands_pending: usize,
    /// Records that were dropped because their proof does not verify, or because who sent
    /// them had brought so many of those within a second that no more were looked at.
    pub records_unproven: u64,
    /// Views that were shown.
    pub views: u64,
    /// Events that were told.
    pub events: u64,
    /// Events that were lost to subscribers that were too slow, over all subscribers.
    pub events_lost: u64,
    /// Snapshots that could not be written.
    pub snapshots_failed: u64,
}

/// The driver's part of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DriverCounters {
    pub(super) protocol: ProtocolCounters,
    pub(super) health_score: u32,
    pub(super) updates_pending: usize,
    pub(super) timers_pending: usize,
    pub(super) inbound_pending: usize,
    pub(super) commands_pending: usize,
    pub(super) records_unproven: u64,
    pub(super) views: u64,
    pub(super) snapshots_failed: u64,
}

impl ClusterCounters {
    pub(super) const fn new(
        (driver, events, events_lost): (DriverCounters, u64, u64),
        links: LinkCounters,
    ) -> Self {
        Self {
            protocol: driver.protocol,
            links,
            health_score: driver.health_score,
            updates_pending: driver.updates_pending,
            timers_pending: driver.timers_pending,
            inbound_pending: driver.inbound_pending,
            commands_pending: driver.commands_pending,
            records_unproven: driver.records_unproven,
            views: driver.views,
            events,
            events_lost,
            snapshots_failed: driver.snapshots_failed,
        }
    }
}
