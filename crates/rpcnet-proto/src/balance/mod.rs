//! Which worker a call goes to, and which workers are left alone for a while.
//!
//! A [`Picker`] chooses one of a set of [`Candidate`]s by a [`Strategy`]; [`ZonePreference`]
//! chooses between a near one and a far one. What the strategies go by is kept in cells
//! that many threads update at once without a lock: [`PeakEwma`] for latency, [`LoadCell`]
//! for the load that a worker reports, [`Outcomes`] for successes and failures. An
//! [`Ejector`] decides from the outcomes who is left alone, and a [`RetryBudget`] how much
//! may be tried again.
//!
//! As in the rest of the crate, the time and all chance are arguments. No pick takes a
//! lock or allocates.

mod alias;
mod ask;
mod candidate;
mod draw;
mod ejection;
mod ejector;
#[cfg(test)]
mod fake;
mod hash;
mod load_cell;
mod outcomes;
mod peak_ewma;
mod pick;
mod picker;
mod retry_budget;
mod slots;
mod stamp;
mod strategy;
mod turns;
mod walk;
mod zone;

pub use ask::Ask;
pub use candidate::Candidate;
pub use draw::Draw;
pub use ejection::{EjectionConfig, EjectionConfigError};
pub use ejector::{Ejector, Standing};
pub use hash::hash;
pub use load_cell::LoadCell;
pub use outcomes::Outcomes;
pub use peak_ewma::PeakEwma;
pub use picker::Picker;
pub use retry_budget::RetryBudget;
pub use strategy::Strategy;
pub use zone::ZonePreference;
