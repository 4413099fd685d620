//! [`Answer`]: a status, as it was told or concluded.

use rpcnet::builtin::HealthStatus;
use rpcnet::{Code, ConnectionErrorKind, RpcError};
use serde::Deserialize;
use serde_json::json;

use super::Args;
use crate::cmd::access::{ascii_json, printable};

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: String,
    /// Why it was concluded, where it was not told.
    pub(super) reason: Option<String>,
}

impl Answer {
    /// What the server told.
    ///
    /// # Errors
    ///
    /// It is no status.
    pub(super) fn told(payload: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Told {
            status: String,
        }
        let Told { status } = serde_json::from_slice(payload)?;
        Ok(Self {
            status: printable(&status, STATUS_CHARS_MAX),
            reason: None,
        })
    }

    /// What a refusal says about the server; `None` where it says nothing.
    pub(super) fn concluded(error: &RpcError) -> Option<Self> {
        let status = match error {
            RpcError::Unavailable(_) => HealthStatus::Draining,
            RpcError::ResourceExhausted(_) => HealthStatus::NotServing,
            RpcError::ConnectionError(error) if error.kind() == ConnectionErrorKind::Refused => {
                HealthStatus::NotServing
            }
            RpcError::Status(status) if status.code == Code::NotFound => HealthStatus::NotServing,
            _ => return None,
        };
        let reason = match status {
            HealthStatus::Draining => None,
            _ => Some(printable(&crate::chain(error), REASON_CHARS_MAX)),
        };
        Some(Self {
            status: status.name().to_owned(),
            reason,
        })
    }

    pub(super) fn is_serving(&self) -> bool {
        self.status == HealthStatus::Serving.name()
    }

    /// The answer as it is printed.
    pub(super) fn line(&self, args: &Args, at: Option<String>) -> String {
        if !args.json {
            return match at {
                Some(at) => format!("{at}  {}\n", self.status),
                None => format!("{}\n", self.status),
            };
        }
        let mut line = json!({"service": args.service, "status": self.status});
        if let Some(at) = at {
            line["at"] = at.into();
        }
        if let Some(reason) = &self.reason {
            line["reason"] = reason.as_str().into();
        }
        ascii_json(&line.to_string()) + "\n"
    }
}

/// Characters of a status that are printed.
const STATUS_CHARS_MAX: usize = 40;
/// Characters of a reason that are printed.
const REASON_CHARS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_serving_is_serving() {
        for (payload, is_serving) in [
            (r#"{"status": "SERVING"}"#, true),
            (r#"{"status": "NOT_SERVING"}"#, false),
            (r#"{"status": "DRAINING", "more": 1}"#, false),
            (r#"{"status": "SERVING\u001b[2J"}"#, false),
        ] {
            let told = Answer::told(payload.as_bytes()).expect("it is one");
            assert_eq!(told.is_serving(), is_serving, "{payload}");
            assert!(!told.status.contains('\u{1b}'));
        }
        for payload in ["", "{}", "SERVING", r#"{"status": 1}"#] {
            assert!(Answer::told(payload.as_bytes()).is_err(), "{payload}");
        }
    }

    #[test]
    fn what_says_nothing_about_the_server_is_no_answer() {
        let unknown = RpcError::UnknownMethod("no such method".into());
        assert_eq!(Answer::concluded(&unknown), None);
        assert_eq!(Answer::concluded(&RpcError::Timeout), None);
    }
}
