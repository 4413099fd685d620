//! What the simulator promises, and what the core keeps in it.

mod alarms;
mod attack;
mod determinism;
mod invariants;
mod processes;
mod seeds;
