//! Which workers there are, and which of them is called next.
//!
//! The registry's task is the only writer: it turns what the membership, the heartbeats and
//! the calls' own outcomes say into a [`Pool`](pool::Pool), which callers read without a lock.

mod config;
mod error;
mod follow;
mod pool;
mod registry;
mod select;
mod state;
mod worker;

pub use self::config::WorkerConfig;
pub use self::error::{Absent, WorkerError};
pub(crate) use self::registry::Shared as WorkerShared;
pub use self::registry::WorkerRegistry;
pub(crate) use self::select::{Tried, Wish};
pub(crate) use self::state::{Reach, WorkerState};
pub use self::worker::{SelectedWorker, Worker};
