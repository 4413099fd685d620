//! What can be wrong with TLS, before and during a handshake.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use super::pem::PemProblem;

/// What is wrong with our certificates, or why a handshake failed.
///
/// The first half concerns files and settings and is found before a socket opens. The second half
/// is how a handshake ended, as seen from this side: *peer* variants mean that we refused the other
/// end's certificate, [`CertificateRequired`](Self::CertificateRequired) and
/// [`CertificateRefused`](Self::CertificateRefused) that the other end refused ours. No handler has
/// run in any of these cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file does not exist or cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file was read but does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: PemProblem,
    },
    /// The private key is a good one, but of another certificate.
    #[error(
        "the private key {} does not belong to the certificate {}: both must come from the same \
         request",
        key.display(), cert.display()
    )]
    KeyMismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The TLS library refuses a file for a reason of its own, such as a kind of key it does not
    /// support. Use ECDSA (P-256, P-384) or RSA of at least 2048 bits.
    #[error(
        "the TLS library cannot use {} ({reason}): use an ECDSA P-256 or P-384 key, or RSA of at \
         least 2048 bits", path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The library's own words.
        reason: &'static str,
    },
    /// The certificates in a file have expired, so that nothing was replaced by them.
    #[error("what is in {} has expired: renew it, or check this machine's clock", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
    },
    /// The certificates in a file are not valid yet, so that nothing was replaced by them.
    #[error("what is in {} is not valid yet: check this machine's clock", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
    },
    /// Settings that contradict each other; the text says what to set.
    #[error("{0}")]
    Config(Cow<'static, str>),

    /// The peer's certificate does not chain to the CA we trust.
    #[error(
        "the peer's certificate does not chain to the trusted CA: check RpcConfig::with_ca_path"
    )]
    PeerUntrusted,
    /// The peer's certificate, or one in its chain, has expired. It must be renewed there; or our
    /// clock is wrong.
    #[error("the peer's certificate has expired: renew it, or check this machine's clock")]
    PeerExpired,
    /// The peer's certificate, or one in its chain, is not valid yet. Clocks disagree, more often
    /// than not.
    #[error("the peer's certificate is not valid yet: check both machines' clocks")]
    PeerNotYetValid,
    /// The server's certificate is for other names than the one we asked for.
    #[error(
        "the server's certificate is not for {expected:?}: set one of its names with \
         RpcConfig::with_server_name"
    )]
    PeerNameMismatch {
        /// The name we expected.
        expected: String,
    },
    /// The peer's certificate was issued for another use: a client needs the extended key usage
    /// `clientAuth`, a server `serverAuth`, a cluster's node both.
    #[error(
        "the peer's certificate is not issued for this use: a client needs clientAuth, a server \
         serverAuth, a cluster's node both"
    )]
    PeerWrongUsage,
    /// A client presented no certificate, and we require one.
    #[error("the client presented no certificate, and this server requires one")]
    PeerCertificateMissing,

    /// The ends have no protocol in common: the other one is another service, or another version
    /// of rpcnet.
    #[error(
        "the peer does not speak rpcnet/1: it is another service, or another version of rpcnet"
    )]
    NoCommonProtocol,

    /// The server requires a certificate and we presented none.
    #[error(
        "the server requires a client certificate: set one with RpcConfig::with_key_path, and the \
         CA with RpcConfig::with_ca_path"
    )]
    CertificateRequired,
    /// The peer refused the certificate we presented. It does not say more than the alert: 42 bad,
    /// 43 not for this use, 44 revoked, 45 expired or not valid yet, 46 untrusted or for another
    /// name, 48 unknown CA, 49 denied.
    #[error("the peer refused our certificate: {} (alert {alert})", refusal(*alert))]
    CertificateRefused {
        /// The TLS alert.
        alert: u8,
    },
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed: {reason} (alert {alert})")]
    Handshake {
        /// The TLS alert, ours or the peer's.
        alert: u8,
        /// What is known about it.
        reason: &'static str,
    },
}

impl TlsError {
    /// Whether a file is the culprit, rather than a setting or the peer.
    #[must_use]
    pub fn is_file_problem(&self) -> bool {
        matches!(
            self,
            Self::File { .. }
                | Self::Pem { .. }
                | Self::KeyMismatch { .. }
                | Self::Unusable { .. }
                | Self::Expired { .. }
                | Self::NotYetValid { .. }
        )
    }
}

fn refusal(alert: u8) -> &'static str {
    match alert {
        43 => "it is not issued for this use",
        44 => "it is revoked",
        45 => "it has expired or is not valid yet",
        46 => "it does not chain to the CA the peer trusts, or is for another name",
        48 => "the peer does not know its CA",
        49 => "the peer denies it access",
        _ => "it is malformed",
    }
}
