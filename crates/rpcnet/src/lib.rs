//! Placeholder.
#[cfg(feature = "dev-certs")]
pub mod certs;
mod identity;
#[allow(dead_code, unused_imports)]
mod transport;

pub use identity::{IdentityError, PeerIdentity};
pub use transport::tls::{ClientAuth, PemProblem, TlsError};
