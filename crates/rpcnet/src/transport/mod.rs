//! Placeholder.
pub(crate) mod close_format;
pub(crate) mod events;
pub(crate) mod reset_token;
pub(crate) mod tls;
