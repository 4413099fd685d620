//! A member that speaks in the names of others moves, renames and removes none of them (D2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpcnet::cluster::MemberState;
use rpcnet_proto::swim::{
    Body, Message, NodeName, Record, Row, Standing, Statement, Tags, Update, Verdict, Version, Vote,
};

use super::arena::{Arena, HONEST, X, gossip, now, other_ca, raw};
use crate::cluster::nodes::Node;
use crate::pair::{eventually, soon};
use rpcnet_testkit::gossip::Forger;

/// How long an attack goes on.
const ATTACK: Duration = Duration::from_secs(5);

fn vote(name: &str, version: Version, verdict: Verdict, reporter: &str) -> Update {
    Update::Vote(Arc::new(Vote {
        name: NodeName::new(name).unwrap(),
        version,
        verdict,
        reporter: NodeName::new(reporter).unwrap(),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_in_everybodys_name_remove_nobody() {
    let mut arena = Arena::new().await;
    let first = HONEST.map(|name| arena.version_of(name));
    let began = Instant::now();
    let mut said = 0_u64;
    while began.elapsed() < ATTACK {
        let mut votes = Vec::new();
        for name in HONEST {
            for reporter in HONEST.into_iter().chain([X]) {
                for verdict in [Verdict::Suspect, Verdict::Failed] {
                    // Its present version, better known than any attacker could.
                    votes.push(vote(name, arena.version_of(name), verdict, reporter));
                }
            }
        }
        arena.insider.say_all(&gossip(votes)).await;
        said += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let lasted = began.elapsed();
    assert!(said > 50, "{said} messages in {lasted:?} are no attack");
    // M-20: one answer per gossip interval, which is 100 ms here.
    let answers_max = lasted.as_millis() as u64 / 100 + 10;
    for (name, first) in HONEST.into_iter().zip(first) {
        let last = arena.version_of(name);
        assert_eq!(last.epoch, first.epoch);
        let answers = last.incarnation - first.incarnation;
        assert!((1..=answers_max).contains(&answers), "{name}: {answers}");
    }
    for node in &arena.nodes {
        let protocol = node.membership.counters().protocol;
        assert!(protocol.refuted > 0 && protocol.failed == 0, "{protocol:?}");
        for name in HONEST {
            node.sees(name, MemberState::Alive).await;
        }
    }
    arena.assert_insider_is_a_member().await;
    arena.assert_unharmed().await;
    arena.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_their_member_did_not_sign_change_nothing() {
    let mut arena = Arena::new().await;
    let mut forged = Vec::new();
    for name in HONEST {
        forged.extend(forgeries(&arena, name));
    }
    assert_eq!(forged.len() % HONEST.len(), 0);
    let versions = HONEST.map(|name| arena.version_of(name));
    for record in &forged {
        for body in carriers(record) {
            arena.insider.say_all(&Message::new(body)).await;
        }
        let update = Update::Record(Arc::clone(record));
        arena.insider.say_all(&gossip(vec![update])).await;
    }
    // Rows are looked at wherever they come; a join has to be in the sender's own name.
    let looked_at = forged.len() as u64;
    for node in &arena.nodes {
        eventually("the forgeries were looked at", || {
            node.membership.counters().records_unproven >= looked_at
        })
        .await;
        assert_eq!(node.membership.counters().protocol.failed, 0);
    }
    for (name, version) in HONEST.into_iter().zip(versions) {
        let after = arena.version_of(name);
        assert_eq!(after.epoch, version.epoch);
        // Rows that call it failed are doubts, which it may answer.
        assert!(after.incarnation - version.incarnation < 100, "{after:?}");
    }
    arena.assert_insider_is_a_member().await;
    arena.assert_unharmed().await;
    arena.assert_serves().await;
}

/// Records in an honest node's name: whatever can be made without its key.
fn forgeries(arena: &Arena, name: &str) -> Vec<Arc<Record>> {
    let genuine = arena.newest_of(name);
    let statement = genuine.statement().clone();
    let Version { epoch, incarnation } = statement.version;
    let newer = |change: &dyn Fn(&mut Statement)| {
        let mut statement = statement.clone();
        statement.version.incarnation += 1;
        change(&mut statement);
        statement
    };
    let mut tags = Tags::new();
    tags.set("role", "director").unwrap();
    let x = arena.insider.addr();
    let claims = [
        newer(&|_| {}),
        newer(&|it| it.address = x),
        newer(&|it| it.tags = tags.clone()),
        newer(&|it| it.standing = Standing::Left),
        newer(&|it| it.version.incarnation = u64::MAX),
        newer(&|it| it.version = version(epoch + 1, 0)),
        newer(&|it| it.version = version(u64::MAX, u64::MAX)),
        newer(&|it| it.version = version(epoch, incarnation)),
        newer(&|it| {
            it.version = version(epoch, incarnation);
            it.standing = Standing::Left;
        }),
    ];
    let stranger = raw(&other_ca().node(&["localhost", name]).unwrap());
    let stranger = Forger::new(&stranger, super::arena::CLUSTER).unwrap();
    let mut forged = Vec::new();
    for claim in claims {
        let own_key = Statement {
            key: arena.insider.record().statement().key.clone(),
            ..claim.clone()
        };
        let strange_key = stranger.statement(name, claim.version, claim.address);
        if claim != statement {
            // Unsigned; with the proof of what it did say; signed by another, with its own
            // certificates or the victim's; with the name from another authority.
            forged.push(Arc::new(Record::new(claim.clone(), Bytes::new())));
            forged.push(Arc::new(Record::new(
                claim.clone(),
                genuine.proof().clone(),
            )));
            forged.push(arena.forger().sign(claim));
        }
        forged.push(arena.forger().sign(own_key));
        forged.push(stranger.sign(strange_key));
    }
    forged
}

const fn version(epoch: u64, incarnation: u64) -> Version {
    Version { epoch, incarnation }
}

/// Every other message that a record can be in.
fn carriers(record: &Arc<Record>) -> Vec<Body> {
    let rows = |state| {
        vec![Row {
            record: Arc::clone(record),
            state,
        }]
    };
    let mut bodies = vec![Body::Join {
        nonce: 1,
        record: Arc::clone(record),
    }];
    for state in [MemberState::Alive, MemberState::Failed, MemberState::Left] {
        bodies.push(Body::SyncPush {
            nonce: 2,
            rows: rows(state),
        });
        bodies.push(Body::JoinReply {
            nonce: 3,
            rows: rows(state),
            parts: 1,
        });
        bodies.push(Body::SyncReply {
            nonce: 4,
            differing: Default::default(),
            rows: rows(state),
            parts: 1,
        });
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_calls_gone_in_its_rows_stays() {
    let mut arena = Arena::new().await;
    let began = Instant::now();
    while began.elapsed() < ATTACK {
        let mut rows = Vec::new();
        for name in HONEST {
            for state in [MemberState::Suspect, MemberState::Failed, MemberState::Left] {
                rows.push(Row {
                    record: arena.newest_of(name),
                    state,
                });
            }
        }
        let push = Message::new(Body::SyncPush { nonce: 1, rows });
        arena.insider.say_all(&push).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    arena.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_takes_leave_or_other_names_takes_nobody_along() {
    let mut arena = Arena::new().await;
    // `localhost` is in every certificate here: a name that two nodes can show is whose it was.
    for name in HONEST {
        let rival = arena.forger().record(name, now(5), arena.insider.addr());
        arena
            .insider
            .say_all(&gossip(vec![Update::Record(rival)]))
            .await;
    }
    let left = arena.insider.restate(|own| own.standing = Standing::Left);
    arena
        .insider
        .say_all(&gossip(vec![Update::Record(left)]))
        .await;
    for node in &arena.nodes {
        node.sees(X, MemberState::Left).await;
    }
    arena.assert_unharmed().await;
    // And it is out: its votes no longer count.
    let before: Vec<u64> = arena.nodes.iter().map(suspicions).collect();
    for name in HONEST {
        let votes = vec![vote(name, arena.version_of(name), Verdict::Failed, X)];
        arena.insider.say_all(&gossip(votes)).await;
    }
    soon("the votes are dropped", async {
        for node in &arena.nodes {
            eventually("ignored", || {
                node.membership.counters().protocol.votes_ignored > 0
            })
            .await;
        }
    })
    .await;
    let after: Vec<u64> = arena.nodes.iter().map(suspicions).collect();
    assert_eq!(after, before);
    arena.assert_unharmed().await;
}

fn suspicions(node: &Node) -> u64 {
    node.membership.counters().protocol.suspicions
}
