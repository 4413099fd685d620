//! [`Unanswered`]: why nobody answered, and which option to change.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use rpcnet::{Code, ConnectionErrorKind, RpcError, TlsError};

use super::access::{Access, Target};
use super::seed::Seed;
use super::text::printable;

/// Every address that was asked, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    attempts: Vec<Attempt>,
}

/// One address that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    place: String,
    reason: String,
    hint: Option<String>,
}

impl Unanswered {
    pub(super) fn push(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }
}

impl Attempt {
    /// A name that leads to no address.
    pub(super) fn unresolved(seed: &Seed, error: &io::Error) -> Self {
        Self {
            place: seed.to_string(),
            reason: format!("the name could not be looked up: {error}"),
            hint: Some("--seed: is the host's name right?".into()),
        }
    }

    /// An address that could not be asked, or refused to answer.
    pub(super) fn failed(access: &Access, target: &Target, error: &RpcError) -> Self {
        let reason = match error {
            RpcError::TlsError(tls) => tls_reason(access, target, tls),
            _ => None,
        };
        // What the node itself says is among the causes.
        let reason = reason.unwrap_or_else(|| crate::chain(error));
        let reason = printable(&reason, REASON_CHARS_MAX);
        Self {
            place: target.address().to_string(),
            reason,
            hint: hint(access, error),
        }
    }

    /// The node answered something that is no answer.
    pub(super) fn unreadable(target: &Target, error: &serde_json::Error) -> Self {
        Self {
            place: target.address().to_string(),
            reason: format!("the answer is not understood: {error}"),
            hint: Some("the node may be of another version than this command".into()),
        }
    }

    /// Why, without where.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }
}

/// Where and why.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no node answered")?;
        for attempt in &self.attempts {
            write!(f, "\n  {attempt}")?;
            if let Some(hint) = &attempt.hint {
                write!(f, "\n    {hint}")?;
            }
        }
        Ok(())
    }
}

impl Error for Unanswered {}

/// Which option is likely wrong.
fn hint(access: &Access, error: &RpcError) -> Option<String> {
    let hint = match error {
        RpcError::TlsError(error) => return tls_hint(access, error),
        RpcError::ConnectionError(error) if error.kind() == ConnectionErrorKind::NoAnswer => {
            "--seed: is a node running there, and does UDP get through?"
        }
        RpcError::UnknownMethod(_) => {
            "--seed: this server is no cluster's node; ask one that has `enable_cluster`"
        }
        RpcError::Unauthenticated(_) => CERTIFICATE_NEEDED,
        RpcError::Status(status) if status.code == Code::Unauthenticated => CERTIFICATE_NEEDED,
        RpcError::PermissionDenied(_) => "--cert: the node does not answer this certificate",
        _ => return None,
    };
    Some(hint.into())
}

const CERTIFICATE_NEEDED: &str = "--cert and --key: the node answers only who has a certificate \
                                  of its CA (rpcnet certs client makes one)";

fn tls_hint(access: &Access, error: &TlsError) -> Option<String> {
    Some(match error {
        TlsError::File { path, .. }
        | TlsError::Pem { path, .. }
        | TlsError::Unusable { path, .. } => {
            format!("{}: this file is the one to mend", option_of(access, path)?)
        }
        TlsError::KeyMismatch { .. } => "--key: give the key that belongs to --cert".into(),
        TlsError::PeerUntrusted => "--ca: give the certificate of that cluster's CA".into(),
        TlsError::PeerNameMismatch { .. } => match access.server_names() {
            [] => "--server-name: give the node's name".into(),
            _ => "--server-name: give the node's name, or leave it out".into(),
        },
        TlsError::PeerWrongUsage => "--seed: the certificate there is not a server's".into(),
        TlsError::CertificateRequired => CERTIFICATE_NEEDED.into(),
        TlsError::CertificateRefused { .. } => {
            "--cert: it must be signed by the CA that the node trusts, and valid today".into()
        }
        TlsError::NoCommonProtocol => "--seed: what listens there is no rpcnet node".into(),
        _ => return None,
    })
}

fn option_of(access: &Access, path: &Path) -> Option<&'static str> {
    if access.ca() == path {
        Some("--ca")
    } else if access.cert().is_some_and(|cert| cert == path) {
        Some("--cert")
    } else if access.key().is_some_and(|key| key == path) {
        Some("--key")
    } else {
        None
    }
}

/// The reason, where the library's speaks of its own settings rather than of options.
fn tls_reason(access: &Access, target: &Target, error: &TlsError) -> Option<String> {
    Some(match error {
        TlsError::PeerUntrusted => format!(
            "the certificate there was not signed by {}",
            access.ca().display()
        ),
        TlsError::PeerNameMismatch { .. } => {
            let names = target.names().iter().map(|name| format!("{name:?}"));
            let names: Vec<String> = names.collect();
            format!("the certificate there is not for {}", names.join(" or "))
        }
        TlsError::CertificateRequired => "the node requires a certificate".into(),
        _ => return None,
    })
}

/// Characters of a reason that are printed.
const REASON_CHARS_MAX: usize = 500;
