//! Generates typed rpcnet servers and clients from Rust traits.
//!
//! One generator, three ways in: the attribute `#[rpcnet::service]`, the command
//! `rpcnet-gen`, and a builder for build scripts. All of them emit the same code.

mod diagnostic;
mod emit;
mod expand;
mod model;
mod parse;

pub use diagnostic::{Diagnostic, Diagnostics};
#[cfg(feature = "files")]
pub use emit::files::{File, Module, Parts, generate};
pub use expand::expand;
