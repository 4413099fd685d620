//! A member that says it is where a third party is draws hardly a datagram there (D4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcnet_proto::swim::Update;
use rpcnet_testkit::gossip::Insider;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::arena::{Arena, CLUSTER, HONEST, X, gossip, raw};
use crate::pair::eventually;

/// How long the attack goes on: less than the pause between two dials.
const ATTACK: Duration = Duration::from_secs(8);

/// A stranger's socket, and what comes there.
struct Victim {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    datagrams: u64,
    bytes: u64,
    /// The connections that somebody began, by sender.
    dials: BTreeMap<SocketAddr, BTreeSet<Vec<u8>>>,
}

impl Victim {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let noting = seen.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let mut seen = noting.lock().unwrap();
                seen.datagrams += 1;
                seen.bytes += len as u64;
                if let Some(id) = connection_id(&buffer[..len]) {
                    seen.dials.entry(from).or_default().insert(id);
                }
            }
        });
        Self { addr, seen, task }
    }

    fn dials(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.dials.values().map(BTreeSet::len).sum()
    }

    /// No node dialled more than once, and none sent more than the beginnings of a handshake.
    fn assert_spared(&self) {
        let seen = self.seen.lock().unwrap();
        for (from, dials) in &seen.dials {
            assert_eq!(dials.len(), 1, "{from} dialled again within {ATTACK:?}");
        }
        let dials = seen.dials.len() as u64;
        assert!(dials <= HONEST.len() as u64, "{dials}");
        // Padded Initials, sent again with growing pauses until the dial's 3 s are over.
        let per_dial = seen.bytes / dials.max(1);
        assert!(
            per_dial <= 16 << 10,
            "{per_dial} bytes in {} datagrams",
            seen.datagrams
        );
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The destination connection id of a long header (RFC 9000, 17.2): the dialler's choice, the same
/// in whatever it repeats.
fn connection_id(datagram: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = datagram.split_first()?;
    let len = usize::from(*rest.get(4)?);
    (first & 0x80 != 0).then(|| rest.get(5..5 + len).map(<[u8]>::to_vec))?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_at_a_strangers_address_draws_one_dial_of_each_node() {
    let mut arena = Arena::new().await;
    let victim = Victim::new().await;
    let identity = raw(&arena.cluster.ca().node(&["y"]).unwrap());
    let ca = arena.cluster.ca().certificate_pem().to_owned();
    let y = Insider::new("y", CLUSTER, &ca, &identity).unwrap();
    let end = tokio::time::Instant::now() + ATTACK;
    while tokio::time::Instant::now() < end {
        // Never heard, always news: everybody wants to know whether it is there.
        let record = y.restate(|own| own.address = victim.addr);
        arena
            .insider
            .say_all(&gossip(vec![Update::Record(record)]))
            .await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(victim.dials() > 0, "nobody looked: this shows nothing");
    victim.assert_spared();
    arena.assert_unharmed().await;
    arena.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_moves_to_strangers_stays_where_it_proved_to_be() {
    let mut arena = Arena::new().await;
    let mut victims = Vec::new();
    for _ in 0..20 {
        victims.push(Victim::new().await);
    }
    let home = arena.insider.addr();
    let end = tokio::time::Instant::now() + ATTACK;
    while tokio::time::Instant::now() < end {
        for victim in &victims {
            let record = arena.insider.restate(|own| own.address = victim.addr);
            arena
                .insider
                .say_all(&gossip(vec![Update::Record(record)]))
                .await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    eventually("somebody looks", || {
        victims.iter().any(|victim| victim.dials() > 0)
    })
    .await;
    // Twenty addresses and hundreds of claims: one dial of each node all the same.
    let dials: usize = victims.iter().map(Victim::dials).sum();
    assert!(dials <= HONEST.len(), "{dials} dials in {ATTACK:?}");
    for node in &arena.nodes {
        let view = node.membership.view();
        assert_eq!(view.get(X).unwrap().address(), home, "{}", node.name());
    }
    arena.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_moves_to_an_honest_one_is_not_taken_for_it() {
    let mut arena = Arena::new().await;
    let honest = arena.nodes[1].addr;
    let home = arena.insider.addr();
    let record = arena.insider.restate(|own| own.address = honest);
    arena
        .insider
        .say_all(&gossip(vec![Update::Record(record)]))
        .await;
    let node = &arena.nodes[0];
    eventually("the claim is known", || {
        node.membership.counters().protocol.records_accepted > 0
    })
    .await;
    // Time for the proof, which finds another one there.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for node in &arena.nodes {
        let view = node.membership.view();
        assert_eq!(view.get(X).unwrap().address(), home, "{}", node.name());
        assert_eq!(view.get("b").unwrap().address(), honest);
    }
    arena.assert_unharmed().await;
}
