//! The times and numbers of the protocol.

use std::time::Duration;

use super::Limits;

/// How the core behaves. [`Config::lan`] suits one data centre.
///
/// All members of a cluster need the same `cluster`; the rest may differ.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The cluster's name: part of what a record's proof covers, so that one of
    /// another cluster proves nothing here. Default empty.
    pub cluster: String,
    /// The probe period *T*: one member is probed per period. LAN 500 ms.
    pub probe_interval: Duration,
    /// The least time to wait for a direct answer. LAN 50 ms.
    pub probe_timeout_min: Duration,
    /// The most time to wait for a direct answer, and the time until enough round
    /// trips were measured. LAN 300 ms.
    pub probe_timeout_max: Duration,
    /// Members that are asked to probe for this one, *k*. LAN 3.
    pub indirect_probes: usize,
    /// Multiplier *alpha* of the shortest suspicion. LAN 4.
    pub suspicion_multiplier: u32,
    /// Multiplier *beta* of the longest suspicion over the shortest. LAN 6.
    pub suspicion_max_multiplier: u32,
    /// How often updates are pushed. LAN 200 ms.
    pub gossip_interval: Duration,
    /// Members that updates are pushed to each time. LAN 3.
    pub gossip_fanout: usize,
    /// Multiplier of how often an update is sent. LAN 4.
    pub retransmit_multiplier: u32,
    /// How often a member's whole view is compared with another's, for up to 32
    /// members; more compare less often. LAN 30 s.
    pub sync_interval: Duration,
    /// The largest local health score *S*. LAN 8.
    pub awareness_max: u32,
    /// How often failed members are tried again. LAN 1 s.
    pub retry_interval: Duration,
    /// How often seeds are asked again, at first; it doubles up to 30 s. LAN 500 ms.
    pub join_interval: Duration,
    /// How long a leaving node spreads the word before it reports
    /// [`Event::Departed`](super::Event::Departed). LAN 1 s.
    pub leave_delay: Duration,
    /// The health multiplier, dynamic suspicion and the buddy system of Lifeguard,
    /// and what goes beyond it (M-21, M-22, the sweep of M-35). Off only to measure what they are
    /// worth. Default on.
    pub lifeguard: bool,
    /// The size of the cluster as its operator fixed it: makes the quorum view
    /// exact. `None` guesses from the members that are remembered. Default `None`.
    pub quorum_size: Option<usize>,
    /// Count only members with this tag in the quorum view. Default `None`: all.
    pub quorum_tag: Option<String>,
    /// What bounds memory and work.
    pub limits: Limits,
}

impl Config {
    /// For nodes on one machine.
    #[must_use]
    pub fn local() -> Self {
        Self {
            probe_interval: Duration::from_millis(250),
            probe_timeout_min: Duration::from_millis(20),
            probe_timeout_max: Duration::from_millis(100),
            indirect_probes: 1,
            suspicion_multiplier: 3,
            gossip_interval: Duration::from_millis(100),
            retransmit_multiplier: 2,
            sync_interval: Duration::from_secs(15),
            leave_delay: Duration::from_millis(500),
            ..Self::lan()
        }
    }

    /// For nodes in one data centre.
    #[must_use]
    pub fn lan() -> Self {
        Self {
            cluster: String::new(),
            probe_interval: Duration::from_millis(500),
            probe_timeout_min: Duration::from_millis(50),
            probe_timeout_max: Duration::from_millis(300),
            indirect_probes: 3,
            suspicion_multiplier: 4,
            suspicion_max_multiplier: 6,
            gossip_interval: Duration::from_millis(200),
            gossip_fanout: 3,
            retransmit_multiplier: 4,
            sync_interval: Duration::from_secs(30),
            awareness_max: 8,
            retry_interval: Duration::from_secs(1),
            join_interval: Duration::from_millis(500),
            leave_delay: Duration::from_secs(1),
            lifeguard: true,
            quorum_size: None,
            quorum_tag: None,
            limits: Limits::default(),
        }
    }

    /// For nodes that are continents apart.
    #[must_use]
    pub fn wan() -> Self {
        Self {
            probe_interval: Duration::from_secs(3),
            probe_timeout_min: Duration::from_millis(500),
            probe_timeout_max: Duration::from_millis(1_500),
            suspicion_multiplier: 6,
            gossip_interval: Duration::from_millis(500),
            gossip_fanout: 4,
            sync_interval: Duration::from_secs(60),
            retry_interval: Duration::from_secs(3),
            join_interval: Duration::from_secs(2),
            leave_delay: Duration::from_secs(3),
            ..Self::lan()
        }
    }

    /// The same with what cannot work brought into range: no interval below a
    /// millisecond (a timer that re-arms at once would spin), no timeout beyond
    /// its period.
    pub(super) fn checked(mut self) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        const MILLISECOND: Duration = Duration::from_millis(1);
        for interval in [
            &mut self.probe_interval,
            &mut self.gossip_interval,
            &mut self.sync_interval,
            &mut self.retry_interval,
            &mut self.join_interval,
            &mut self.leave_delay,
        ] {
            *interval = (*interval).clamp(MILLISECOND, HOUR);
        }
        self.probe_interval = self.probe_interval.max(4 * MILLISECOND);
        self.probe_timeout_max = self
            .probe_timeout_max
            .clamp(MILLISECOND, self.probe_interval * 3 / 4);
        self.probe_timeout_min = self
            .probe_timeout_min
            .clamp(MILLISECOND, self.probe_timeout_max);
        self.suspicion_multiplier = self.suspicion_multiplier.clamp(1, 100);
        self.suspicion_max_multiplier = self.suspicion_max_multiplier.clamp(1, 100);
        self.retransmit_multiplier = self.retransmit_multiplier.clamp(1, 100);
        self.indirect_probes = self.indirect_probes.min(16);
        self.gossip_fanout = self.gossip_fanout.clamp(1, 64);
        self.awareness_max = self.awareness_max.min(64);
        self.limits = self.limits.checked();
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::lan()
    }
}
