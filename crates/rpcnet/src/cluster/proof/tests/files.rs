//! What a node makes of its own files.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{PKCS_ECDSA_P521_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};

use super::*;

/// A member's files in a directory of their own.
struct Files {
    scratch: Scratch,
    rpc: RpcConfig,
}

impl Files {
    fn of(ca: &Authority, node: &Node) -> Self {
        Self::with_key(ca, node, &node.key.serialize_pem())
    }

    fn with_key(ca: &Authority, node: &Node, key: &str) -> Self {
        let scratch = Scratch::new();
        let certificate = scratch.write("node.pem", &node.certificates_pem());
        let rpc = RpcConfig::new(certificate, "127.0.0.1:0")
            .with_key_path(scratch.write("node-key.pem", key))
            .with_ca_path(scratch.write("ca.pem", &ca.certificate.pem()));
        Self { scratch, rpc }
    }

    fn load(&self) -> Result<Credentials, RpcError> {
        self.load_as(&in_production())
    }

    fn load_as(&self, config: &ClusterConfig) -> Result<Credentials, RpcError> {
        Credentials::new(&material(&self.rpc), config)
    }

    /// What is said about the files with a configuration.
    fn refusal(&self, config: &ClusterConfig) -> String {
        match self.load_as(config) {
            Err(error @ RpcError::ConfigError(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn works(ca: &Authority, credentials: &Credentials) -> bool {
    let statement = Statement {
        name: credentials.name.clone(),
        key: credentials.key.clone(),
        ..ca.node("unused").statement()
    };
    let bytes = Record::new(statement.clone(), Bytes::new()).signed_bytes(CLUSTER);
    let record = Record::new(statement, credentials.signer.sign(&bytes));
    ca.gate().verifies(&record, now())
}

#[test]
fn keys_are_read_in_every_usual_format() {
    let ca = Authority::root("ca");
    let ecdsa = ca.node("worker-1");
    let rsa_key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let rsa = ca.node_with("worker-1", rsa_key, |_| {});
    let ed25519 = ca.node_with(
        "worker-1",
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        |_| {},
    );

    let pkcs8 = ecdsa.key.serialize_der();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let sec1 = pem_block("EC PRIVATE KEY", sec1.as_ref());
    // As `openssl ecparam -genkey` writes it.
    let sec1 = pem_block("EC PARAMETERS", &[6, 8, 42, 134, 72, 206, 61, 3, 1, 7]) + &sec1;
    // PKCS#8 wraps it in 26 bytes.
    let pkcs1 = pem_block("RSA PRIVATE KEY", &rsa.key.serialize_der()[26..]);
    for (format, node, key) in [
        ("PKCS#8, ECDSA", &ecdsa, ecdsa.key.serialize_pem()),
        ("PKCS#8, RSA", &rsa, rsa.key.serialize_pem()),
        ("PKCS#8, Ed25519", &ed25519, ed25519.key.serialize_pem()),
        ("SEC 1", &ecdsa, sec1),
        ("PKCS#1", &rsa, pkcs1),
    ] {
        let loaded = Files::with_key(&ca, node, &key).load();
        let credentials = loaded.unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(credentials.name, node.name);
        assert!(works(&ca, &credentials), "{format}");
    }
}

#[test]
fn development_certificates_make_members() {
    let scratch = Scratch::new();
    let ca = crate::certs::DevCa::generate("development").unwrap();
    ca.write(scratch.0.path()).unwrap();
    let node = ca.node(&["localhost", "127.0.0.1", "worker-1"]).unwrap();
    node.write(scratch.0.path(), "node").unwrap();
    let path = |file: &str| scratch.0.path().join(file);
    let rpc = RpcConfig::new(path("node.pem"), "127.0.0.1:0")
        .with_key_path(path("node-key.pem"))
        .with_ca_path(path("ca.pem"));
    let credentials = Credentials::new(&material(&rpc), &in_production()).unwrap();
    assert_eq!(credentials.name, name("worker-1"));
    let localhost = in_production().with_node_name("localhost");
    let credentials = Credentials::new(&material(&rpc), &localhost).unwrap();
    assert_eq!(credentials.name, name("localhost"));
}

#[test]
fn a_record_carries_what_others_need_and_not_the_root() {
    let ca = Authority::root("ca");
    let between = ca.below("between", |_| {});
    let mut node = between.node("worker-1");
    node.chain.push(between.der());
    let needed = node.chain.concat();
    node.chain.push(ca.der());
    let credentials = Files::of(&ca, &node).load().unwrap();
    assert_eq!(credentials.key, needed);
    assert!(works(&ca, &credentials));
}

#[test]
fn the_name_is_the_first_that_can_be_one() {
    let ca = Authority::root("ca");
    let with = |names: &[&str]| {
        let node = ca.node_with("unused", KeyPair::generate().unwrap(), |params| {
            params.subject_alt_names = names.iter().copied().map(dns).collect();
        });
        Files::of(&ca, &node)
    };
    let files = with(&["localhost", "*.example.com", "worker-1", "worker-2"]);
    assert_eq!(files.load().unwrap().name, name("worker-1"));
    let set = in_production().with_node_name("worker-2");
    assert_eq!(files.load_as(&set).unwrap().name, name("worker-2"));

    let refusal = files.refusal(&in_production().with_node_name("worker-3"));
    for part in [
        "node.pem",
        "`worker-3`",
        "`worker-2`",
        "ClusterConfig::with_node_name",
    ] {
        assert!(refusal.contains(part), "{refusal}");
    }
    let refusal = with(&["localhost", "*.example.com"]).refusal(&in_production());
    assert!(
        refusal.contains("ClusterConfig::with_node_name"),
        "{refusal}"
    );
    let refusal = with(&["a\nb"]).refusal(&in_production());
    assert!(refusal.contains(r"`a\nb`"), "{refusal}");
    let many: Vec<String> = (0..100).map(|count| format!("*.{count}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refusal = with(&many).refusal(&in_production());
    assert!(refusal.contains("and 92 more"), "{refusal}");
}

#[test]
fn what_is_missing_is_named() {
    let ca = Authority::root("ca");
    let mut files = Files::of(&ca, &ca.node("worker-1"));
    files.rpc.key_path = None;
    assert!(
        files
            .refusal(&in_production())
            .contains("RpcConfig::with_key_path")
    );
    let mut files = Files::of(&ca, &ca.node("worker-1"));
    files.rpc.ca_path = None;
    assert!(
        files
            .refusal(&in_production())
            .contains("RpcConfig::with_ca_path")
    );
    let files = Files::of(&ca, &ca.node("worker-1"));
    std::fs::remove_file(files.scratch.0.path().join("node-key.pem")).unwrap();
    assert!(matches!(files.load(), Err(RpcError::TlsError(_))));
}

#[test]
fn a_key_of_another_certificate_is_not_used() {
    let ca = Authority::root("ca");
    let (node, other) = (ca.node("worker-1"), ca.node("worker-2"));
    let error = Files::with_key(&ca, &node, &other.key.serialize_pem())
        .load()
        .unwrap_err();
    let RpcError::TlsError(error) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(*error, crate::TlsError::KeyMismatch { .. }));
}

#[test]
fn a_certificate_that_no_other_member_would_accept_is_not_used() {
    let ca = Authority::root("ca");
    let changed = |change: fn(&mut CertificateParams)| {
        Files::of(
            &ca,
            &ca.node_with("worker-1", KeyPair::generate().unwrap(), change),
        )
    };
    let ended = changed(|params| {
        (params.not_before, params.not_after) = (date(-2 * HOUR_S), date(-HOUR_S));
    });
    let early = changed(|params| {
        (params.not_before, params.not_after) = (date(HOUR_S), date(2 * HOUR_S));
    });
    let server_only = changed(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let foreign = Files::of(&ca, &Authority::root("other").node("worker-1"));
    for (files, part) in [
        (ended, "expired"),
        (early, "not valid yet"),
        (server_only, "clientAuth"),
        (foreign, "RpcConfig::with_ca_path"),
    ] {
        let refusal = files.refusal(&in_production());
        assert!(
            refusal.contains(part) && refusal.contains("node.pem"),
            "{refusal}"
        );
    }
    let policy = MemberPolicy::Names(vec!["director".to_owned()]);
    let refusal =
        Files::of(&ca, &ca.node("worker-1")).refusal(&in_production().with_member_policy(policy));
    assert!(refusal.contains("MemberPolicy::Names"), "{refusal}");
}

#[test]
fn a_chain_that_no_record_can_carry_is_not_used() {
    let ca = Authority::root("ca");
    let between = |padding: usize| {
        ca.below("between", |params| {
            params
                .distinguished_name
                .push(rcgen::DnType::OrganizationName, "x".repeat(padding));
        })
    };
    let load = |padding: usize| {
        let above = between(padding);
        let mut node = above.node("worker-1");
        node.chain.push(above.der());
        (node.chain.concat().len(), Files::of(&ca, &node))
    };
    let (len, files) = load(1_200);
    assert!(len <= Record::KEY_BYTES_MAX);
    assert_eq!(files.load().unwrap().key.len(), len);
    let (len, files) = load(2_000);
    assert!(len > Record::KEY_BYTES_MAX);
    let refusal = files.refusal(&in_production());
    assert!(refusal.contains(&format!("{len} bytes")), "{refusal}");
}

#[test]
fn a_kind_of_key_that_signs_no_records_is_named() {
    let ca = Authority::root("ca");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA256).unwrap();
    let scratch = ca.node("worker-1");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![dns("worker-1")];
    let certificate = params.signed_by(&key, &ca.issuer).unwrap();
    let node = Node {
        chain: vec![certificate.der().to_vec()],
        ..scratch
    };
    let refusal = Files::with_key(&ca, &node, &key.serialize_pem()).refusal(&in_production());
    assert!(refusal.contains("P-384"), "{refusal}");
    // A certificate as it should be, and a file with a key that is none.
    let node = ca.node("worker-1");
    for key in [key.serialize_pem(), pem_block("PRIVATE KEY", &[0x30, 0])] {
        let refusal = Files::with_key(&ca, &node, &key).refusal(&in_production());
        assert!(refusal.contains("node-key.pem"), "{refusal}");
    }
}
