//! Workers that are found, chosen and called over real QUIC, and what becomes of the calls
//! when single workers go.

mod calling;
pub(crate) mod crew;
mod ejection;
mod endings;
mod restarts;
mod scatter;
mod selecting;
mod streams;
mod trouble;
