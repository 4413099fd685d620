//! Generated services over real QUIC, in process and over doubles.

mod bulk;
mod errors;
mod lab;
mod streams;
