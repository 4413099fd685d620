//! What the example programs share: their command line, and a service that is generated in
//! three ways.
//!
//! The programs themselves are in `src/bin`. `hello`, `streaming`, `mutual_tls` and
//! `cancellation` show calls of bytes; `greeting`, `calculator`, `file_transfer` and `chat` are
//! typed services with a server and a client that may run as processes of their own. The programs
//! whose names begin with `cluster_` form a [cluster] of workers together.

pub mod calculator;
pub mod cluster;
mod ends;
pub mod interop;

pub use ends::{ClientEnd, GRACE, Outcome, ServerEnd, run};
