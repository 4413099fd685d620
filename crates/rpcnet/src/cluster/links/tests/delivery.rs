//! What arrives, what does not, and what is heard of it.

use rpcnet_proto::swim::Destination;

use super::node::{Rig, long, ping};
use super::{PATIENCE, in_time};
use crate::cluster::links::Sign;
use crate::cluster::links::shared::LINK_SILENCE_MAX as SILENCE;

#[tokio::test]
async fn two_nodes_talk_both_ways_over_one_link() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 1, false);
    b.expect_ping(&a.name, 1).await;
    assert_eq!(a.proven().await, (b.name.clone(), b.address));
    b.send(&a, 2, false);
    a.expect_ping(&b.name, 2).await;
    let answer = Destination::Sender(b.name.clone());
    a.links.send(&answer, &ping(3), false);
    b.expect_ping(&a.name, 3).await;
    let (of_a, of_b) = (a.links.counters(), b.links.counters());
    assert_eq!((of_a.dials, of_b.dials), (1, 0));
    assert_eq!((of_a.links, of_b.links), (1, 1));
    assert_eq!((of_a.messages_sent, of_b.messages_received), (2, 2));
    assert_eq!((of_b.messages_sent, of_a.messages_received), (1, 1));
}

#[tokio::test]
async fn a_long_message_arrives_whole_in_either_direction() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    let message = long(14);
    assert!(
        message.encoded_len() > 56 << 10,
        "{}",
        message.encoded_len()
    );
    a.links.send(&b.member(), &message, false);
    assert_eq!(b.message().await, (a.name.clone(), message.clone()));
    // Against the direction of the dial, on a stream that the accepting side opens.
    b.links.send(&a.member(), &message, true);
    assert_eq!(a.message().await, (b.name.clone(), message));
    assert_eq!(b.links.counters().dials, 0);
}

/// Each stream that carried a message gives its credit back; a member that was dialled
/// grants 32 at once.
#[tokio::test]
async fn thousands_of_messages_on_streams_of_their_own_leave_no_stream_behind() {
    const MESSAGES: u64 = 2_000;
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 0, true);
    b.expect_ping(&a.name, 0).await;
    for nonce in 1..=MESSAGES {
        a.send(&b, nonce, true);
        b.expect_ping(&a.name, nonce).await;
        b.links
            .send(&Destination::Sender(a.name.clone()), &ping(nonce), true);
        a.expect_ping(&b.name, nonce).await;
    }
    for node in [&a, &b] {
        let counters = node.links.counters();
        assert_eq!(counters.dropped_stream, 0, "{counters:?}");
        assert_eq!(counters.links, 1, "{counters:?}");
    }
    let dials = (a.links.counters().dials, b.links.counters().dials);
    assert_eq!(dials, (1, 0), "what arrives shows that the member is there");
}

#[tokio::test]
async fn a_beat_is_answered_with_its_nonce() {
    let rig = Rig::new();
    let (a, b) = (rig.node("a").await, rig.node("b").await);
    let mut signs = (a.links.signs(), b.links.signs());
    a.links.beat(&b.name, b.address, 7);
    let from = b.name.clone();
    let sign = in_time("an answer", signs.0.recv()).await;
    assert_eq!(sign, Ok(Sign::Answer { from, nonce: 7 }));
    let sign = in_time("the question", signs.1.recv()).await;
    assert_eq!(sign, Ok(Sign::Heard(a.name.clone())));
    b.links.beat(&a.name, a.address, u64::MAX);
    let (from, nonce) = (a.name.clone(), u64::MAX);
    let sign = in_time("an answer", signs.1.recv()).await;
    assert_eq!(sign, Ok(Sign::Answer { from, nonce }));
    assert_eq!(b.links.counters().dials, 0, "the link is there");
}

/// The membership of the receiver does not keep up: its stream is held back, the sender's
/// buffer fills, and what has no room is dropped.
#[tokio::test]
async fn what_has_no_room_is_dropped_and_counted() {
    let rig = Rig::new();
    let a = rig.node("a").await;
    let mut b = rig.node_with("b", |plan| plan.inbound = 1).await;
    a.send(&b, 0, false);
    b.expect_ping(&a.name, 0).await;
    let message = long(3);
    let began = tokio::time::Instant::now();
    while a.links.counters().dropped_no_room == 0 {
        assert!(began.elapsed() < PATIENCE, "{:?}", a.links.counters());
        a.links.send(&b.member(), &message, false);
        tokio::task::yield_now().await;
    }
    let sent = a.links.counters().messages_sent;
    assert!(sent < 1_000, "{sent} messages were taken in");
    assert_eq!(a.links.counters().links, 1, "the link lives on");
    // The receiver goes on: what was sent is there, and the link of use again.
    for _ in 1..sent {
        assert_eq!(b.message().await.1, message);
    }
    a.send(&b, 1, false);
    b.expect_ping(&a.name, 1).await;
}

#[tokio::test]
async fn what_was_sent_before_the_close_arrives() {
    let rig = Rig::new();
    let (a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 1, false);
    b.expect_ping(&a.name, 1).await;
    a.send(&b, 2, false);
    a.send(&b, 3, true);
    a.links.close();
    in_time("the end of the tasks", async {
        while a.tasks.len() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    for _ in 0..2 {
        assert_eq!(b.message().await.0, a.name);
    }
    b.counted("the link is gone", |it| it.links == 0).await;
    a.send(&b, 4, true);
    assert_eq!(a.links.counters().dropped_no_way, 1);
    assert_eq!(a.links.counters().dials, 1);
}

#[tokio::test]
async fn a_message_that_must_arrive_finds_a_member_that_was_silent() {
    let rig = Rig::new();
    let (a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 1, false);
    b.expect_ping(&a.name, 1).await;
    tokio::time::pause();
    tokio::time::advance(SILENCE + std::time::Duration::from_millis(1)).await;
    tokio::time::resume();
    a.send(&b, 2, false);
    b.expect_ping(&a.name, 2).await;
    assert_eq!(a.links.counters().dials, 1, "it may get lost");
    a.send(&b, 3, true);
    b.expect_ping(&a.name, 3).await;
    assert_eq!(a.links.counters().dials, 2);
    a.counted("both links are kept", |it| it.links == 2).await;
    a.send(&b, 4, true);
    b.expect_ping(&a.name, 4).await;
    assert_eq!(a.links.counters().dials, 2, "the fresh link is of use");
}
