//! The TLS side of a raw peer: the real protocol name, files as the library takes them.

use super::endpoint::Failure;
use s2n_quic::provider::tls::default as s2n;
use std::path::Path;

/// What rpcnet speaks; a raw peer may speak another to see itself refused.
pub(super) const ALPN: &str = "rpcnet/1";

pub(super) fn client(ca: &Path, alpn: &str) -> Result<s2n::Client, Failure> {
    Ok(s2n::Client::builder()
        .with_application_protocols([alpn])?
        .with_certificate(ca)?
        .build()?)
}

pub(super) fn server(cert: &Path, key: &Path, alpn: &str) -> Result<s2n::Server, Failure> {
    Ok(s2n::Server::builder()
        .with_application_protocols([alpn])?
        .with_certificate(cert, key)?
        .build()?)
}
