//! `rpcnet cluster doctor`: looks for the usual mistakes, and says what to do.

mod certificate;
mod clocks;
mod examine;
mod finding;
mod packets;
mod report;
mod views;

use std::error::Error;

pub(super) use self::examine::Patient;
use self::finding::{Finding, Severity};

use super::access::Access;

/// Whom to look at, and how to print what is found.
#[derive(clap::Args)]
pub(super) struct Question {
    #[command(flatten)]
    access: Access,
    /// Print JSON: one object with all findings.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what is found.
///
/// # Errors
///
/// That something is wrong, once it was printed.
pub(super) async fn run(question: &Question) -> Result<(), Box<dyn Error>> {
    let findings = examine::cluster(&question.access).await;
    let report = match question.json {
        true => report::json(&findings),
        false => report::text(&findings),
    };
    crate::print(&report)?;
    match count(&findings, Severity::Error) {
        0 => Ok(()),
        1 => Err("one thing is wrong".into()),
        errors => Err(format!("{errors} things are wrong").into()),
    }
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    let of = findings
        .iter()
        .filter(|finding| finding.severity == severity);
    of.count()
}
