//! The way to a server: where it is, as whom to ask, and what to say where nobody answers.

mod credentials;
mod failure;
mod seed;
mod server;
mod target;
mod text;

pub(crate) use self::credentials::Credentials;
pub(crate) use self::failure::{Attempt, Unanswered, hint};
pub(crate) use self::seed::Seed;
pub(crate) use self::server::{FAREWELL, ServerAccess};
pub(crate) use self::target::{Place, Target};
pub(crate) use self::text::{ascii_json, printable, terminal_json};
