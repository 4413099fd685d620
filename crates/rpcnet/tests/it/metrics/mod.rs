//! What is counted, and what is told of it.

mod bounds;
mod calls;
mod cluster;
mod deploy;
mod endpoint;
mod facade;
mod refusals;
mod told;
