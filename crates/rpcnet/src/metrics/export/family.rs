//! [`FAMILIES`]: all that is exported, by name.

/// Numbers of one name, which differ in their labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Family {
    /// Its name, by the conventions of Prometheus.
    pub name: &'static str,
    /// What kind of numbers they are.
    pub kind: FamilyKind,
    /// The labels of each.
    pub labels: &'static [&'static str],
    /// What they say, in one sentence.
    pub help: &'static str,
}

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FamilyKind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// Durations in buckets.
    Histogram,
}

impl FamilyKind {
    /// Its name in the text format of Prometheus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($id:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        /// A family, by the position that it has among all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Id {
            $($id,)*
        }

        /// All that is exported, in this order.
        pub const FAMILIES: &[Family] = &[
            $(Family {
                name: $name,
                kind: FamilyKind::$kind,
                labels: &[$($label),*],
                help: $help,
            },)*
        ];
    };
}

impl Id {
    pub(super) const fn family(self) -> &'static Family {
        &FAMILIES[self as usize]
    }
}

families! {
    ServerStarted = "rpcnet_server_calls_started_total", Counter, ["server", "method"],
        "Calls that began, those that were refused included.";
    ServerCalls = "rpcnet_server_calls_total", Counter, ["server", "method", "code"],
        "Calls that ended, by how: ok, or the code of their status.";
    ServerInFlight = "rpcnet_server_calls_in_flight", Gauge, ["server", "method"],
        "Calls that began and have not ended.";
    ServerDuration = "rpcnet_server_call_duration_seconds", Histogram, ["server", "method"],
        "How long calls took from their header to the end of their answer, refused ones left out.";
    ServerRequestBytes = "rpcnet_server_request_bytes_total", Counter, ["server", "method"],
        "Bytes of the messages of requests.";
    ServerResponseBytes = "rpcnet_server_response_bytes_total", Counter, ["server", "method"],
        "Bytes of the messages of responses.";
    ServerRefusals = "rpcnet_server_refusals_total", Counter, ["server", "reason"],
        "Calls that were refused, by why.";
    ServerRunning = "rpcnet_server_running_calls", Gauge, ["server"],
        "Calls that have a place.";
    ServerRunningLimit = "rpcnet_server_running_calls_limit", Gauge, ["server"],
        "The most calls that may have a place.";
    ServerUtilization = "rpcnet_server_utilization_ratio", Gauge, ["server"],
        "How busy the server says it is: 1 is full.";
    ServerDraining = "rpcnet_server_draining", Gauge, ["server"],
        "1 while the server is shutting down and refuses calls.";
    ServerConnections = "rpcnet_server_connections", Gauge, ["server"],
        "Connections that are open.";
    ServerConnectionsLimit = "rpcnet_server_connections_limit", Gauge, ["server"],
        "The most connections that may be open.";
    ServerAccepted = "rpcnet_server_connections_accepted_total", Counter, ["server"],
        "Connections that were accepted.";
    ServerConnectionsRefused = "rpcnet_server_connections_refused_total", Counter, ["server"],
        "Connections that were refused: too many were open, or the server was shutting down.";
    ServerHandshakesFailed = "rpcnet_server_handshakes_failed_total", Counter, ["server"],
        "Handshakes that failed, because either side refused the other.";
    ServerHandshakesRetried = "rpcnet_server_handshakes_retried_total", Counter, ["server"],
        "Handshakes that were answered with Retry, because too many were in flight.";

    ClientStarted = "rpcnet_client_calls_started_total", Counter, ["client", "method"],
        "Calls that began.";
    ClientCalls = "rpcnet_client_calls_total", Counter, ["client", "method", "code"],
        "Calls that ended, by how: ok, or the code that says most about the error.";
    ClientInFlight = "rpcnet_client_calls_in_flight", Gauge, ["client", "method"],
        "Calls that began and have not ended.";
    ClientDuration = "rpcnet_client_call_duration_seconds", Histogram, ["client", "method"],
        "How long calls took until their answer was there, waiting and further attempts included.";
    ClientRequestBytes = "rpcnet_client_request_bytes_total", Counter, ["client", "method"],
        "Bytes of the messages of requests.";
    ClientResponseBytes = "rpcnet_client_response_bytes_total", Counter, ["client", "method"],
        "Bytes of the messages of responses.";
    ClientRetries = "rpcnet_client_retries_total", Counter, ["client"],
        "Attempts beyond the first of their call, hedges left out.";
    ClientQueued = "rpcnet_client_queued_calls", Gauge, ["client"],
        "Calls that wait to be sent together with others.";
    ClientConnections = "rpcnet_client_connections", Gauge, ["client"],
        "Connections that are open.";
    ClientAttempts = "rpcnet_client_connection_attempts_total", Counter, ["client"],
        "Attempts to make a connection.";
    ClientMade = "rpcnet_client_connections_made_total", Counter, ["client"],
        "Connections that were made.";
    ClientGivenUp = "rpcnet_client_connections_given_up_total", Counter, ["client"],
        "Runs of attempts to connect that were given up.";

    TransportDatagramsSent = "rpcnet_transport_datagrams_sent_total", Counter, ["side", "endpoint"],
        "Datagrams that were sent.";
    TransportDatagramsReceived = "rpcnet_transport_datagrams_received_total", Counter, ["side", "endpoint"],
        "Datagrams of connections that arrived.";
    TransportDatagramsDropped = "rpcnet_transport_datagrams_dropped_total", Counter, ["side", "endpoint"],
        "Datagrams that arrived and were for nobody, or could not be read.";
    TransportBytesSent = "rpcnet_transport_sent_bytes_total", Counter, ["side", "endpoint"],
        "Bytes of datagrams that were sent.";
    TransportBytesReceived = "rpcnet_transport_received_bytes_total", Counter, ["side", "endpoint"],
        "Bytes of datagrams that arrived.";
    TransportPacketsLost = "rpcnet_transport_packets_lost_total", Counter, ["side", "endpoint"],
        "Packets that were sent and lost.";
    TransportBytesLost = "rpcnet_transport_lost_bytes_total", Counter, ["side", "endpoint"],
        "Bytes of packets that were sent and lost.";
    TransportCongestions = "rpcnet_transport_congestions_total", Counter, ["side", "endpoint"],
        "Times that a connection found the network congested.";
    TransportHandshakes = "rpcnet_transport_handshakes_total", Counter, ["side", "endpoint"],
        "Handshakes that began.";
    TransportHandshakesCompleted = "rpcnet_transport_handshakes_completed_total", Counter, ["side", "endpoint"],
        "Handshakes that were completed.";
    TransportConnections = "rpcnet_transport_connections", Gauge, ["side", "endpoint"],
        "Connections that are being made or are open.";
    TransportRtt = "rpcnet_transport_rtt_seconds", Gauge, ["side", "endpoint", "quantile"],
        "Smoothed round trips of these connections: the smallest, the median, 99 %, the largest.";
    TransportWindow = "rpcnet_transport_congestion_window_bytes", Gauge, ["side", "endpoint", "quantile"],
        "Congestion windows of these connections: the smallest, the median, 99 %, the largest.";
    TransportInFlight = "rpcnet_transport_in_flight_bytes", Gauge, ["side", "endpoint", "quantile"],
        "Bytes under way on these connections: the smallest, the median, 99 %, the largest.";

    ClusterClientAttempts = "rpcnet_cluster_client_attempts_total", Counter, ["client"],
        "Times that a call was sent to a worker, or was to be.";
    ClusterClientFailovers = "rpcnet_cluster_client_failovers_total", Counter, ["client"],
        "Calls that succeeded at another worker than their first.";
    ClusterClientHedges = "rpcnet_cluster_client_hedges_total", Counter, ["client"],
        "Second attempts beside a first that was slow.";
    ClusterClientHedgesWon = "rpcnet_cluster_client_hedges_won_total", Counter, ["client"],
        "Hedges that answered first.";
    ClusterClientBudget = "rpcnet_cluster_client_retries_left_out_total", Counter, ["client"],
        "Retries that were left out because the budget was used up.";
    ClusterClientRefused = "rpcnet_cluster_client_attempts_refused_total", Counter, ["client"],
        "Attempts that their worker refused before any handler was entered.";
    ClusterClientNoWorker = "rpcnet_cluster_client_calls_without_worker_total", Counter, ["client"],
        "Calls that found no worker to go to.";
    ClusterClientEjections = "rpcnet_cluster_client_ejections_total", Counter, ["client"],
        "Times that a worker was left out for a while because calls to it failed.";
    WorkerReachable = "rpcnet_worker_reachable", Gauge, ["client", "worker"],
        "1 where nothing speaks against the worker's being in reach.";
    WorkerEjected = "rpcnet_worker_ejected", Gauge, ["client", "worker"],
        "1 while the worker is left out because calls to it failed.";
    WorkerDraining = "rpcnet_worker_draining", Gauge, ["client", "worker"],
        "1 where the worker has said that it will take no more calls soon.";
    WorkerInFlight = "rpcnet_worker_calls_in_flight", Gauge, ["client", "worker"],
        "Calls of this client's registry that are in flight on the worker.";
    WorkerCalls = "rpcnet_worker_calls_total", Counter, ["client", "worker"],
        "Calls that have ended on the worker since it started, however they did.";
    WorkerFailures = "rpcnet_worker_failures_total", Counter, ["client", "worker"],
        "Calls that failed in a way that speaks against the worker.";
    WorkerLatency = "rpcnet_worker_latency_seconds", Gauge, ["client", "worker"],
        "How long calls to the worker take, in a mean that counts peaks at once.";
    WorkerUtilization = "rpcnet_worker_utilization_ratio", Gauge, ["client", "worker"],
        "How busy the worker said it is lately: 1 is full.";
    WorkerPhi = "rpcnet_worker_phi", Gauge, ["client", "worker"],
        "How unlikely the worker's present silence is: ten to the power of minus this.";

    ClusterMembers = "rpcnet_cluster_members", Gauge, ["node", "state"],
        "Members that this node knows, by state.";
    ClusterHealth = "rpcnet_cluster_health_score", Gauge, ["node"],
        "How unwell this node takes itself to be: 0 is healthy, 8 is the worst.";
    ClusterPending = "rpcnet_cluster_pending", Gauge, ["node", "queue"],
        "What waits in this membership now, by queue.";
    ClusterProtocol = "rpcnet_cluster_protocol_total", Counter, ["node", "event"],
        "Steps of the membership's protocol: probes, suspicions, refutations, records, votes.";
    ClusterLinks = "rpcnet_cluster_links", Gauge, ["node"],
        "Gossip links that are open.";
    ClusterLinkEvents = "rpcnet_cluster_links_total", Counter, ["node", "event"],
        "What became of messages, dials and links of the membership.";
    ClusterBytesSent = "rpcnet_cluster_sent_bytes_total", Counter, ["node"],
        "Bytes of the messages that the membership sent.";
    ClusterBytesReceived = "rpcnet_cluster_received_bytes_total", Counter, ["node"],
        "Bytes of the messages of the membership that arrived.";
    ClusterUnproven = "rpcnet_cluster_records_unproven_total", Counter, ["node"],
        "Records that were dropped because their proof does not verify.";
    ClusterEventsLost = "rpcnet_cluster_events_lost_total", Counter, ["node"],
        "Events that were lost to subscribers that were too slow.";
    ClusterSnapshotsFailed = "rpcnet_cluster_snapshots_failed_total", Counter, ["node"],
        "Snapshots that could not be written.";
    ClusterPhi = "rpcnet_cluster_phi", Gauge, ["node", "member"],
        "How unlikely the present silence of a watched member is: ten to the power of minus this.";
    ClusterReachable = "rpcnet_cluster_member_reachable", Gauge, ["node", "member"],
        "1 where nothing speaks against calling a watched member.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_occur_once() {
        let mut names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        for family in FAMILIES {
            let name = family.name;
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(
                name.starts_with("rpcnet_") && name.bytes().all(is_plain),
                "{name}"
            );
            let is_counter = family.kind == FamilyKind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(
                family.help.ends_with('.') && !family.help.contains('\n'),
                "{name}"
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAMILIES.len());
        assert_eq!(
            Id::ClusterReachable.family(),
            FAMILIES.last().expect("there are some")
        );
    }
}
