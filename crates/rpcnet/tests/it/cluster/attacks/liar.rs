//! A member that speaks for the dead does not keep them alive (D7).

use std::time::Duration;

use rpcnet::cluster::MemberState;
use rpcnet_proto::swim::{Body, Message};

use super::arena::Arena;
use crate::pair::soon;

/// Without a liar it takes some three seconds here; each lie that is drawn costs one more turn.
const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn forged_answers_do_not_keep_a_dead_member_alive() {
    let mut arena = Arena::new().await;
    arena.insider.lie_as_relay(true);
    let dead = arena.nodes.pop().unwrap();
    dead.vanish().await;
    let lying = async {
        let mut nonces: Vec<u64> = (0..50).collect();
        loop {
            // Every nonce that it heard of, and some that it guessed, from whoever it is.
            for heard in arena.insider.take_heard() {
                match heard.body {
                    Body::Ping { nonce, .. } | Body::PingReq { nonce, .. } => nonces.push(nonce),
                    _ => {}
                }
            }
            if nonces.len() > 500 {
                nonces.drain(..nonces.len() - 500);
            }
            for nonce in nonces.iter().copied() {
                for body in [
                    Body::Ack { nonce },
                    Body::ForwardedAck { nonce },
                    Body::Nack { nonce },
                ] {
                    arena.insider.say_all(&Message::new(body)).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = async {
        for node in &arena.nodes {
            node.sees("d", MemberState::Failed).await;
        }
    };
    let all = tokio::time::timeout(BOUND, async {
        tokio::select! {
            () = found => {}
            () = lying => {}
        }
    });
    assert!(all.await.is_ok(), "the dead one lives on after {BOUND:?}");
    for node in &arena.nodes {
        assert!(node.membership.counters().protocol.answers_ignored > 100);
    }
    soon("calls", arena.assert_serves()).await;
    arena.assert_unharmed_but(&["d"]).await;
}
