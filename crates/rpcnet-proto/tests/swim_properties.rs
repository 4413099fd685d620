//! What holds for every message and for every sequence of calls.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use rpcnet_proto::swim::{
    Body, Buckets, MemberState, Message, NodeName, Record, Row, Standing, Statement, Tags, Update,
    Verdict, Version, Vote,
};

mod swim_fuzz;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn messages_round_trip(message in any_message()) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        prop_assert_eq!(out.len(), message.encoded_len());
        prop_assert_eq!(Message::decode(out.freeze()), Ok(message));
    }

    #[test]
    fn every_prefix_of_a_message_is_an_error_and_never_a_panic(message in any_message()) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        let bytes = out.freeze();
        for cut in 0..bytes.len() {
            prop_assert!(Message::decode(bytes.slice(..cut)).is_err(), "cut at {}", cut);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(data in vec(any::<u8>(), 0..400)) {
        swim_fuzz::check_message(&data);
    }

    #[test]
    fn damaged_messages_never_panic(
        message in any_message(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        let at = at.index(out.len());
        out[at] = byte;
        swim_fuzz::check_message(&out);
    }

    #[test]
    fn any_sequence_of_operations_keeps_the_invariants(data in vec(any::<u8>(), 0..1500)) {
        swim_fuzz::check_operations(&data);
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    (any_body(), vec(any_update(), 0..4)).prop_map(|(body, updates)| Message { body, updates })
}

fn any_body() -> impl Strategy<Value = Body> {
    let rows = || vec(any_row(), 0..4);
    prop_oneof![
        Just(Body::Gossip),
        any::<(u64, bool)>().prop_map(|(nonce, on_stream)| Body::Ping { nonce, on_stream }),
        any::<u64>().prop_map(|nonce| Body::Ack { nonce }),
        any::<u64>().prop_map(|nonce| Body::Nack { nonce }),
        any::<u64>().prop_map(|nonce| Body::ForwardedAck { nonce }),
        (any::<u64>(), any_name()).prop_map(|(nonce, target)| Body::PingReq { nonce, target }),
        (any::<u64>(), any_record()).prop_map(|(nonce, record)| Body::Join { nonce, record }),
        (any::<u64>(), 0_u64..1 << 62, rows()).prop_map(|(nonce, parts, rows)| Body::JoinReply {
            nonce,
            rows,
            parts
        }),
        (any::<u64>(), 0_u32..=8, any::<u64>()).prop_map(|(nonce, shift, digest)| Body::Sync {
            nonce,
            digests: vec![digest; 1 << shift],
        }),
        (
            any::<u64>(),
            0_u64..1 << 62,
            vec(0_usize..256, 0..9),
            rows()
        )
            .prop_map(|(nonce, parts, buckets, rows)| {
                let mut differing = Buckets::default();
                buckets
                    .into_iter()
                    .for_each(|bucket| differing.insert(bucket));
                Body::SyncReply {
                    nonce,
                    differing,
                    rows,
                    parts,
                }
            }),
        (any::<u64>(), rows()).prop_map(|(nonce, rows)| Body::SyncPush { nonce, rows }),
    ]
}

fn any_update() -> impl Strategy<Value = Update> {
    let vote = (any_name(), any_version(), any::<bool>(), any_name());
    prop_oneof![
        any_record().prop_map(Update::Record),
        vote.prop_map(|(name, version, is_failed, reporter)| {
            let verdict = if is_failed {
                Verdict::Failed
            } else {
                Verdict::Suspect
            };
            Update::Vote(Arc::new(Vote {
                name,
                version,
                verdict,
                reporter,
            }))
        }),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let state = prop_oneof![
        Just(MemberState::Alive),
        Just(MemberState::Suspect),
        Just(MemberState::Failed),
        Just(MemberState::Left),
    ];
    (any_record(), state).prop_map(|(record, state)| Row { record, state })
}

fn any_record() -> impl Strategy<Value = Arc<Record>> {
    let tags = vec(("[a-z./_-]{1,9}", "[ -~é]{0,20}"), 0..5).prop_map(|entries| {
        let mut tags = Tags::new();
        for (key, value) in entries {
            tags.set(&key, &value).expect("the tag is legal");
        }
        tags
    });
    let address = any::<(bool, [u8; 16], u16)>().prop_map(|(is_v4, ip, port)| {
        let [a, b, c, d, ..] = ip;
        if is_v4 {
            ([a, b, c, d], port).into()
        } else {
            (ip, port).into()
        }
    });
    let rest = (
        any::<bool>(),
        any::<u64>(),
        vec(any::<u8>(), 0..70),
        vec(any::<u8>(), 0..70),
    );
    (any_name(), any_version(), address, tags, rest).prop_map(
        |(name, version, address, tags, (left, tags_changed, key, proof))| {
            let statement = Statement {
                name,
                version,
                standing: if left { Standing::Left } else { Standing::Here },
                address,
                tags,
                tags_changed,
                key: Bytes::from(key),
            };
            Arc::new(Record::new(statement, Bytes::from(proof)))
        },
    )
}

fn any_name() -> impl Strategy<Value = NodeName> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| NodeName::new(&text).expect("the name is legal"))
}

fn any_version() -> impl Strategy<Value = Version> {
    any::<(u64, u64)>().prop_map(|(epoch, incarnation)| Version { epoch, incarnation })
}
