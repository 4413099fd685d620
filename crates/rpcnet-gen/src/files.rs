//! Generated modules on disk.

mod atomic;
mod error;
mod inputs;
mod plan;
mod report;

pub use error::GenerateError;
pub use report::{GeneratedModule, Report};

pub(crate) use inputs::{Inputs, read};
pub(crate) use plan::Plan;
