//! `rpcnet call`: one call, from the shell.

mod args;
mod failure;
mod input;
mod message;
mod output;
mod plan;
mod pretty;
mod run;
mod timing;

pub(crate) use self::args::Args;
pub(crate) use self::run::run;
