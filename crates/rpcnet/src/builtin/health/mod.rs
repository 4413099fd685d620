//! Whether a server, and each of its services, is ready to be called.

mod board;
mod service;
mod status;
mod watch;

pub use self::service::Health;
pub use self::status::HealthStatus;
