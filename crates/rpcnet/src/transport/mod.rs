//! QUIC and TLS behind names of our own.
//!
//! [`quic`] is the only module that names the QUIC library and [`tls`] the only one
//! that names the TLS provider. Calls are built on [`SendHalf`] and [`RecvHalf`],
//! which abort their stream on drop unless it was ended on purpose.

pub(crate) mod close_format;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod fairness;
mod figures;
pub(crate) mod gathered;
pub(crate) mod interrupted;
pub(crate) mod keep_alive;
pub(crate) mod quic;
pub(crate) mod reset_token;
pub(crate) mod stream;
pub(crate) mod tls;
mod udp;

pub(crate) use self::interrupted::Interrupted;
pub(crate) use self::stream::{RecvHalf, SendHalf};
pub(crate) use self::udp::{HeldBack, corked_polls, held_back};
