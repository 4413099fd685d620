//! Who is a member: the certificate that a record carries, and the signature that it proves.
//!
//! What is taken for a member's certificate is M-39, what a proof is M-40 of
//! `docs/spec/swim.md`. Beside [`crate::transport::tls`], this is the only place that verifies
//! certificates.

mod chain;
mod credentials;
mod gate;
mod holders;
mod public_key;
mod roots;
mod signer;

pub(crate) use self::credentials::Credentials;
pub(crate) use self::gate::{Gate, NotAdmitted};

#[cfg(test)]
mod tests;
