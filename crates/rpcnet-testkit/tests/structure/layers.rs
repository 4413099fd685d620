//! Who may name whom inside `rpcnet`.

use crate::tree::{self, Source, Violation};

const SRC: &str = "crates/rpcnet/src/";

/// Where the QUIC library may be named.
const TRANSPORT: &str = "crates/rpcnet/src/transport/";

/// Where the TLS provider may be named.
const TLS: &str = "crates/rpcnet/src/transport/tls/";

/// Files outside the transport that name the QUIC library all the same.
const QUIC_ALLOWED: [(&str, &str); 1] = [(
    "crates/rpcnet/src/server/mod.rs",
    "`RpcServer::bind` hands out the QUIC server and `start` takes it back",
)];

/// A part of the crate and what it may not know.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    (
        "server",
        &[
            "crate::client",
            "crate::RpcClient",
            "crate::typed",
            "crate::cluster",
        ],
    ),
    (
        "client",
        &[
            "crate::server",
            "crate::RpcServer",
            "crate::typed",
            "crate::cluster",
        ],
    ),
    (
        "transport",
        &[
            "crate::client",
            "crate::server",
            "crate::typed",
            "crate::RpcClient",
            "crate::RpcServer",
            "crate::cluster",
        ],
    ),
    (
        "certs",
        &["crate::client", "crate::server", "crate::cluster"],
    ),
];

