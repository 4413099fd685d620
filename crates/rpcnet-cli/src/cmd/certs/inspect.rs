//! `rpcnet certs inspect`: what certificates say.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rpcnet::certs::{CertificateSummary, inspect};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::line;
use crate::cmd::access::ascii_json;

/// Subject, names, issuer, serial, validity, usage, key and fingerprint of every certificate in PEM
/// files. Nothing is verified, and keys are never printed.
#[derive(clap::Args)]
pub(super) struct Args {
    /// PEM files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// One line of JSON for each certificate.
    #[arg(long)]
    json: bool,
}

/// Prints what the certificates say.
///
/// # Errors
///
/// What is wrong with a file.
pub(super) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now();
    let mut report = String::new();
    for file in &args.files {
        let certificates = inspect(file)?;
        let count = certificates.len();
        for (position, certificate) in certificates.iter().enumerate() {
            let number = position + 1;
            if args.json {
                let value = as_json(file, number, certificate, now);
                line(
                    &mut report,
                    format_args!("{}", ascii_json(&value.to_string())),
                );
            } else {
                let file = file.display();
                line(
                    &mut report,
                    format_args!("{file}: certificate {number} of {count}"),
                );
                describe(&mut report, certificate, now);
            }
        }
    }
    crate::print(&report)
}

/// The certificate as one JSON object; what `expiry` prints is the same.
pub(super) fn as_json(
    file: &Path,
    number: usize,
    certificate: &CertificateSummary,
    now: SystemTime,
) -> Value {
    let identity = &certificate.identity;
    let fingerprint = identity
        .fingerprint()
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    json!({
        "file": file.display().to_string(),
        "certificate": number,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": names(certificate),
        "is_ca": certificate.is_ca,
        "key": certificate.key,
        "key_usage": certificate.key_usage,
        "extended_key_usage": certificate.extended_key_usage,
        "not_before": rfc3339(certificate.not_before),
        "not_after": rfc3339(certificate.not_after),
        "days_left": certificate.days_left(now),
        "validity": validity(certificate, now).word(),
        "serial": identity.serial_hex(),
        "sha256": fingerprint.collect::<String>(),
    })
}

fn describe(report: &mut String, certificate: &CertificateSummary, now: SystemTime) {
    let identity = &certificate.identity;
    let remark = match validity(certificate, now) {
        Validity::NotYet => "NOT YET VALID".to_owned(),
        Validity::Now => format!("{} days left", certificate.days_left(now)),
        Validity::Over => "EXPIRED".to_owned(),
    };
    let fingerprint: Vec<String> = identity
        .fingerprint()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    for (key, value) in [
        ("subject", certificate.subject.clone()),
        ("issuer", certificate.issuer.clone()),
        ("names", names(certificate).join(", ")),
        (
            "may sign others",
            if certificate.is_ca { "yes" } else { "no" }.to_owned(),
        ),
        ("key", certificate.key.clone()),
        ("usage", usage(certificate)),
        ("valid from", certificate.not_before_text.clone()),
        (
            "valid until",
            format!("{} ({remark})", certificate.not_after_text),
        ),
        ("serial", identity.serial_hex().to_owned()),
        ("SHA-256", fingerprint.join(":")),
    ] {
        line(report, format_args!("  {key:<16}{value}"));
    }
}

/// All names, escaped so that they can be printed.
pub(super) fn names(certificate: &CertificateSummary) -> Vec<String> {
    let identity = &certificate.identity;
    let texts = identity.dns_names().iter().chain(identity.uris());
    let texts = texts.map(|name| name.escape_debug().to_string());
    let addresses = identity.ip_addresses().iter().map(ToString::to_string);
    texts.chain(addresses).collect()
}

fn usage(certificate: &CertificateSummary) -> String {
    let extended = certificate.extended_key_usage.iter().map(String::as_str);
    let all: Vec<&str> = extended
        .chain(certificate.key_usage.iter().copied())
        .collect();
    if all.is_empty() {
        return "not restricted".to_owned();
    }
    all.join(", ")
}

/// Whether a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    NotYet,
    Now,
    Over,
}

impl Validity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::NotYet => "not yet valid",
            Self::Now => "valid",
            Self::Over => "expired",
        }
    }
}

pub(super) fn validity(certificate: &CertificateSummary, now: SystemTime) -> Validity {
    if now < certificate.not_before {
        Validity::NotYet
    } else if certificate.not_after < now {
        Validity::Over
    } else {
        Validity::Now
    }
}

fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (hour, minute, second) = at.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.date())
}
