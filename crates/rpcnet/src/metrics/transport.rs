//! [`TransportMetrics`]: the network under one socket.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What went over one socket since it was bound, and how its connections stand now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TransportMetrics {
    /// Datagrams that were sent.
    pub datagrams_sent: u64,
    /// Datagrams of connections that arrived.
    pub datagrams_received: u64,
    /// Datagrams that arrived and were not for anybody here, or could not be read.
    pub datagrams_dropped: u64,
    /// Bytes of datagrams that were sent, without the headers of UDP and IP.
    pub bytes_sent: u64,
    /// Bytes of datagrams that arrived.
    pub bytes_received: u64,
    /// Packets that were sent and lost, probes for larger packets left out.
    pub packets_lost: u64,
    /// Bytes of these.
    pub bytes_lost: u64,
    /// Times that a connection found the network congested.
    pub congestions: u64,
    /// Connections that began a handshake.
    pub handshakes: u64,
    /// Handshakes that were completed.
    pub handshakes_completed: u64,
    /// Connections that are being made or are open now, of which the spreads are.
    pub connections: u64,
    /// Smoothed round trips of these connections, in microseconds.
    pub rtt_us: Spread,
    /// Their congestion windows, in bytes.
    pub congestion_window_bytes: Spread,
    /// Their bytes under way, not yet acknowledged.
    pub bytes_in_flight: Spread,
}

/// How a figure of each connection is spread over all of them; zero where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spread {
    /// The smallest.
    pub min: u64,
    /// Half of them are no larger.
    pub p50: u64,
    /// 99 % of them are no larger.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// Their sum.
    pub sum: u64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let (Some(min), Some(max)) = (values.first(), values.last()) else {
            return Self::default();
        };
        let at = |share: usize| {
            let rank = (values.len() * share).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or(*max)
        };
        Self {
            min: *min,
            p50: at(50),
            p99: at(99),
            max: *max,
            sum: values.iter().sum(),
        }
    }
}

impl TransportMetrics {
    /// The share of datagrams sent that was lost, 0.0 to 1.0. A datagram has one packet but
    /// for those of handshakes.
    #[must_use]
    pub fn loss(&self) -> f64 {
        match self.datagrams_sent {
            0 => 0.0,
            sent => (self.packets_lost as f64 / sent as f64).min(1.0),
        }
    }

    /// The smoothed round trip that half of the connections have or are below; `None` where
    /// there is none.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        (self.rtt_us.p50 > 0).then(|| Duration::from_micros(self.rtt_us.p50))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_values_that_occur() {
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        let one = Spread::of(vec![7]);
        assert_eq!([one.min, one.p50, one.p99, one.max, one.sum], [7; 5]);
        let many = Spread::of((1..=200).rev().collect());
        assert_eq!([many.min, many.p50, many.p99, many.max], [1, 100, 198, 200]);
        assert_eq!(many.sum, 20_100);
    }
}
