//! The proof that a call ran at most once, and that its caller was told the truth about it.
//!
//! Every call carries a [`CallId`]. The server writes down in its [`Ledger`] when the handler starts,
//! and whether it finished or was cancelled; the client writes down in its [`CallLog`] what it issued
//! and how each call ended. After the run [`check`] puts both sides together and lists what cannot
//! be: a call that ran twice, a "safe to retry" that had run, a call whose end nobody was told.
//!
//! | the client was told | the handler must have run |
//! |---|---|
//! | [`Outcome::Ok`] | exactly once, to its end |
//! | [`Outcome::Status`] | exactly once |
//! | [`Outcome::NotExecuted`] | never |
//! | [`Outcome::Unknown`], [`Outcome::Cancelled`], [`Outcome::DeadlineExceeded`] | at most once |
//! | nothing | the call is lost, which is a violation by itself |
//!
//! Where the caller said that the call is idempotent, "once" is "at least once", and "at most once"
//! any number of times; "never" is still never.

mod call_id;
mod call_log;
mod check;
mod event;
mod recorder;
mod report;
mod rpc_outcome;

pub use call_id::{CallId, CallIds};
pub use call_log::{CALLS_MAX, CallLog, CallRecord, Outcome};
pub use check::check;
pub use event::{Event, EventKind, RECORD_BYTES, read_events};
pub use recorder::{EVENTS_MAX, Execution, Ledger};
pub use report::{OutcomeCounts, Report, VIOLATIONS_LISTED_MAX, Violation, ViolationKind};
