//! The proxy between real sockets.

use super::*;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

#[test]
fn datagrams_pass_untouched_both_ways() {
    let pair = Pair::start(ChaosConfig::default());
    for payload in [&b""[..], b"a", &[7; 1_472], &[8; 65_000]] {
        let seen_from = pair.up(payload);
        pair.down(payload, seen_from);
    }
    let stats = pair.proxy.stats();
    assert_eq!(stats.to_upstream.forwarded, 4);
    assert_eq!(stats.to_client.forwarded, 4);
    assert_eq!(stats.clients, 1);
}

#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let survivors = |seed| {
        let pair = Pair::start(ChaosConfig {
            seed,
            loss: 0.5,
            directions: Directions::Only(Direction::ToUpstream),
            ..ChaosConfig::default()
        });
        for index in 0..100_u8 {
            pair.client_sends(&[index]);
        }
        let stats = pair.settled(|stats| stats.to_upstream.received == 100);
        let survivors: Vec<u8> = (0..stats.to_upstream.forwarded)
            .map(|_| receive(&pair.upstream).0[0])
            .collect();
        survivors
    };
    let first = survivors(11);
    assert!((20..80).contains(&first.len()), "{} survived", first.len());
    assert_eq!(survivors(11), first);
    assert_ne!(survivors(12), first);
}

#[test]
fn every_datagram_is_accounted_for() {
    let pair = Pair::start(ChaosConfig {
        loss: 0.2,
        duplicate: 0.2,
        corrupt: 0.2,
        reorder: 0.2,
        reorder_hold: Duration::from_millis(1),
        delay: Duration::from_millis(2),
        jitter: Duration::from_millis(1),
        rate: Some(RateLimit {
            bytes_per_second: NonZeroU64::new(10_000).expect("ten thousand is not zero"),
            queue_bytes: 2_000,
        }),
        ..ChaosConfig::default()
    });
    for _ in 0..200 {
        pair.client_sends(&[0; 100]);
    }
    let up = pair
        .settled(|stats| stats.to_upstream.received == 200 && stats.held == 0)
        .to_upstream;
    assert_eq!(up.received + up.duplicated, up.forwarded + up.dropped());
    assert!(
        up.lost > 0 && up.duplicated > 0 && up.corrupted > 0 && up.reordered > 0,
        "{up:?}"
    );
    assert!(
        up.overflowed > 0,
        "20,000 bytes at once overflow a queue of 2,000: {up:?}"
    );
}

