//! Generated services over real QUIC, in process and over doubles.

mod awkward;
mod bulk;
mod carriers;
mod codecs;
mod endings;
mod errors;
mod inside;
pub(crate) mod lab;
mod lies;
mod malformed;
mod schemas;
mod scopes;
mod streams;
