//! What the simulator promises, and what the core keeps in it.

mod determinism;
mod invariants;
mod processes;
mod seeds;