fn quic_names(source: &Source) -> Vec<Violation> {
    let paths = source.product_paths();
    let named = paths
        .iter()
        .filter(|path| path.segments[0].starts_with("s2n_quic"));
    named
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

fn quic_outside_transport(source: &Source) -> Vec<Violation> {
    let is_allowed = source.path.starts_with(TRANSPORT)
        || QUIC_ALLOWED
            .iter()
            .any(|(allowed, _)| *allowed == source.path);
    if is_allowed {
        Vec::new()
    } else {
        quic_names(source)
    }
}

/// Where the formats of payloads may be named, and who else has a reason to.
const CODEC: &str = "crates/rpcnet/src/codec/";
const CODEC_ALLOWED: [(&str, &str); 1] = [(
    "crates/rpcnet/src/error.rs",
    "`?` turns a `bincode::Error` into an `RpcError`",
)];
const FORMATS: [&str; 5] = ["postcard", "serde_json", "rmp_serde", "prost", "bincode"];

fn formats_outside_codec(source: &Source) -> Vec<Violation> {
    let is_allowed = CODEC_ALLOWED.iter().any(|(path, _)| *path == source.path);
    if is_allowed || source.path.starts_with(CODEC) {
        return Vec::new();
    }
    let paths = source.product_paths();
    let named = paths
        .iter()
        .filter(|path| FORMATS.contains(&path.segments[0].as_str()));
    named
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

#[test]
fn only_the_codec_names_the_formats_of_payloads() {
    tree::hold(&tree::sources_under(SRC), formats_outside_codec);
}

fn tls_outside_tls(source: &Source) -> Vec<Violation> {
    if source.path.starts_with(TLS) {
        return Vec::new();
    }
    let paths = source.product_paths();
    let named = paths.iter().filter(|path| {
        let is_library = path.segments[0].starts_with("s2n_tls") || path.segments[0] == "rustls";
        is_library || path.is_under("s2n_quic::provider::tls")
    });
    named
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

fn forbidden_neighbours(source: &Source) -> Vec<Violation> {
    let Some(inside) = source.path.strip_prefix(SRC) else {
        return Vec::new();
    };
    let part = inside.split(['/', '.']).next().unwrap_or_default();
    let Some((_, forbidden)) = FORBIDDEN.iter().find(|(name, _)| *name == part) else {
        return Vec::new();
    };
    let paths = source.product_paths();
    let named = paths
        .iter()
        .filter(|path| forbidden.iter().any(|other| path.is_under(other)));
    named
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

/// Where certificates are verified: whom TLS talks to, and whose records are believed.
const VERIFIERS: [&str; 2] = [TLS, "crates/rpcnet/src/cluster/proof/"];

fn verification_elsewhere(source: &Source) -> Vec<Violation> {
    if VERIFIERS.iter().any(|part| source.path.starts_with(part)) {
        return Vec::new();
    }
    let paths = source.product_paths();
    let named = paths.iter().filter(|path| {
        let library = path.segments[0].as_str();
        library == "webpki" || library == "rustls_pki_types"
    });
    named
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

#[test]
fn certificates_are_verified_in_two_places_only() {
    tree::hold(&tree::sources_under(SRC), verification_elsewhere);
}

#[test]
fn only_the_transport_names_the_quic_library() {
    tree::hold(&tree::sources_under(SRC), quic_outside_transport);
}

#[test]
fn every_file_allowed_to_name_the_quic_library_does() {
    let sources = tree::sources_under(SRC);
    let allowed = |source: &&Source| QUIC_ALLOWED.iter().any(|(path, _)| *path == source.path);
    let idle = sources
        .iter()
        .filter(allowed)
        .filter(|source| quic_names(source).is_empty());
    tree::require_none(
        idle.map(|source| Violation::new(&source.path, 0, "remove it from QUIC_ALLOWED")),
    );
}

#[test]
fn only_the_tls_module_names_the_tls_provider() {
    tree::hold(&tree::sources_under(SRC), tls_outside_tls);
}

#[test]
fn client_server_and_transport_do_not_know_each_other() {
    tree::hold(&tree::sources_under(SRC), forbidden_neighbours);
}

mod bites {
    use super::{
        forbidden_neighbours, quic_outside_transport, tls_outside_tls, verification_elsewhere,
    };
    use crate::tree::Source;

    fn source(file: &str, text: &str) -> Source {
        Source::new(&format!("{}{file}", super::SRC), text)
    }

    #[test]
    fn quic_outside_the_transport_is_seen() {
        let naming = "use s2n_quic::Connection;";
        assert_eq!(
            quic_outside_transport(&source("client/mod.rs", naming)).len(),
            1
        );
        assert_eq!(
            quic_outside_transport(&source("error.rs", "fn f(e: s2n_quic_core::E) {}")).len(),
            1
        );
        for file in ["transport/quic.rs", "server/mod.rs"] {
            assert!(
                quic_outside_transport(&source(file, naming)).is_empty(),
                "{file}"
            );
        }
        let comment = "/// Returns an `s2n_quic::Server`.\nfn f() {}";
        assert!(quic_outside_transport(&source("client/mod.rs", comment)).is_empty());
    }

    #[test]
    fn tls_outside_its_module_is_seen() {
        let naming = "use s2n_quic::provider::{tls as t, io};";
        assert_eq!(
            tls_outside_tls(&source("transport/quic.rs", naming)).len(),
            1
        );
        assert_eq!(
            tls_outside_tls(&source("transport/events.rs", "use s2n_tls::error::Error;")).len(),
            1
        );
        assert!(tls_outside_tls(&source("transport/tls/server.rs", naming)).is_empty());
        assert!(
            tls_outside_tls(&source("transport/quic.rs", "use s2n_quic::provider::io;")).is_empty()
        );
    }

    #[test]
    fn verification_outside_its_places_is_seen() {
        for naming in [
            "use webpki::EndEntityCert;",
            "use rustls_pki_types::UnixTime;",
        ] {
            for file in ["cluster/driver.rs", "identity.rs"] {
                assert_eq!(verification_elsewhere(&source(file, naming)).len(), 1);
            }
            for file in ["cluster/proof/roots.rs", "transport/tls/mod.rs"] {
                assert!(verification_elsewhere(&source(file, naming)).is_empty());
            }
        }
    }

    #[test]
    fn a_server_that_knows_the_client_is_seen() {
        for text in [
            "use crate::client::Guard;",
            "use super::super::client;",
            "use crate::{client::Guard, error};",
            "fn f(c: crate::RpcClient) {}",
            "use crate::cluster::X;",
            "use crate::*;",
        ] {
            assert!(
                !forbidden_neighbours(&source("server/call.rs", text)).is_empty(),
                "{text}"
            );
        }
        assert!(
            forbidden_neighbours(&source("server/mod.rs", "use crate::{error, client_name};"))
                .is_empty()
        );
        assert!(
            forbidden_neighbours(&source("lib.rs", "pub use crate::client::RpcClient;")).is_empty()
        );
    }

    #[test]
    fn a_client_that_knows_the_server_is_seen() {
        assert_eq!(
            forbidden_neighbours(&source("client/unary.rs", "use super::super::server::X;")).len(),
            1
        );
        assert_eq!(
            forbidden_neighbours(&source("transport/mod.rs", "use crate::client::X;")).len(),
            1
        );
        let test_code = "#[cfg(test)] mod tests { use crate::server::RpcServer; }";
        assert!(forbidden_neighbours(&source("client/unary.rs", test_code)).is_empty());
    }
}
