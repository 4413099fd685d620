//! [`Unanswered`]: why nobody answered, and which option to change.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use rpcnet::{Code, ConnectionErrorKind, RpcError, TlsError};

use super::credentials::Credentials;
use super::seed::Seed;
use super::target::{Place, Target};
use super::text::printable;

/// Every address that was asked, and what came of it.
#[derive(Debug)]
pub(crate) struct Unanswered {
    place: Place,
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
    pub(super) fn new(place: Place) -> Self {
        let attempts = Vec::new();
        Self { place, attempts }
    }

    /// The one address that could be asked.
    pub(crate) fn of(target: &Target, attempt: Attempt) -> Self {
        let mut failures = Self::new(target.place());
        failures.push(attempt);
        failures
    }

    /// Each of them.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    pub(crate) fn push(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }
}

impl Attempt {
    /// A name that leads to no address.
    pub(super) fn unresolved(place: Place, seed: &Seed, error: &io::Error) -> Self {
        Self {
            place: seed.to_string(),
            reason: format!("the name could not be looked up: {error}"),
            hint: Some(format!("{}: is the host's name right?", place.option())),
        }
    }

    /// An address that could not be asked, or refused to answer.
    pub(crate) fn failed(credentials: &Credentials, target: &Target, error: &RpcError) -> Self {
        let reason = match error {
            RpcError::TlsError(tls) => tls_reason(credentials, target, tls),
            _ => None,
        };
        // What the node itself says is among the causes.
        let reason = reason.unwrap_or_else(|| crate::chain(error));
        let reason = printable(&reason, REASON_CHARS_MAX);
        Self {
            place: target.address().to_string(),
            reason,
            hint: hint(credentials, target.place(), error),
        }
    }

    /// The node answered something that is no answer.
    pub(crate) fn unreadable(target: &Target, error: &serde_json::Error) -> Self {
        Self {
            place: target.address().to_string(),
            reason: format!("the answer is not understood: {error}"),
            hint: Some(format!(
                "the {} may be of another version than this command",
                target.place().noun()
            )),
        }
    }

    /// Where and why, and which option to change, as an error of its own.
    pub(crate) fn explained(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self}\n  {hint}"),
            None => self.to_string(),
        }
    }

    /// With another hint than the usual one.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Where.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Which option is likely wrong.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Why, without where.
    pub(crate) fn reason(&self) -> &str {
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
        write!(f, "no {} answered", self.place.noun())?;
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
pub(crate) fn hint(credentials: &Credentials, place: Place, error: &RpcError) -> Option<String> {
    let (option, noun) = (place.option(), place.noun());
    Some(match error {
        RpcError::TlsError(error) => return tls_hint(credentials, place, error),
        RpcError::ConnectionError(error) if error.kind() == ConnectionErrorKind::NoAnswer => {
            format!("{option}: is a {noun} running there, and does UDP get through?")
        }
        RpcError::UnknownMethod(_) if place == Place::Node => {
            format!("{option}: this server is no cluster's node; ask one that has `enable_cluster`")
        }
        RpcError::Unauthenticated(_) => certificate_needed(place),
        RpcError::Status(status) if status.code == Code::Unauthenticated => {
            certificate_needed(place)
        }
        RpcError::PermissionDenied(_) => {
            format!("--cert: the {noun} does not answer this certificate")
        }
        _ => return None,
    })
}

fn certificate_needed(place: Place) -> String {
    format!(
        "--cert and --key: the {} answers only who has a certificate of its CA (rpcnet certs \
         client makes one)",
        place.noun()
    )
}

fn tls_hint(credentials: &Credentials, place: Place, error: &TlsError) -> Option<String> {
    let (option, noun) = (place.option(), place.noun());
    Some(match error {
        TlsError::File { path, .. }
        | TlsError::Pem { path, .. }
        | TlsError::Unusable { path, .. } => {
            format!(
                "{}: this file is the one to mend",
                option_of(credentials, path)?
            )
        }
        TlsError::KeyMismatch { .. } => "--key: give the key that belongs to --cert".into(),
        TlsError::PeerUntrusted => match place {
            Place::Node => "--ca: give the certificate of that cluster's CA".into(),
            Place::Server => "--ca: give the certificate of that server's CA".into(),
        },
        TlsError::PeerNameMismatch { .. } => match credentials.server_names() {
            [] => format!("--server-name: give the {noun}'s name"),
            _ => format!("--server-name: give the {noun}'s name, or leave it out"),
        },
        TlsError::PeerWrongUsage => {
            format!("{option}: the certificate there is not a server's")
        }
        TlsError::CertificateRequired => certificate_needed(place),
        TlsError::CertificateRefused { .. } => {
            format!("--cert: it must be signed by the CA that the {noun} trusts, and valid today")
        }
        TlsError::NoCommonProtocol => {
            format!("{option}: what listens there is no rpcnet {noun}")
        }
        _ => return None,
    })
}

fn option_of(credentials: &Credentials, path: &Path) -> Option<&'static str> {
    if credentials.ca() == path {
        Some("--ca")
    } else if credentials.cert().is_some_and(|cert| cert == path) {
        Some("--cert")
    } else if credentials.key().is_some_and(|key| key == path) {
        Some("--key")
    } else {
        None
    }
}

/// The reason, where the library's speaks of its own settings rather than of options.
fn tls_reason(credentials: &Credentials, target: &Target, error: &TlsError) -> Option<String> {
    Some(match error {
        TlsError::PeerUntrusted => format!(
            "the certificate there was not signed by {}",
            credentials.ca().display()
        ),
        TlsError::PeerNameMismatch { .. } => {
            let names = target.names().iter().map(|name| format!("{name:?}"));
            let names: Vec<String> = names.collect();
            format!("the certificate there is not for {}", names.join(" or "))
        }
        TlsError::CertificateRequired => {
            format!("the {} requires a certificate", target.place().noun())
        }
        _ => return None,
    })
}

/// Characters of a reason that are printed.
const REASON_CHARS_MAX: usize = 500;
