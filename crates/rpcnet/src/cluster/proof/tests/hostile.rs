//! Keys and proofs that nobody made in good faith.

use proptest::prelude::*;

use super::*;
use crate::cluster::proof::chain::CERTIFICATES_MAX;
use crate::cluster::proof::holders::{Holder, Holders};
use crate::cluster::proof::public_key::PublicKey;
use crate::cluster::proof::roots;

/// A certificate of no use, another one each time.
fn unneeded(node: &Node) -> Vec<u8> {
    let params = CertificateParams::default();
    params.self_signed(&node.key).unwrap().der().to_vec()
}

fn with_key(node: &Node, key: impl Into<Bytes>) -> Record {
    let mut statement = node.statement();
    statement.key = key.into();
    node.sign(statement, CLUSTER)
}

#[test]
fn a_key_that_was_cut_verifies_nowhere() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let between = ca.below("between", |_| {});
    let mut node = between.node("worker-1");
    node.chain.push(between.der());
    let key = node.chain.concat();
    for end in 0..key.len() {
        let record = with_key(&node, key[..end].to_vec());
        assert!(!gate.verifies(&record, now()), "cut at {end}");
    }
    assert!(gate.verifies(&with_key(&node, key), now()));
}

#[test]
fn a_certificate_that_was_changed_verifies_nowhere() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let node = ca.node("worker-1");
    assert!(gate.verifies(&node.record(), now()));
    for position in 0..node.chain[0].len() {
        let mut key = node.chain[0].clone();
        key[position] ^= 0x11;
        assert!(
            !gate.verifies(&with_key(&node, key), now()),
            "byte {position}"
        );
    }
    assert_eq!(gate.holders_len(), 1);
}

/// Authorities of the CA's name that sign each other: every order of them would be a path to try.
#[test]
fn a_maze_of_certificates_leads_nowhere() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let mut above = Authority::root("ca");
    let mut maze = Vec::new();
    for _ in 1..CERTIFICATES_MAX {
        above = above.below("ca", |_| {});
        maze.push(above.der());
    }
    let mut node = above.node("worker-1");
    node.chain.extend(maze);
    assert_eq!(node.chain.len(), CERTIFICATES_MAX);
    assert!(node.chain.concat().len() <= Record::KEY_BYTES_MAX);
    let record = node.record();
    assert!(!gate.verifies(&record, now()));
    assert_eq!(gate.holders_len(), 0);
    let chain: Vec<&[u8]> = node.chain.iter().map(Vec::as_slice).collect();
    assert!(!roots::is_unambiguous(&chain));
    assert!(roots::is_unambiguous(&chain[..2]));
}

/// What does not verify is never kept, and pushes nobody out.
#[test]
fn bogus_keys_take_no_memory() {
    const BOGUS: u32 = 100_000;
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let honest = ca.node("worker-1");
    assert!(gate.verifies(&honest.record(), now()));
    // One looks wrong at once, the other only once a signature was verified, which takes longer.
    let impostors = ["cb", "ca"].map(|ca| Authority::root(ca).node("worker-1"));
    let proofs = impostors
        .each_ref()
        .map(|node| node.record().proof().clone());
    for count in 0..BOGUS {
        let which = usize::from(count % 100 == 0);
        let tail = match which {
            0 => [&[0x30, 4][..], &count.to_be_bytes()].concat(),
            _ => unneeded(&impostors[which]),
        };
        let mut statement = impostors[which].statement();
        statement.key = [&impostors[which].chain[0], &tail[..]].concat().into();
        let record = Record::new(statement, proofs[which].clone());
        assert!(!gate.verifies(&record, now()), "{count}");
    }
    assert_eq!(gate.holders_len(), 1);
    assert!(gate.verifies(&honest.record(), now()));
}

#[test]
fn holders_are_bounded_and_those_in_use_stay() {
    const CAPACITY: usize = 8;
    let ca = Authority::root("ca");
    let node = ca.node("worker-1");
    let leaf = roots::parse(&node.chain[0]).unwrap();
    let scratch = Scratch::new();
    let path = scratch.write("ca.pem", &ca.certificate.pem());
    let verified = roots::Roots::of(
        &path,
        &crate::transport::tls::CertificateFile::read(&path).unwrap(),
    )
    .unwrap()
    .verify(&[&node.chain[0]], now())
    .unwrap();
    let holder = std::sync::Arc::new(Holder {
        names: Box::default(),
        public_key: PublicKey::of(&leaf).unwrap(),
        validity: verified.validity,
    });
    let holders = Holders::new(CAPACITY);
    let digest = |count: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&count.to_be_bytes());
        digest
    };
    holders.insert(digest(0), &holder);
    for count in 1..1_000 {
        holders.insert(digest(count), &holder);
        assert!(holders.get(&digest(0), now()).is_some(), "after {count}");
        assert!(holders.get(&digest(count), now()).is_some());
        assert!(holders.len() <= CAPACITY, "after {count}");
    }
    assert!(holders.get(&digest(1), now()).is_none());
    assert!(holders.get(&digest(999), now() + 2 * HOUR).is_none());
}

/// A key of a verified chain and anything after it, as one member could send without end.
#[test]
fn the_gate_remembers_no_more_than_its_limit() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let node = ca.node("worker-1");
    let most = crate::cluster::proof::gate::HOLDERS_MAX;
    for count in 0..u32::try_from(most + most / 2 + 1).unwrap() {
        let key = [&node.chain[0][..], &unneeded(&node)].concat();
        assert!(gate.verifies(&with_key(&node, key), now()), "{count}");
        assert!(gate.holders_len() <= most);
    }
    assert!(gate.holders_len() >= most / 2);
}

proptest! {
    #[test]
    fn random_bytes_prove_nothing(
        key in proptest::collection::vec(any::<u8>(), 0..5_000),
        proof in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        thread_local! {
            static CA: (Gate, Node) = {
                let ca = Authority::root("ca");
                (ca.gate(), ca.node("worker-1"))
            };
        }
        CA.with(|(gate, node)| {
            let (key, proof) = (Bytes::from(key), Bytes::from(proof));
            let mut garbage = node.statement();
            garbage.key = key.clone();
            let mut appended = node.statement();
            appended.key = [&node.chain[0][..], &key].concat().into();
            for statement in [garbage, node.statement(), appended] {
                prop_assert!(!gate.verifies(&Record::new(statement, proof.clone()), now()));
            }
            let mut framed = node.statement();
            framed.key = [&[0x30, 0x82, 3, 0][..], &key[..key.len().min(0x300)]].concat().into();
            prop_assert!(!gate.verifies(&node.sign(framed, CLUSTER), now()));
            Ok(())
        })?;
    }
}
