//! A member that sends as much as it can does not make others wrong, deaf or large.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rpcnet::cluster::MemberState;
use rpcnet_proto::swim::{
    Body, MemberState as State, Message, NodeName, Record, Row, Update, Version,
};
use rpcnet_proto::wire::ErrorCode;
use rpcnet_testkit::gossip::{GossipPeer, hello, message};
use rpcnet_testkit::raw::{Pace, StreamEnd};

use super::arena::{Arena, CLUSTER, X, gossip, now, stolen};
use crate::pair::{eventually, soon};

/// How long a flood goes on before anything else happens.
const FLOOD: Duration = Duration::from_secs(3);

/// Time for one round of calls to all nodes, connections included, on a busy machine.
const CALLS: Duration = Duration::from_secs(30);

/// Messages of the flood that may wait at a node, and as many of each honest member.
const PENDING_MAX: usize = 5 * 16;

/// Time for the dead to be found while the flood goes on.
const FOUND: Duration = Duration::from_secs(30);

/// While these bytes come on every link as fast as they are taken, nobody is taken for failed who is
/// there, who is gone is found, and calls go on.
async fn outlast(mut arena: Arena, bytes: Vec<u8>) {
    let stop = Arc::<AtomicBool>::default();
    let bytes = Arc::new(bytes);
    let writing = async {
        let links = (0..arena.insider.links()).map(|link| {
            let (stop, bytes, insider) = (stop.clone(), bytes.clone(), &arena.insider);
            async move {
                let mut sent = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    if insider.write(link, &bytes).await.is_err() {
                        break;
                    }
                    sent += 1;
                }
                sent
            }
        });
        futures::future::join_all(links).await
    };
    let watching = async {
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        while began.elapsed() < FLOOD {
            let before = Instant::now();
            arena.assert_serves().await;
            slowest = slowest.max(before.elapsed());
            for node in &arena.nodes {
                let counters = node.membership.counters();
                // Of what waits, the flood has the share of one member, and no more.
                assert!(counters.inbound_pending <= PENDING_MAX, "{counters:?}");
            }
        }
        slowest
    };
    let slowest;
    let sent;
    {
        let watching = async {
            let slowest = watching.await;
            stop.store(true, Ordering::Relaxed);
            slowest
        };
        (sent, slowest) = tokio::join!(writing, watching);
    }
    assert!(sent.iter().sum::<u64>() > 100, "{sent:?} is no flood");
    assert!(slowest < CALLS, "a round of calls took {slowest:?}");
    arena.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_small_messages_makes_nobody_wrong() {
    let arena = Arena::patient().await;
    let ping = Message::new(Body::Ping {
        nonce: 1,
        on_stream: false,
    });
    let one = message(&ping);
    outlast(arena, one.repeat(200)).await;
}

