//! [`HealthStatus`]: what a probe is told.

use std::fmt;

/// Whether something is ready to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthStatus {
    /// It is.
    Serving,
    /// It is not, for as long as the application says so.
    NotServing,
    /// It answers still and wants no more work: it is about to stop.
    Draining,
}

impl HealthStatus {
    /// The name that travels: `SERVING`, `NOT_SERVING` or `DRAINING`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::Draining => "DRAINING",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
