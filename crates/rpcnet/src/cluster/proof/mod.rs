//! Who is a member: the certificate that a record carries, and the signature that it proves.
//!
//! This module and its submodules are, beside [`crate::transport::tls`], the only place
//! that verifies certificates.

mod credentials;
mod gate;

pub(crate) use self::credentials::Credentials;
pub(crate) use self::gate::{Gate, NotAdmitted};
