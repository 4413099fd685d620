//! From the end of a connection to a [`TlsError`].

use s2n_quic::connection::Error;

use super::TlsError;

/// Why the handshake failed, if that is how the connection ended.
///
/// `server_name` is the name a client asked for; a server passes whatever it has, it is not used there. A
/// TLS 1.3 client believes the handshake complete before the server has looked at its certificate, so the
/// server's refusal arrives as the error of the first exchange after `connect`.
pub(crate) fn classify(error: &Error, server_name: &str) -> Option<TlsError> {
    let Error::Transport {
        code,
        reason,
        initiator,
        ..
    } = error
    else {
        return None;
    };
    let alert = code
        .as_u64()
        .checked_sub(CRYPTO_ERROR)
        .and_then(|alert| u8::try_from(alert).ok())?;
    Some(if initiator.is_local() {
        our_refusal(alert, reason, server_name)
    } else {
        peer_refusal(alert, code.description())
    })
}

/// We ended it. Expired and not yet valid share an alert, as do untrusted and wrong name: only s2n-tls's
/// own words tell them apart, and the tests hold them to it.
fn our_refusal(alert: u8, reason: &'static str, server_name: &str) -> TlsError {
    match reason {
        "Certificate is untrusted" => TlsError::PeerUntrusted,
        "Certificate has expired" => TlsError::PeerExpired,
        "Certificate is not yet valid" => TlsError::PeerNotYetValid,
        "Certificate is not valid for the supplied hostname" => TlsError::PeerNameMismatch {
            expected: server_name.to_owned(),
        },
        "Server requires client certificate" => TlsError::PeerCertificateMissing,
        WRONG_USAGE_REASON => TlsError::PeerWrongUsage,
        "" => TlsError::Handshake {
            alert,
            reason: UNKNOWN,
        },
        reason => TlsError::Handshake { alert, reason },
    }
}

/// The peer ended it, and sent the alert only.
fn peer_refusal(alert: u8, description: Option<&'static str>) -> TlsError {
    match alert {
        CERTIFICATE_REQUIRED => TlsError::CertificateRequired,
        42..=46 | 48 | 49 => TlsError::CertificateRefused { alert },
        _ => TlsError::Handshake {
            alert,
            reason: description.unwrap_or(UNKNOWN),
        },
    }
}

/// s2n-tls's words for a certificate whose extended key usage does not fit.
pub(crate) const WRONG_USAGE_REASON: &str =
    "Certificate intent is invalid for the current context.";

/// The first of the 256 QUIC error codes that carry a TLS alert (RFC 9001 section 4.8).
const CRYPTO_ERROR: u64 = 0x100;

const CERTIFICATE_REQUIRED: u8 = 116;

const UNKNOWN: &str = "unknown reason";
