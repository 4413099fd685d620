//! What an event costs with ten thousand members. Run with `--release -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpcnet_proto::swim::{
    Body, Config, Identity, Message, NodeName, Record, Standing, Statement, Swim, Tags, Time,
    Update, Verdict, Version, Vote,
};

const MEMBERS: u16 = 10_000;

fn name(n: u16) -> NodeName {
    NodeName::new(&format!("worker-{n}")).expect("the name is legal")
}

fn record(n: u16, incarnation: u64) -> Arc<Record> {
    let statement = Statement {
        name: name(n),
        version: Version {
            epoch: 1,
            incarnation,
        },
        standing: Standing::Here,
        address: ([10, 0, 0, 1], n).into(),
        tags: Tags::new(),
        tags_changed: 0,
        key: Bytes::new(),
    };
    Arc::new(Record::new(statement, Bytes::new()))
}

fn gossip(updates: Vec<Update>) -> Message {
    Message {
        body: Body::Gossip,
        updates,
    }
}

fn drain(swim: &mut Swim) {
    while swim.poll_transmit().is_some() {}
    while swim.poll_event().is_some() {}
}

fn measure(what: &str, events: u32, run: impl FnOnce()) {
    let began = Instant::now();
    run();
    println!("{what}: {:?} each", began.elapsed() / events);
}

#[test]
#[expect(
    clippy::ignore_without_reason,
    reason = "the module says what it is for"
)]
#[ignore]
fn the_cost_of_an_event_at_ten_thousand_members() {
    let mut now = Time::from_micros(1);
    let mut swim = Swim::new(
        now,
        Identity::new(name(0), 1, ([10, 0, 0, 1], 1).into()),
        Config::lan(),
        1,
    );
    let names: Vec<NodeName> = (0..=MEMBERS).map(name).collect();
    let records: Vec<_> = (0..=MEMBERS).map(|n| record(n, 0)).collect();
    measure("admit a member", u32::from(MEMBERS), || {
        for record in &records[1..] {
            swim.handle_message(now, &names[1], gossip(vec![Update::Record(record.clone())]));
        }
        drain(&mut swim);
    });
    let newer: Vec<_> = (0..=MEMBERS).map(|n| record(n, 1)).collect();
    measure("take a newer record", u32::from(MEMBERS), || {
        for record in &newer[1..] {
            swim.handle_message(now, &names[1], gossip(vec![Update::Record(record.clone())]));
        }
        drain(&mut swim);
    });
    measure("a stale record", u32::from(MEMBERS), || {
        for record in &records[1..] {
            swim.handle_message(now, &names[1], gossip(vec![Update::Record(record.clone())]));
        }
        drain(&mut swim);
    });
    for _ in 0..4_000 {
        now = now + Duration::from_millis(100);
        swim.handle_timeout(now);
        drain(&mut swim);
        for name in &names[1..] {
            swim.handle_reachable(now, name);
        }
    }
    println!("updates left: {}", swim.updates_pending());
    measure("answer a ping", 1_000_000, || {
        for n in 0..1_000_000_u32 {
            let from = &names[1 + n as usize % usize::from(MEMBERS)];
            let body = Body::Ping {
                nonce: u64::from(n),
                on_stream: false,
            };
            swim.handle_message(now, from, Message::new(body));
            while swim.poll_transmit().is_some() {}
        }
    });
    measure("suspect and clear a member", u32::from(MEMBERS), || {
        for n in 1..=MEMBERS {
            let member = swim.member(&names[usize::from(n)]).expect("known");
            let version = member.version();
            let vote = Vote {
                name: names[usize::from(n)].clone(),
                version,
                verdict: Verdict::Suspect,
                reporter: names[usize::from(if n == 1 { 2 } else { 1 })].clone(),
            };
            swim.handle_message(now, &names[2], gossip(vec![Update::Vote(vote.into())]));
            let newer = record(n, version.incarnation + 1);
            swim.handle_message(now, &names[2], gossip(vec![Update::Record(newer)]));
        }
        drain(&mut swim);
    });
}
