//! The command `rpcnet-gen`.

fn main() {}
