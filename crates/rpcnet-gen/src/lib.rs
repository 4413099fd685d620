//! Generates typed rpcnet servers and clients from Rust traits.
//!
//! One generator, three ways in: the attribute `#[rpcnet::service]`, the command
//! `rpcnet-gen`, and a builder for build scripts. All of them emit the same code.

#[cfg(feature = "files")]
mod builder;
#[cfg(feature = "files")]
mod compat;
mod diagnostic;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "files")]
mod stand_in;

#[cfg(feature = "files")]
pub use builder::Builder;
#[cfg(feature = "files")]
pub use compat::{Breaks, Change, ChangeKind, Changes, Severity, Site, compare};
pub use diagnostic::{Diagnostic, Diagnostics};
#[cfg(feature = "files")]
pub use files::{GenerateError, GeneratedModule, Report};
#[cfg(feature = "files")]
pub use stand_in::{File, Module, Parts, generate};
