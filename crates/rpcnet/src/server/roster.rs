//! [`Roster`]: the connections of a server, for whoever looks at them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use super::connection::Connection;
use super::{RpcServer, Shared};
use crate::context::{CallContext, Peer};

/// The connections that are served, by number; later ones have greater numbers.
///
/// Written once when a connection comes and once when it goes: calls do not touch it.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    served: BTreeMap<u64, Weak<Connection>>,
}

impl Roster {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> Vec<(u64, Arc<Connection>)> {
        let entries = self.entries();
        let served = entries.served.iter().filter_map(|(number, connection)| {
            let connection = connection.upgrade()?;
            Some((*number, connection))
        });
        served.collect()
    }
}

/// A connection's entry in the roster, which goes with it.
#[derive(Debug)]
pub(super) struct Listed {
    shared: Arc<Shared>,
    number: u64,
}

impl Listed {
    pub(super) fn new(shared: Arc<Shared>, connection: &Arc<Connection>) -> Self {
        let mut entries = shared.roster.entries();
        let number = entries.next;
        entries.next += 1;
        entries.served.insert(number, Arc::downgrade(connection));
        drop(entries);
        Self { shared, number }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.roster.entries().served.remove(&self.number);
    }
}

/// A connection, as it was when somebody looked.
#[derive(Debug)]
pub(crate) struct ConnectionSeen {
    pub(crate) number: u64,
    pub(crate) peer: Arc<Peer>,
    pub(crate) since: Instant,
    /// How many of its calls run.
    pub(crate) running: usize,
}

/// The connections and the calls of one moment.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// In the order in which they came.
    pub(crate) connections: Vec<ConnectionSeen>,
    /// Calls that run, in no order.
    pub(crate) calls: Vec<CallContext>,
}

impl RpcServer {
    /// Looks at up to so many connections, and at up to so many of the calls of all of them.
    pub(crate) fn see(&self, connections_max: usize, calls_max: usize) -> Seen {
        let served = self.shared.roster.served();
        let mut seen = Seen::default();
        for (number, connection) in served {
            if seen.calls.len() < calls_max {
                connection.calls.see(&mut seen.calls, calls_max);
            }
            if seen.connections.len() < connections_max {
                seen.connections.push(ConnectionSeen {
                    number,
                    peer: connection.peer.clone(),
                    since: connection.since.into_std(),
                    running: connection.running(),
                });
            }
        }
        seen
    }
}
