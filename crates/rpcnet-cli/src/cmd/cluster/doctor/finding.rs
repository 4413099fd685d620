//! [`Finding`]: what was looked at, and what is to be said about it.

use serde::Serialize;

use crate::cmd::access::{Attempt, printable};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Ok,
    Warning,
    Error,
}

/// What was looked at, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What was looked at, in one word.
    pub(super) check: &'static str,
    /// Of whom.
    pub(super) subject: String,
    pub(super) text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Finding {
    fn new(severity: Severity, check: &'static str, subject: &str, text: &str) -> Self {
        Self {
            severity,
            check,
            subject: printable(subject, SUBJECT_CHARS_MAX),
            text: printable(text, TEXT_CHARS_MAX),
            hint: None,
        }
    }

    pub(super) fn ok(check: &'static str, subject: &str, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Ok, check, subject, text.as_ref())
    }

    pub(super) fn warning(
        check: &'static str,
        subject: &str,
        text: impl AsRef<str>,
        hint: impl Into<String>,
    ) -> Self {
        let finding = Self::new(Severity::Warning, check, subject, text.as_ref());
        finding.with_hint(hint)
    }

    pub(super) fn error(
        check: &'static str,
        subject: &str,
        text: impl AsRef<str>,
        hint: impl Into<String>,
    ) -> Self {
        let finding = Self::new(Severity::Error, check, subject, text.as_ref());
        finding.with_hint(hint)
    }

    /// A question that was not answered.
    pub(super) fn unanswered(check: &'static str, attempt: &Attempt) -> Self {
        let finding = Self::new(Severity::Error, check, attempt.place(), attempt.reason());
        Self {
            hint: attempt.hint().map(str::to_owned),
            ..finding
        }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

const SUBJECT_CHARS_MAX: usize = 80;
const TEXT_CHARS_MAX: usize = 500;