#[test]
fn corruption_flips_one_bit_and_spares_the_second_copy() {
    let pair = Pair::start(ChaosConfig {
        corrupt: 1.0,
        duplicate: 1.0,
        ..ChaosConfig::default()
    });
    pair.client_sends(&[0; 32]);
    let damaged = receive(&pair.upstream).0;
    assert_eq!(damaged.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    assert_eq!(receive(&pair.upstream).0, [0; 32]);
}

#[test]
fn a_delayed_datagram_is_never_early() {
    let delay = Duration::from_millis(30);
    let pair = Pair::start(ChaosConfig {
        delay,
        ..ChaosConfig::default()
    });
    let sent = Instant::now();
    pair.up(b"late");
    assert!(sent.elapsed() >= delay);
}

#[test]
fn a_delay_keeps_the_order_and_reordering_changes_it() {
    let order = |reorder| {
        let pair = Pair::start(ChaosConfig {
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(5),
            reorder,
            reorder_hold: Duration::from_millis(100),
            ..ChaosConfig::default()
        });
        for index in 0..50 {
            pair.client_sends(&[index]);
        }
        (0..50)
            .map(|_| receive(&pair.upstream).0[0])
            .collect::<Vec<u8>>()
    };
    assert!(order(0.0).is_sorted());
    assert!(!order(0.3).is_sorted());
}

#[test]
fn a_blackout_stops_both_ways_and_what_is_held() {
    let pair = Pair::start(ChaosConfig::default());
    let seen_from = pair.up(b"before");
    let delayed = ChaosConfig {
        delay: Duration::from_secs(60),
        ..ChaosConfig::default()
    };
    pair.proxy.set(delayed).expect("the configuration is valid");
    pair.client_sends(b"held");
    pair.settled(|stats| stats.held == 1);

    pair.proxy.blackout(true);
    pair.client_sends(b"dark");
    pair.upstream_sends(b"dark", seen_from);
    let stats = pair
        .settled(|stats| stats.to_upstream.blacked_out == 2 && stats.to_client.blacked_out == 1);
    assert_eq!(stats.to_upstream.forwarded, 1);

    pair.proxy.blackout(false);
    pair.proxy
        .set(ChaosConfig::default())
        .expect("the configuration is valid");
    let seen_from = pair.up(b"after");
    pair.down(b"after", seen_from);
}

#[test]
fn loss_in_one_direction_is_a_one_way_partition() {
    let pair = Pair::start(ChaosConfig {
        loss: 1.0,
        directions: Directions::Only(Direction::ToClient),
        ..ChaosConfig::default()
    });
    let seen_from = pair.up(b"heard");
    pair.upstream_sends(b"lost", seen_from);
    let stats = pair.settled(|stats| stats.to_client.received == 1);
    assert_eq!(stats.to_client.lost, 1);
    assert_eq!(stats.to_upstream.lost, 0);
}

#[test]
fn rebinding_changes_the_port_and_silences_the_old_one() {
    let pair = Pair::start(ChaosConfig::default());
    let before = pair.up(b"before");
    pair.proxy.rebind();
    pair.upstream_sends(b"to the old port", before);
    let after = pair.up(b"after");
    assert_ne!(before, after);
    pair.upstream_sends(b"to the old port", before);
    pair.down(b"to the new port", after);
}

#[test]
fn a_new_upstream_gets_what_comes_and_the_old_one_is_ignored() {
    let pair = Pair::start(ChaosConfig::default());
    let seen_from = pair.up(b"first");
    let second = socket();
    pair.proxy
        .set_upstream(second.local_addr().expect("it is bound"));
    pair.client_sends(b"second");
    assert_eq!(receive(&second), (b"second".to_vec(), seen_from));
    pair.upstream_sends(b"stale", seen_from);
    second
        .send_to(b"fresh", seen_from)
        .expect("loopback takes a datagram");
    assert_eq!(receive(&pair.client).0, b"fresh");
}

#[test]
fn clients_are_seen_at_ports_of_their_own() {
    let pair = Pair::start(ChaosConfig::default());
    let first = pair.up(b"first");
    let other = socket();
    other
        .send_to(b"other", pair.proxy.addr())
        .expect("loopback takes a datagram");
    let second = receive(&pair.upstream).1;
    assert_ne!(first, second);
    pair.upstream_sends(b"to other", second);
    assert_eq!(receive(&other).0, b"to other");
    pair.down(b"to first", first);
}

#[test]
fn a_configuration_out_of_range_is_refused_and_the_old_one_stays() {
    let pair = Pair::start(ChaosConfig::default());
    let wrong = ChaosConfig {
        loss: 2.0,
        ..ChaosConfig::default()
    };
    assert!(pair.proxy.set(wrong).is_err());
    assert!(ChaosProxy::start(pair.proxy.addr(), wrong).is_err());
    pair.up(b"still there");
}

#[test]
fn a_dropped_proxy_frees_its_port() {
    let pair = Pair::start(ChaosConfig::default());
    let addr = pair.proxy.addr();
    drop(pair);
    UdpSocket::bind(addr).expect("nobody holds the port");
}

/// A client and an upstream with a proxy between them.
struct Pair {
    client: UdpSocket,
    upstream: UdpSocket,
    proxy: ChaosProxy,
}

impl Pair {
    fn start(config: ChaosConfig) -> Self {
        let upstream = socket();
        let addr = upstream.local_addr().expect("it is bound");
        Self {
            client: socket(),
            upstream,
            proxy: ChaosProxy::start(addr, config).expect("the proxy starts"),
        }
    }

    fn client_sends(&self, payload: &[u8]) {
        let sent = self.client.send_to(payload, self.proxy.addr());
        assert_eq!(sent.expect("loopback takes a datagram"), payload.len());
    }

    fn upstream_sends(&self, payload: &[u8], to: SocketAddr) {
        let sent = self.upstream.send_to(payload, to);
        assert_eq!(sent.expect("loopback takes a datagram"), payload.len());
    }

    /// Sends to the upstream and returns where it was seen to come from.
    fn up(&self, payload: &[u8]) -> SocketAddr {
        self.client_sends(payload);
        let (received, from) = receive(&self.upstream);
        assert_eq!(received, payload);
        from
    }

    fn down(&self, payload: &[u8], to: SocketAddr) {
        self.upstream_sends(payload, to);
        let (received, from) = receive(&self.client);
        assert_eq!((received.as_slice(), from), (payload, self.proxy.addr()));
    }

    /// Waits until the counts are as claimed.
    fn settled(&self, claim: impl Fn(&ChaosStats) -> bool) -> ChaosStats {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.proxy.stats();
            if claim(&stats) {
                return stats;
            }
            assert!(Instant::now() < deadline, "never came true: {stats:?}");
            std::thread::yield_now();
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port is free");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("ten seconds is not zero");
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (len, from) = socket.recv_from(&mut buffer).expect("a datagram arrives");
    buffer.truncate(len);
    (buffer, from)
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);
