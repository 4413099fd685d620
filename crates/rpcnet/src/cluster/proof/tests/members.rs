//! Who is let in, by name.

use super::*;

#[test]
fn a_policy_narrows_the_names() {
    let ca = Authority::root("ca");
    for (listed, admitted, refused) in [
        (
            &["worker-1"][..],
            &["worker-1"][..],
            &["worker-2", "worker-11", "worker"][..],
        ),
        (
            &["worker-*", "director"],
            &["worker-1", "worker-", "director"],
            &["worker", "director-1"],
        ),
        (&["*"], &["a", "worker-1"], &[]),
        (&["w*r", "**"], &[], &["wr", "worker", "a"]),
        (&[], &[], &["worker-1"]),
    ] {
        let policy = MemberPolicy::Names(listed.iter().map(|name| (*name).to_owned()).collect());
        let gate = ca.gate_with(&in_production().with_member_policy(policy));
        for (names, expected) in [(admitted, Ok(())), (refused, Err(NotAdmitted::Policy))] {
            for name in names {
                let node = ca.node(name);
                let answer = gate.admits(&node.identity(), &node.name);
                assert_eq!(answer, expected, "{name} with {listed:?}");
                let verifies = gate.verifies(&node.record(), now());
                assert_eq!(verifies, expected.is_ok(), "{name} with {listed:?}");
            }
        }
    }
}

#[test]
fn a_peer_is_admitted_under_its_own_names_only() {
    let ca = Authority::root("ca");
    let gate = ca.gate();
    let node = ca.node_with("worker-1", KeyPair::generate().unwrap(), |params| {
        params.subject_alt_names.push(dns("worker-1b"));
    });
    for (text, expected) in [
        ("worker-1", Ok(())),
        ("worker-1b", Ok(())),
        ("worker-2", Err(NotAdmitted::Name)),
        ("worker", Err(NotAdmitted::Name)),
    ] {
        assert_eq!(
            gate.admits(&node.identity(), &name(text)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_gate_without_a_ca_says_what_to_set() {
    let rpc = RpcConfig::new("absent.pem", "127.0.0.1:0");
    let error = Gate::new(&material(&rpc), &in_production()).unwrap_err();
    assert!(matches!(error, RpcError::ConfigError(_)));
    assert!(
        error.to_string().contains("RpcConfig::with_ca_path"),
        "{error}"
    );
    let error =
        Gate::new(&material(&rpc.with_ca_path("absent.pem")), &in_production()).unwrap_err();
    assert!(matches!(error, RpcError::TlsError(_)), "{error}");
}
