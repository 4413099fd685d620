//! `rpcnet certs expiry`: which certificates end soon.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rpcnet::certs::{CertificateSummary, inspect};

use super::inspect::{Validity, as_json, names, validity};
use super::line;
use crate::cmd::access::{ascii_json, printable};

/// When the certificates in PEM files end. Exits with 1 where one ends within some days, has ended or
/// is not valid yet: for a timer, or a check before a deployment.
#[derive(clap::Args)]
pub(super) struct Args {
    /// PEM files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How near an end is too near.
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    within: u32,
    /// One line of JSON for each certificate, with `ends_soon` and what `inspect --json` prints.
    #[arg(long)]
    json: bool,
}

/// Prints when each certificate ends.
///
/// # Errors
///
/// Some end soon, or a file cannot be read; the others are printed all the same.
pub(super) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now();
    let mut report = String::new();
    let (mut count, mut soon) = (0, 0);
    let mut unread = Vec::new();
    for file in &args.files {
        let certificates = match inspect(file) {
            Ok(certificates) => certificates,
            Err(error) => {
                unread.push(crate::chain(&error));
                continue;
            }
        };
        for (position, certificate) in certificates.iter().enumerate() {
            let ends_soon = is_bad(certificate, args.within, now);
            count += 1;
            soon += usize::from(ends_soon);
            if args.json {
                let mut value = as_json(file, position + 1, certificate, now);
                value["ends_soon"] = ends_soon.into();
                line(
                    &mut report,
                    format_args!("{}", ascii_json(&value.to_string())),
                );
            } else {
                tell(&mut report, file, certificate, ends_soon, now);
            }
        }
    }
    crate::print(&report)?;
    let within = args.within;
    let ending = match soon {
        0 => None,
        _ => Some(format!(
            "{soon} of {count} certificates are not valid for {within} days from now"
        )),
    };
    let complaints: Vec<String> = unread.into_iter().chain(ending).collect();
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(complaints.join("; ").into()),
    }
}

fn is_bad(certificate: &CertificateSummary, within: u32, now: SystemTime) -> bool {
    validity(certificate, now) != Validity::Now || certificate.days_left(now) < i64::from(within)
}

fn tell(
    report: &mut String,
    file: &Path,
    certificate: &CertificateSummary,
    ends_soon: bool,
    now: SystemTime,
) {
    let mark = if ends_soon { "SOON" } else { "ok" };
    let left = match validity(certificate, now) {
        Validity::Now => format!("{} days", certificate.days_left(now)),
        other => other.word().to_owned(),
    };
    let first = names(certificate).into_iter().next();
    let who = first.unwrap_or_else(|| certificate.subject.clone());
    line(
        report,
        format_args!(
            "{mark:<5}{left:<15}{}  {}  {}",
            certificate.not_after_text,
            file.display(),
            printable(&who, WHO_MAX),
        ),
    );
}

/// Characters of a name that a line has room for.
const WHO_MAX: usize = 64;
