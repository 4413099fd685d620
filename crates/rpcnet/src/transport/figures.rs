//! [`EndpointFigures`]: what goes over one socket, and how its connections stand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::metrics::{Spread, Total, TransportMetrics};

/// Counted by the events of one socket, nearly all of them on the one task that serves it.
#[derive(Debug, Default)]
pub(super) struct EndpointFigures {
    pub(super) sent: Traffic,
    pub(super) received: Traffic,
    pub(super) lost: Traffic,
    pub(super) dropped: Total,
    pub(super) congestions: Total,
    pub(super) handshakes_completed: Total,
    handshakes: Total,
    /// The connections there are, by the number of their handshake. Locked where one comes or
    /// goes, and where they are looked at.
    paths: Mutex<HashMap<u64, Arc<Path>>>,
}

/// How many of something there were, and their bytes.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    count: Total,
    bytes: Total,
}

impl Traffic {
    pub(super) fn one(&self, bytes: u16) {
        self.count.one();
        self.bytes.add(bytes.into());
    }
}

/// How one connection stands.
#[derive(Debug, Default)]
struct Path {
    rtt_us: AtomicU64,
    congestion_window: AtomicU64,
    bytes_in_flight: AtomicU64,
}

impl EndpointFigures {
    /// A connection comes.
    pub(super) fn begin(self: &Arc<Self>) -> PathFigures {
        let path = Arc::new(Path::default());
        let number = self.handshakes.one();
        self.paths().insert(number, path.clone());
        PathFigures {
            endpoint: self.clone(),
            number,
            path,
        }
    }

    pub(super) fn read(&self) -> TransportMetrics {
        let paths: Vec<Arc<Path>> = self.paths().values().cloned().collect();
        let spread = |of: fn(&Path) -> &AtomicU64| {
            let values = paths.iter().map(|path| of(path).load(Ordering::Relaxed));
            Spread::of(values.collect())
        };
        TransportMetrics {
            datagrams_sent: self.sent.count.get(),
            datagrams_received: self.received.count.get(),
            datagrams_dropped: self.dropped.get(),
            bytes_sent: self.sent.bytes.get(),
            bytes_received: self.received.bytes.get(),
            packets_lost: self.lost.count.get(),
            bytes_lost: self.lost.bytes.get(),
            congestions: self.congestions.get(),
            handshakes: self.handshakes.get(),
            handshakes_completed: self.handshakes_completed.get(),
            connections: paths.len() as u64,
            rtt_us: spread(|path| &path.rtt_us),
            congestion_window_bytes: spread(|path| &path.congestion_window),
            bytes_in_flight: spread(|path| &path.bytes_in_flight),
        }
    }

    fn paths(&self) -> MutexGuard<'_, HashMap<u64, Arc<Path>>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection among those of its socket, until it is dropped.
#[derive(Debug)]
pub(super) struct PathFigures {
    endpoint: Arc<EndpointFigures>,
    number: u64,
    path: Arc<Path>,
}

impl PathFigures {
    /// How it stands now.
    pub(super) fn note(&self, rtt: Duration, congestion_window: u32, bytes_in_flight: u32) {
        let rtt_us = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        self.path.rtt_us.store(rtt_us, Ordering::Relaxed);
        let (window, in_flight) = (congestion_window.into(), bytes_in_flight.into());
        self.path.congestion_window.store(window, Ordering::Relaxed);
        self.path
            .bytes_in_flight
            .store(in_flight, Ordering::Relaxed);
    }
}

impl Drop for PathFigures {
    fn drop(&mut self) {
        self.endpoint.paths().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_while_they_are_there_and_traffic_stays_counted() {
        let endpoint = Arc::new(EndpointFigures::default());
        let (near, far) = (endpoint.begin(), endpoint.begin());
        near.note(Duration::from_micros(90), 12_000, 0);
        far.note(Duration::from_millis(80), 60_000, 1_200);
        endpoint.sent.one(1_200);
        let read = endpoint.read();
        assert_eq!((read.connections, read.handshakes), (2, 2));
        assert_eq!((read.rtt_us.min, read.rtt_us.max), (90, 80_000));
        assert_eq!(read.congestion_window_bytes.sum, 72_000);
        assert_eq!(read.bytes_in_flight.max, 1_200);
        drop((near, far));
        let read = endpoint.read();
        assert_eq!((read.connections, read.rtt_us), (0, Spread::default()));
        assert_eq!((read.datagrams_sent, read.bytes_sent), (1, 1_200));
    }
}
