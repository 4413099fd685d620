//! From the end of a connection to a [`TlsError`].

use s2n_quic::connection::Error;

use super::TlsError;

/// Why the handshake failed, if that is how the connection ended.
///
/// `server_name` is the name a client asked for; a server passes whatever it has, it is not used
/// there. A TLS 1.3 client believes the handshake complete before the server has looked at its
/// certificate, so the server's refusal arrives as the error of the first exchange after `connect`.
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
    let description = code.description().unwrap_or("unknown alert");
    Some(if initiator.is_local() {
        our_refusal(alert, reason, description, server_name)
    } else {
        peer_refusal(alert, description)
    })
}

/// We ended it. Expired and not yet valid share an alert, as do untrusted and wrong name: only
/// s2n-tls's own words tell them apart, and the tests hold them to it.
fn our_refusal(
    alert: u8,
    reason: &'static str,
    description: &'static str,
    server_name: &str,
) -> TlsError {
    match (reason, alert) {
        ("Certificate is untrusted", _) => TlsError::PeerUntrusted,
        ("Certificate has expired", _) => TlsError::PeerExpired,
        ("Certificate is not yet valid", _) => TlsError::PeerNotYetValid,
        ("Certificate is not valid for the supplied hostname", _) => TlsError::PeerNameMismatch {
            expected: server_name.to_owned(),
        },
        ("Server requires client certificate", _) => TlsError::PeerCertificateMissing,
        (WRONG_USAGE_REASON, _) => TlsError::PeerWrongUsage,
        // s2n-quic says "missing extension" when no protocol could be agreed on.
        ("", MISSING_EXTENSION) | (_, NO_APPLICATION_PROTOCOL) => TlsError::NoCommonProtocol,
        ("", _) => TlsError::Handshake {
            alert,
            reason: description,
        },
        _ => TlsError::Handshake { alert, reason },
    }
}

/// The peer ended it, and sent the alert only.
fn peer_refusal(alert: u8, description: &'static str) -> TlsError {
    match alert {
        CERTIFICATE_REQUIRED => TlsError::CertificateRequired,
        NO_APPLICATION_PROTOCOL => TlsError::NoCommonProtocol,
        42..=46 | 48 | 49 => TlsError::CertificateRefused { alert },
        _ => TlsError::Handshake {
            alert,
            reason: description,
        },
    }
}

/// s2n-tls's words for a certificate whose extended key usage does not fit.
pub(crate) const WRONG_USAGE_REASON: &str =
    "Certificate intent is invalid for the current context.";

/// The first of the 256 QUIC error codes that carry a TLS alert (RFC 9001 section 4.8).
const CRYPTO_ERROR: u64 = 0x100;

// TLS alerts (RFC 8446 section 6).
const MISSING_EXTENSION: u8 = 109;
const CERTIFICATE_REQUIRED: u8 = 116;
const NO_APPLICATION_PROTOCOL: u8 = 120;

#[cfg(test)]
mod tests {
    use s2n_quic::provider::connection_close_formatter::ConnectionClose;
    use s2n_quic_core::crypto::tls;
    use s2n_quic_core::transport;

    use super::*;

    fn ours(alert: u8, reason: &'static str) -> Error {
        Error::from(transport::Error::from(
            tls::Error::new(alert).with_reason(reason),
        ))
    }

    fn theirs(alert: u8) -> Error {
        let error = transport::Error::from(tls::Error::new(alert));
        Error::from(ConnectionClose::from(error))
    }

    #[track_caller]
    fn check(error: Error, expected: &str) {
        let seen = classify(&error, "a.example").map(|error| format!("{error:?}"));
        assert_eq!(seen.as_deref(), Some(expected));
    }

    #[test]
    fn what_the_peer_says_of_our_certificate_is_kept_apart_from_other_alerts() {
        check(theirs(116), "CertificateRequired");
        check(theirs(120), "NoCommonProtocol");
        for alert in [42, 43, 44, 45, 46, 48, 49] {
            check(
                theirs(alert),
                &format!("CertificateRefused {{ alert: {alert} }}"),
            );
        }
        check(
            theirs(40),
            r#"Handshake { alert: 40, reason: "HANDSHAKE_FAILURE" }"#,
        );
        check(
            theirs(47),
            r#"Handshake { alert: 47, reason: "ILLEGAL_PARAMETER" }"#,
        );
        check(
            theirs(255),
            r#"Handshake { alert: 255, reason: "unknown alert" }"#,
        );
    }

    #[test]
    fn what_we_refused_is_told_by_the_reason() {
        check(ours(120, "Missing ALPN protocol"), "NoCommonProtocol");
        check(ours(109, ""), "NoCommonProtocol");
        check(ours(109, "x"), r#"Handshake { alert: 109, reason: "x" }"#);
        check(
            ours(51, ""),
            r#"Handshake { alert: 51, reason: "DECRYPT_ERROR" }"#,
        );
        let mismatch = "Certificate is not valid for the supplied hostname";
        check(
            ours(46, mismatch),
            r#"PeerNameMismatch { expected: "a.example" }"#,
        );
    }

    #[test]
    fn an_end_that_tls_has_no_part_in_is_left_alone() {
        for error in [
            Error::idle_timer_expired(),
            Error::application(s2n_quic::application::Error::UNKNOWN),
            Error::from(transport::Error::NO_ERROR),
            Error::from(transport::Error::CONNECTION_REFUSED),
            Error::from(transport::Error::PROTOCOL_VIOLATION),
        ] {
            assert!(classify(&error, "a.example").is_none(), "{error}");
        }
    }
}
