//! [`Ask`]: what one pick is made from, beside the candidates.

use super::draw::Draw;
use crate::swim::Time;

/// One question to a [`Picker`](super::Picker).
#[derive(Debug)]
pub struct Ask<'a> {
    /// The present, which latencies and reported loads are brought to.
    pub now: Time,
    /// What calls have in common that shall go to the same worker. Only
    /// [`Strategy::Rendezvous`](super::Strategy::Rendezvous) looks at it.
    pub key: Option<u64>,
    /// Where chance comes from.
    pub draw: &'a mut Draw,
}
