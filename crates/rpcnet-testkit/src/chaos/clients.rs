//! The proxy's clients and the upstream port each of them appears from.

use super::config::Direction;
use super::random::Random;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// A bounded table from client address to upstream port.
#[derive(Debug)]
pub(super) struct ClientTable {
    clients: HashMap<SocketAddr, Client>,
    seed: u64,
    next_ordinal: u64,
}

/// One client address.
#[derive(Debug)]
pub(super) struct Client {
    /// The port the upstream sees this client at, once it has one.
    pub(super) port: Option<Port>,
    /// When a datagram last passed either way.
    pub(super) last_active: Duration,
    ordinal: u64,
    to_upstream: Random,
    to_client: Random,
}

/// A socket that faces the upstream; its reader ends with it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) socket: Arc<UdpSocket>,
    /// The count of rebindings it was opened under.
    pub(super) binding: u64,
    pub(super) reader: AbortHandle,
}

/// The table is full of clients that were heard of lately.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableFull;

impl ClientTable {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            clients: HashMap::new(),
            seed,
            next_ordinal: 0,
        }
    }

    /// Returns the client at `address`, admitting it if it is new.
    ///
    /// A full table gives up the client that was silent longest, if that was at least
    /// [`CLIENT_IDLE_MIN`].
    pub(super) fn admit(
        &mut self,
        address: SocketAddr,
        now: Duration,
    ) -> Result<&mut Client, TableFull> {
        if !self.clients.contains_key(&address) {
            self.make_room(now)?;
            let client = Client::new(self.seed, self.next_ordinal, now);
            self.next_ordinal += 1;
            self.clients.insert(address, client);
        }
        let client = self.clients.get_mut(&address).ok_or(TableFull)?;
        client.last_active = now;
        Ok(client)
    }

    /// Returns the client at `address`, if the table has it.
    pub(super) fn at(&mut self, address: SocketAddr) -> Option<&mut Client> {
        self.clients.get_mut(&address)
    }

    /// Starts every client's chances over, from `seed`.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        for client in self.clients.values_mut() {
            *client = Client {
                port: client.port.take(),
                ..Client::new(seed, client.ordinal, client.last_active)
            };
        }
    }

    /// Returns how many clients hold a port.
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    fn make_room(&mut self, now: Duration) -> Result<(), TableFull> {
        if self.clients.len() < CLIENTS_MAX {
            return Ok(());
        }
        let (&address, client) = self
            .clients
            .iter()
            .min_by_key(|(_, client)| client.last_active)
            .ok_or(TableFull)?;
        if now.saturating_sub(client.last_active) < CLIENT_IDLE_MIN {
            return Err(TableFull);
        }
        self.clients.remove(&address);
        Ok(())
    }
}

/// The most client addresses served at once. Each costs a file descriptor, and a process often may
/// open no more than 1,024.
const CLIENTS_MAX: usize = 512;

/// How long a client must have been silent before a newcomer may take its place.
const CLIENT_IDLE_MIN: Duration = Duration::from_secs(5);

impl Client {
    fn new(seed: u64, ordinal: u64, now: Duration) -> Self {
        Self {
            port: None,
            last_active: now,
            ordinal,
            to_upstream: Random::new(seed, 2 * ordinal),
            to_client: Random::new(seed, 2 * ordinal + 1),
        }
    }

    /// Returns the chances of this client's datagrams that travel in `direction`.
    ///
    /// Each client and direction has its own, so that how their datagrams interleave, which no seed
    /// rules, does not change what happens to them.
    pub(super) fn random(&mut self, direction: Direction) -> &mut Random {
        match direction {
            Direction::ToUpstream => &mut self.to_upstream,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_full_table_refuses_a_newcomer_while_all_are_active() {
        let mut table = full();
        let now = CLIENT_IDLE_MIN - Duration::from_nanos(1);
        assert_eq!(
            table.admit(address(CLIENTS_MAX), now).err(),
            Some(TableFull)
        );
        assert!(
            table.admit(address(0), now).is_ok(),
            "those inside stay served"
        );
        assert_eq!(table.len(), CLIENTS_MAX);
    }

    #[test]
    fn a_full_table_gives_up_the_client_silent_longest() {
        let mut table = full();
        let now = CLIENT_IDLE_MIN;
        for index in 1..CLIENTS_MAX {
            table.admit(address(index), now).expect("already inside");
        }
        table
            .admit(address(CLIENTS_MAX), now)
            .expect("client 0 makes room");
        assert!(table.at(address(0)).is_none());
        assert_eq!(table.len(), CLIENTS_MAX);
    }

    #[test]
    fn clients_and_directions_do_not_share_chances() {
        let mut table = ClientTable::new(3);
        let mut numbers = Vec::new();
        for index in 0..2 {
            for direction in [Direction::ToUpstream, Direction::ToClient] {
                let client = table.admit(address(index), Duration::ZERO).expect("room");
                numbers.push(client.random(direction).next_u64());
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4);
    }

    #[test]
    fn reseeding_starts_the_chances_over() {
        let mut table = ClientTable::new(3);
        let draw = |table: &mut ClientTable| {
            let client = table.admit(address(0), Duration::ZERO).expect("room");
            client.random(Direction::ToClient).next_u64()
        };
        let first = draw(&mut table);
        assert_ne!(draw(&mut table), first);
        table.reseed(3);
        assert_eq!(draw(&mut table), first);
        table.reseed(4);
        assert_ne!(draw(&mut table), first);
    }

    fn full() -> ClientTable {
        let mut table = ClientTable::new(0);
        for index in 0..CLIENTS_MAX {
            table.admit(address(index), Duration::ZERO).expect("room");
        }
        table
    }

    fn address(index: usize) -> SocketAddr {
        let port = u16::try_from(index + 1).expect("few clients");
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}
