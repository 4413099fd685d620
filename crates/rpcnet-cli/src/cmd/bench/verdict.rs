//! Whether a run was one, and what ends it early.

use std::fmt;

use rpcnet::RpcError;

use super::summary::Summary;

/// The share of calls that may fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ErrorRate(f64);

impl ErrorRate {
    /// Reads `1%` or `0.01`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
            None => text.parse(),
        };
        let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
        share
            .map(Self)
            .ok_or_else(|| "expected a share such as 1% or 0.01".into())
    }
}

impl fmt::Display for ErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 * 100.0)
    }
}

/// Whether the same call fails like this whatever the load: then there is nothing to measure.
pub(super) fn is_final(error: &RpcError) -> bool {
    match error {
        RpcError::UnknownMethod(_)
        | RpcError::Unauthenticated(_)
        | RpcError::PermissionDenied(_)
        | RpcError::SchemaMismatch(_)
        | RpcError::ConfigError(_) => true,
        // The message is too long, says this side.
        RpcError::ResourceExhausted(_) => !error.is_remote(),
        _ => false,
    }
}

/// Says why the run counts as failed, where it does.
///
/// # Errors
///
/// No call succeeded, or more failed than may.
pub(super) fn judge(summary: &Summary, most: Option<ErrorRate>) -> Result<(), String> {
    let calls = &summary.calls;
    if calls.succeeded == 0 {
        let why = match summary.errors.first() {
            Some(error) => format!(": {}: {}", error.code, error.example),
            None => " within the measured time".into(),
        };
        return Err(format!("no call succeeded{why}"));
    }
    match most {
        Some(most) if summary.error_share() > most.0 => Err(format!(
            "{} of {} calls failed, more than {most} (--max-error-rate)",
            calls.failed + calls.unsent,
            calls.due(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction_or_a_percentage() {
        assert_eq!(ErrorRate::parse("1%"), Ok(ErrorRate(0.01)));
        assert_eq!(ErrorRate::parse("0.25"), Ok(ErrorRate(0.25)));
        assert_eq!(ErrorRate::parse("0"), Ok(ErrorRate(0.0)));
        for text in ["", "%", "2", "101%", "-1%", "nan", "x"] {
            assert!(ErrorRate::parse(text).is_err(), "{text}");
        }
    }
}