/// Each costs a signature check before it is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unproven_records_makes_nobody_wrong() {
    let arena = Arena::patient().await;
    let version = Version {
        // Beyond whatever it says meanwhile, so that it is always news.
        incarnation: 1 << 40,
        ..arena.insider.record().version()
    };
    let statement = arena.forger().statement(X, version, arena.insider.addr());
    // Its own certificate, so that the chain is good, and the signature of something else.
    let forged = Arc::new(Record::new(
        statement,
        arena.insider.record().proof().clone(),
    ));
    let row = Row {
        record: forged,
        state: State::Alive,
    };
    let push = Message::new(Body::SyncPush {
        nonce: 1,
        rows: vec![row; 80],
    });
    assert!(push.encoded_len() <= 65_536, "{}", push.encoded_len());
    outlast(arena, message(&push).to_vec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_joins_and_comparisons_makes_nobody_wrong() {
    let arena = Arena::patient().await;
    let joining = Message::new(Body::Join {
        nonce: 1,
        record: arena.insider.record(),
    });
    let sync = Message::new(Body::Sync {
        nonce: 2,
        digests: vec![7; 256],
    });
    let asking = Message::new(Body::PingReq {
        nonce: 3,
        target: NodeName::new("b").unwrap(),
    });
    let all = [&message(&joining)[..], &message(&sync), &message(&asking)].concat();
    outlast(arena, all.repeat(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_member_is_found_while_another_floods() {
    let mut arena = Arena::patient().await;
    let version = Version {
        // Beyond whatever it says meanwhile, so that it is always news.
        incarnation: 1 << 40,
        ..arena.insider.record().version()
    };
    let statement = arena.forger().statement(X, version, arena.insider.addr());
    let forged = Arc::new(Record::new(
        statement,
        arena.insider.record().proof().clone(),
    ));
    let flood = message(&gossip(vec![Update::Record(forged); 80]));
    let dead = arena.nodes.pop().unwrap();
    dead.vanish().await;
    let flooding = async {
        loop {
            for link in 0..3 {
                let _ = arena.insider.write(link, &flood).await;
            }
        }
    };
    let found = async {
        for node in &arena.nodes {
            node.sees("d", MemberState::Failed).await;
        }
    };
    let found = tokio::time::timeout(FOUND, async {
        tokio::select! {
            () = found => {}
            () = flooding => {}
        }
    });
    assert!(found.await.is_ok(), "not found within {FOUND:?}");
    arena.assert_unharmed_but(&["d"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_never_say_who_they_are_are_few() {
    const STREAMS: usize = 90;
    let mut arena = Arena::patient().await;
    let ca = arena.cluster.ca().certificate_pem().to_owned();
    stolen(&arena.cluster, "a");
    let own = arena.cluster.ca().node(&["localhost", X]).unwrap();
    let own = super::arena::raw(&own);
    let node = arena.nodes[0].addr;
    let peer = GossipPeer::connect(node, &ca, Some(&own), "localhost");
    let peer = soon("a connection", peer).await.unwrap();
    let before = arena.nodes[0].membership.counters().links.streams_refused;
    let mut silent = Vec::new();
    for _ in 0..STREAMS {
        // A kind, and half of a HELLO.
        let half = &hello(CLUSTER, X, true)[..5];
        silent.push(peer.open(half).await.unwrap());
    }
    // Of one certificate 32 may be undecided; the others are refused at once.
    let refused = || arena.nodes[0].membership.counters().links.streams_refused - before;
    eventually("the rest is refused", || refused() >= (STREAMS - 32) as u64).await;
    arena.assert_serves().await;
    let mut ends = Vec::new();
    for stream in &mut silent {
        ends.push(soon("an end", stream.ended(Duration::from_secs(30))).await);
    }
    let with = |code: ErrorCode| {
        let end = StreamEnd::Reset(code.to_wire());
        ends.iter().filter(|it| **it == end).count()
    };
    assert_eq!(with(ErrorCode::Refused), STREAMS - 32, "{ends:?}");
    assert_eq!(with(ErrorCode::Stalled), 32, "{ends:?}");
    arena.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_or_broken_frame_costs_its_stream_and_a_drip_costs_nothing() {
    let mut arena = Arena::patient().await;
    let ca = arena.cluster.ca().certificate_pem().to_owned();
    let own = super::arena::raw(&arena.cluster.ca().node(&["localhost", X]).unwrap());
    let node = &arena.nodes[0];
    let peer = GossipPeer::connect(node.addr, &ca, Some(&own), "localhost");
    let peer = soon("a connection", peer).await.unwrap();
    let greeting = hello(CLUSTER, X, true);
    // A frame of a gibibyte; one just beyond the limit; no message; a second HELLO; a call's frame.
    let huge = [0xC0, 0, 0, 0, 0x40, 0, 0, 0, 0x21];
    let beyond = [0x80, 0x01, 0x00, 0x02, 0x21];
    let broken: [(&[u8], ErrorCode); 5] = [
        (&huge, ErrorCode::LimitExceeded),
        (&beyond, ErrorCode::LimitExceeded),
        (&[0x03, 0x21, 0xFF, 0xFF], ErrorCode::Protocol),
        (&greeting, ErrorCode::Protocol),
        (&[0x02, 0x02, 0x00], ErrorCode::Protocol),
    ];
    let before = node.membership.counters().links.malformed;
    for (bytes, code) in broken {
        let mut stream = peer.open(&[&greeting[..], bytes].concat()).await.unwrap();
        let end = soon("an end", stream.ended(Duration::from_secs(20))).await;
        // A half that has said something that was not acknowledged yet ends with it.
        let is_over = [StreamEnd::Fin, StreamEnd::Reset(code.to_wire())].contains(&end);
        assert!(is_over, "{bytes:?}: {end:?}");
    }
    eventually("each is counted", || {
        node.membership.counters().links.malformed == before + broken.len() as u64
    })
    .await;
    // Byte by byte, a message arrives like any other.
    let mut stream = peer.open(&greeting).await.unwrap();
    let nack = message(&Message::new(Body::Nack {
        nonce: now(0).epoch,
    }));
    let ignored = node.membership.counters().protocol.answers_ignored;
    let one = std::num::NonZeroUsize::MIN;
    stream
        .sender
        .write_in_pieces(&nack, one, Pace::Acknowledged)
        .await
        .unwrap();
    eventually("the drip arrives", || {
        node.membership.counters().protocol.answers_ignored > ignored
    })
    .await;
    arena.assert_serves().await;
    arena.assert_unharmed().await;
}
