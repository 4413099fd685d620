//! M-39: which certificates make members.

use rcgen::{GeneralSubtree, NameConstraints};

use super::*;

fn verifies(ca: &Authority, node: &Node) -> bool {
    ca.gate().verifies(&node.record(), now())
}

fn fresh() -> KeyPair {
    KeyPair::generate().unwrap()
}

/// M-39.
#[test]
fn a_certificate_of_another_ca_makes_no_member() {
    let ca = Authority::root("ca");
    // The same name, another key: what TLS calls a wrong CA as well.
    let impostor = Authority::root("ca");
    assert!(verifies(&ca, &ca.node("worker-1")));
    assert!(!verifies(&ca, &impostor.node("worker-1")));
    assert!(!verifies(&impostor, &ca.node("worker-1")));
}

#[test]
fn a_certificate_counts_within_its_dates_only() {
    let ca = Authority::root("ca");
    for (from, to, expected) in [
        (-2 * HOUR_S, -HOUR_S, false),
        (HOUR_S, 2 * HOUR_S, false),
        (-HOUR_S, HOUR_S, true),
    ] {
        let node = ca.node_with("worker-1", fresh(), |params| {
            (params.not_before, params.not_after) = (date(from), date(to));
        });
        assert_eq!(verifies(&ca, &node), expected, "{from} to {to}");
    }
}

#[test]
fn nothing_counts_under_a_root_that_has_ended() {
    let ca = Authority::root_with("ca", |params| {
        (params.not_before, params.not_after) = (date(-2 * HOUR_S), date(-HOUR_S));
    });
    assert!(!verifies(&ca, &ca.node("worker-1")));
}

#[test]
fn a_member_is_server_and_client() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let ca = Authority::root("ca");
    let gate = ca.gate();
    for (usages, expected) in [
        (vec![ServerAuth, ClientAuth], true),
        (vec![ClientAuth, CodeSigning, ServerAuth], true),
        (vec![], true),
        (vec![ServerAuth], false),
        (vec![ClientAuth], false),
        (vec![CodeSigning], false),
        (vec![Any], false),
    ] {
        let node = ca.node_with("worker-1", fresh(), |params| {
            params.extended_key_usages.clone_from(&usages);
        });
        assert_eq!(verifies(&ca, &node), expected, "{usages:?}");
        let admitted = gate.admits(&node.identity(), &node.name);
        assert_eq!(admitted.is_ok(), expected, "{usages:?}");
        assert!(expected || admitted == Err(NotAdmitted::Usage));
    }
}

#[test]
fn a_members_key_is_for_signatures() {
    use KeyUsagePurpose::{DigitalSignature, KeyAgreement, KeyEncipherment};
    let ca = Authority::root("ca");
    let gate = ca.gate();
    for (usages, expected) in [
        (vec![DigitalSignature, KeyEncipherment], true),
        (vec![], true),
        (vec![KeyEncipherment, KeyAgreement], false),
    ] {
        let node = ca.node_with("worker-1", fresh(), |params| {
            params.key_usages.clone_from(&usages);
        });
        assert_eq!(verifies(&ca, &node), expected, "{usages:?}");
        let admitted = gate.admits(&node.identity(), &node.name);
        assert_eq!(admitted.is_ok(), expected, "{usages:?}");
    }
}

#[test]
fn a_certificate_carries_the_name_byte_for_byte() {
    let ca = Authority::root("ca");
    for (names, expected) in [
        (vec!["worker-1"], true),
        (vec!["localhost", "worker-1"], true),
        (vec!["worker-2"], false),
        (vec!["Worker-1"], false),
        (vec!["worker-1.example.com"], false),
        (vec!["*"], false),
        (vec![], false),
    ] {
        let node = ca.node_with("worker-1", fresh(), |params| {
            params.subject_alt_names = names.iter().copied().map(dns).collect();
            // A common name is no name.
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, "worker-1");
        });
        assert_eq!(verifies(&ca, &node), expected, "{names:?}");
        let admitted = ca.gate().admits(&node.identity(), &node.name);
        assert_eq!(admitted.is_ok(), expected, "{names:?}");
        assert!(expected || admitted == Err(NotAdmitted::Name));
    }
    let address = ca.node_with("127.0.0.1", fresh(), |params| {
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    });
    assert!(!verifies(&ca, &address), "an address is no DNS name");
}

#[test]
fn the_certificates_between_are_carried_and_restrict() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let ca = Authority::root("ca");
    let chained = |above: &Authority| {
        let mut node = above.node("worker-1");
        node.chain.push(above.der());
        node
    };

    let plain = ca.below("between", |_| {});
    let mut node = chained(&plain);
    assert!(verifies(&ca, &node));
    node.chain.push(ca.der());
    assert!(verifies(&ca, &node), "with the root, which nobody needs");
    node.chain.truncate(1);
    assert!(!verifies(&ca, &node), "without what is between");

    let for_clients = ca.below("between", |params| {
        params.extended_key_usages = vec![ClientAuth];
    });
    assert!(!verifies(&ca, &chained(&for_clients)));
    let for_both = ca.below("between", |params| {
        params.extended_key_usages = vec![ClientAuth, ServerAuth];
    });
    assert!(verifies(&ca, &chained(&for_both)));
    let ended = ca.below("between", |params| {
        (params.not_before, params.not_after) = (date(-2 * HOUR_S), date(-HOUR_S));
    });
    assert!(!verifies(&ca, &chained(&ended)));

    for (permitted, expected) in [("worker-1", true), ("example.com", false)] {
        let constrained = ca.below("between", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName(permitted.to_owned())],
                excluded_subtrees: vec![],
            });
        });
        assert_eq!(
            verifies(&ca, &chained(&constrained)),
            expected,
            "{permitted}"
        );
    }
}

/// What is above ends first, so it decides when the chain is no longer remembered.
#[test]
fn a_remembered_chain_ends_with_the_first_of_its_certificates() {
    let ca = Authority::root("ca");
    let between = ca.below("between", |params| {
        (params.not_before, params.not_after) = (date(-HOUR_S), date(HOUR_S / 2));
    });
    let mut node = between.node("worker-1");
    node.chain.push(between.der());
    let (gate, record) = (ca.gate(), node.record());
    assert!(gate.verifies(&record, now()));
    assert!(!gate.verifies(&record, now() + HOUR * 3 / 4));
}

#[test]
fn an_authority_is_no_member_and_a_member_no_authority() {
    let ca = Authority::root("ca");
    let node = ca.node_with("worker-1", fresh(), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert!(!verifies(&ca, &node));

    let subject = |params: &mut CertificateParams| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "member");
    };
    let member = ca.node_with("worker-1", fresh(), subject);
    assert!(verifies(&ca, &member));
    let mut params = CertificateParams::default();
    subject(&mut params);
    let key = KeyPair::from_pem(&member.key.serialize_pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let certificate = CertificateParams::new(vec!["worker-2".to_owned()])
        .unwrap()
        .signed_by(&member.key, &issuer)
        .unwrap();
    let forged = Node {
        name: name("worker-2"),
        chain: vec![certificate.der().to_vec(), member.chain[0].clone()],
        ..member
    };
    assert!(!verifies(&ca, &forged));
}
