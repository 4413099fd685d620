//! The attribute `#[rpcnet::service]`: a shim over the generator.
