//! [`CertificateStatus`]: what certificates are in force, for whoever asks.

use std::error::Error;
use std::time::SystemTime;

use x509_parser::time::ASN1Time;

use crate::clock;
use crate::error::RpcError;
use crate::transport::tls::OwnCertificate;

/// Which certificates a server or a client has in force, and what became of the attempts to replace
/// them.
///
/// Obtained by [`RpcServer::certificates`](crate::RpcServer::certificates) and the methods of that name
/// on clients and members; a snapshot of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateStatus {
    /// What is presented to peers; `None` for a client that presents nothing.
    pub identity: Option<OwnCertificate>,
    /// When the last of the authorities ends that peers are verified against; `None` for a server
    /// that verifies nobody.
    pub ca_not_after: Option<SystemTime>,
    /// How often certificates were replaced since the start.
    pub reloads: u64,
    /// How often the files were of no use, so that what was in force stayed in force. What
    /// [`RpcConfig::with_certificate_watch`](crate::RpcConfig::with_certificate_watch) finds counts once
    /// for as long as it stays the same, and again each hour.
    pub reloads_failed: u64,
    /// Why certificates could not be replaced; `None` once they were, or once the files hold again what
    /// is in force.
    pub last_failure: Option<ReloadFailure>,
    pub(super) near_end: Option<SystemTime>,
}

/// Why certificates were not replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadFailure {
    /// What is wrong with which file, for people.
    pub reason: String,
    /// When it was found.
    pub at: SystemTime,
}

impl CertificateStatus {
    /// When the first thing ends without which no connection is made any more: what is presented, or
    /// the last of the authorities.
    #[must_use]
    pub fn not_after(&self) -> Option<SystemTime> {
        let identity = self.identity.as_ref().map(|identity| identity.not_after);
        identity.into_iter().chain(self.ca_not_after).min()
    }

    /// Whether that end is near, so that a warning is logged each day: 14 days before it, or where that
    /// is shorter the last fifth of the lifetime.
    #[must_use]
    pub fn is_near_end(&self, now: SystemTime) -> bool {
        self.near_end.is_some_and(|from| from <= now)
    }
}

impl ReloadFailure {
    pub(super) fn now(error: &RpcError) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some errors say the one below in their own words.
            if !reason.contains(&cause_text) {
                reason.push_str(": ");
                reason.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self {
            reason,
            at: clock::wall(),
        }
    }
}

/// A date for people to read.
pub(super) fn date(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let time = i64::try_from(seconds).map(ASN1Time::from_timestamp);
    match time {
        Ok(Ok(time)) => time.to_string(),
        _ => "beyond all dates".to_owned(),
    }
}
