//! M-6, M-40: what a proof proves.

use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};

use super::*;

fn keys() -> Vec<(&'static str, KeyPair)> {
    let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap();
    vec![
        (
            "P-256",
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        ),
        (
            "P-384",
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        ),
        ("Ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
        ("RSA-2048", rsa(RsaKeySize::_2048)),
        ("RSA-4096", rsa(RsaKeySize::_4096)),
    ]
}

/// M-40.
#[test]
fn records_of_every_kind_of_key_verify() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    for (kind, key) in keys() {
        let node = ca.node_with("worker-1", key, |_| {});
        let record = node.record();
        assert!(
            (1..=Record::PROOF_BYTES_MAX).contains(&record.proof().len()),
            "{kind}"
        );
        for _ in ["verified", "remembered"] {
            assert!(gate.verifies(&record, now()), "{kind}");
        }
        for position in [0, record.proof().len() / 2, record.proof().len() - 1] {
            let mut proof = record.proof().to_vec();
            proof[position] ^= 1;
            let forged = Record::new(node.statement(), proof.into());
            assert!(!gate.verifies(&forged, now()), "{kind}: byte {position}");
        }
    }
}

#[test]
fn a_record_says_what_was_signed_and_nothing_else() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let node = ca.node_with("worker-1", KeyPair::generate().unwrap(), |params| {
        params.subject_alt_names.push(dns("worker-2"));
    });
    let honest = node.record();
    assert!(gate.verifies(&honest, now()));
    let renewed = ca.node_with(
        "worker-1",
        KeyPair::from_pem(&node.key.serialize_pem()).unwrap(),
        |_| {},
    );

    type Change = Box<dyn Fn(&mut Statement)>;
    let changes: Vec<(&str, Change)> = vec![
        ("name", Box::new(|said| said.name = name("worker-2"))),
        ("epoch", Box::new(|said| said.version.epoch += 1)),
        (
            "incarnation",
            Box::new(|said| said.version.incarnation += 1),
        ),
        ("standing", Box::new(|said| said.standing = Standing::Left)),
        (
            "ip",
            Box::new(|said| said.address.set_ip([10, 0, 0, 2].into())),
        ),
        ("port", Box::new(|said| said.address.set_port(7001))),
        (
            "tag",
            Box::new(|said| assert_eq!(said.tags.set("role", "director"), Ok(true))),
        ),
        (
            "new tag",
            Box::new(|said| assert_eq!(said.tags.set("gpu", ""), Ok(true))),
        ),
        ("no tags", Box::new(|said| said.tags = Tags::new())),
        ("tags changed", Box::new(|said| said.tags_changed += 1)),
        // The same key pair in another certificate, which is good by itself.
        (
            "key",
            Box::new(move |said| said.key = renewed.chain.concat().into()),
        ),
    ];
    for (field, change) in changes {
        let mut statement = node.statement();
        change(&mut statement);
        assert_ne!(statement, node.statement(), "{field}");
        let signed_anew = node.sign(statement.clone(), CLUSTER);
        assert!(gate.verifies(&signed_anew, now()), "{field}");
        let forged = Record::new(statement, honest.proof().clone());
        assert!(!gate.verifies(&forged, now()), "{field}");
    }
}

#[test]
fn a_record_of_another_cluster_does_not_verify() {
    let ca = Authority::root("ca");
    let node = ca.node("worker-1");
    for other in ["staging", "productio", "Production", ""] {
        let record = node.sign(node.statement(), other);
        assert!(!ca.gate().verifies(&record, now()), "{other:?}");
    }
}

#[test]
fn a_proof_by_another_nodes_key_does_not_verify() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let (node, other) = (ca.node("worker-1"), ca.node("worker-2"));
    assert!(gate.verifies(&node.record(), now()));
    assert!(gate.verifies(&other.record(), now()));
    // The statement of one, with the other's signature; with the other's certificate too.
    let forged = other.sign(node.statement(), CLUSTER);
    assert!(!gate.verifies(&forged, now()));
    let mut statement = node.statement();
    statement.key = other.statement().key;
    assert!(!gate.verifies(&other.sign(statement, CLUSTER), now()));
    for proof in [
        Bytes::new(),
        Bytes::from_static(&[0; 64]),
        node.record().proof().slice(1..),
    ] {
        assert!(!gate.verifies(&Record::new(node.statement(), proof), now()));
    }
}

/// A certificate ends although it was verified before.
#[test]
fn a_remembered_certificate_ends_when_it_ends() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let record = ca.node("worker-1").record();
    for (at, expected) in [
        (now(), true),
        (now() + HOUR / 2, true),
        (now() + 2 * HOUR, false),
        (now() - 2 * HOUR, false),
        (now(), true),
        (SystemTime::UNIX_EPOCH - HOUR, false),
    ] {
        assert_eq!(gate.verifies(&record, at), expected, "{at:?}");
    }
}

#[test]
fn authorities_overlap_and_whom_one_has_vouched_for_goes_with_it() {
    let (old, new) = (Authority::root("old"), Authority::root("new"));
    let gate = old.gate();
    let (before, after) = (old.node("worker-1"), new.node("worker-1"));
    let believed = || [&before, &after].map(|node| gate.verifies(&node.record(), now()));
    assert_eq!(believed(), [true, false]);
    let scratch = Scratch::new();
    for (authorities, expected) in [
        (vec![&old, &new], [true, true]),
        (vec![&new], [false, true]),
        (vec![&old], [true, false]),
    ] {
        let bundle: String = authorities.iter().map(|ca| ca.certificate.pem()).collect();
        let ca = scratch.write("ca.pem", &bundle);
        let rpc = RpcConfig::new("absent.pem", "127.0.0.1:0").with_ca_path(ca);
        gate.renewed(&material(&rpc)).unwrap()();
        assert_eq!(believed(), expected);
    }
    scratch.write("ca.pem", "no certificate");
    let rpc =
        RpcConfig::new("absent.pem", "127.0.0.1:0").with_ca_path(scratch.0.path().join("ca.pem"));
    assert!(gate.renewed(&material(&rpc)).is_err());
    assert_eq!(believed(), [true, false]);
}
