//! Generates typed rpcnet servers and clients from Rust traits.
//!
//! One generator, three ways in: the attribute `#[rpcnet::service]`, the command
//! `rpcnet-gen`, and a builder for build scripts. All of them emit the same code.

#[cfg(feature = "files")]
mod announce;
#[cfg(feature = "files")]
mod builder;
#[cfg(feature = "files")]
mod compat;
mod diagnostic;
mod emit;
mod expand;
#[cfg(feature = "files")]
mod files;
mod model;
mod parse;

#[cfg(feature = "files")]
pub use builder::Builder;
#[cfg(feature = "files")]
pub use compat::{Breaks, Change, ChangeKind, Changes, Severity, Site, compare};
pub use diagnostic::{Diagnostic, Diagnostics};
#[cfg(feature = "files")]
pub use emit::files::{File, Module, Parts, generate};
pub use expand::expand;
#[cfg(feature = "files")]
pub use files::{GenerateError, GeneratedModule, Report};
