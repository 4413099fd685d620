//! [`Failures`]: calls that failed, by their code.

use std::collections::BTreeMap;

use rpcnet::{Code, RpcError};

use crate::cmd::access::printable;

/// Characters of an error's text that are kept.
const EXAMPLE_CHARS_MAX: usize = 200;

/// Counts per code, of which there are few, with the text of the first of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    by_code: BTreeMap<&'static str, Failure>,
}

/// Calls that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) count: u64,
    /// What the first of them said.
    pub(super) example: String,
}

impl Failures {
    pub(super) fn push(&mut self, error: &RpcError) {
        let failure = self.by_code.entry(code(error));
        let failure = failure.or_insert_with(|| Failure {
            count: 0,
            example: example(error),
        });
        failure.count += 1;
    }

    pub(super) fn append(&mut self, others: Self) {
        for (code, other) in others.by_code {
            match self.by_code.get_mut(code) {
                Some(failure) => failure.count += other.count,
                None => {
                    self.by_code.insert(code, other);
                }
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.by_code.values().map(|failure| failure.count).sum()
    }

    /// The most frequent first.
    pub(super) fn into_sorted(self) -> Vec<(&'static str, Failure)> {
        let mut all: Vec<_> = self.by_code.into_iter().collect();
        all.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.count));
        all
    }
}

/// What the error says beyond its code.
fn example(error: &RpcError) -> String {
    match error {
        RpcError::Status(status) | RpcError::ServiceError(status) => {
            printable(&status.message, EXAMPLE_CHARS_MAX)
        }
        other => printable(&crate::chain(other), EXAMPLE_CHARS_MAX),
    }
}

/// What a failure is counted under: a status code, or where no status was received, what broke.
fn code(error: &RpcError) -> &'static str {
    match error {
        RpcError::ConnectionError(_) => "CONNECTION",
        RpcError::StreamError(_) => "STREAM",
        RpcError::TlsError(_) => "TLS",
        RpcError::ConfigError(_) => "CONFIGURATION",
        RpcError::IoError(_) => "IO",
        RpcError::SerializationError { .. } => "SERIALIZATION",
        RpcError::Timeout => Code::DeadlineExceeded.name(),
        RpcError::UnknownMethod(_) => Code::Unimplemented.name(),
        RpcError::InternalError(_) => Code::Internal.name(),
        RpcError::Cancelled => Code::Cancelled.name(),
        RpcError::ResourceExhausted(_) => Code::ResourceExhausted.name(),
        RpcError::Unavailable(_) => Code::Unavailable.name(),
        RpcError::Unauthenticated(_) => Code::Unauthenticated.name(),
        RpcError::PermissionDenied(_) => Code::PermissionDenied.name(),
        RpcError::InvalidRequest(_) => Code::InvalidArgument.name(),
        RpcError::SchemaMismatch(_) => Code::FailedPrecondition.name(),
        RpcError::Status(status) | RpcError::ServiceError(status) => status.code.name(),
        // The enum may grow.
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_a_code_are_one_entry_with_the_first_text() {
        let mut failures = Failures::default();
        failures.push(&RpcError::Timeout);
        failures.push(&RpcError::status(Code::NotFound, "no \u{1b}[31mfirst"));
        failures.push(&RpcError::status(Code::NotFound, "no second"));
        let mut more = Failures::default();
        more.push(&RpcError::status(Code::NotFound, "no third"));
        failures.append(more);
        assert_eq!(failures.count(), 4);
        let sorted = failures.into_sorted();
        assert_eq!(sorted[0].0, "NOT_FOUND");
        assert_eq!(sorted[0].1.count, 3);
        assert!(sorted[0].1.example.contains("\\u{1b}[31mfirst"));
        assert_eq!((sorted[1].0, sorted[1].1.count), ("DEADLINE_EXCEEDED", 1));
    }
}
