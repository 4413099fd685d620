//! Members of a cluster over real QUIC on loopback.

mod many;
