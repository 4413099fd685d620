//! The sans-IO wire core of rpcnet: what the bytes mean, and nothing else.
//!
//! *Sans-IO* is a promise about what cannot happen here: no socket, no task, no
//! clock, no log, no chance. Bytes and instants come in as arguments, values and
//! errors come out, and any input in any order ends in one of the two. The
//! drivers that move bytes live in the crate `rpcnet`; depend on that one, this
//! crate promises no stable API.
//!
//! Three readers turn received bytes into events, one per kind of stream:
//! [`wire::RequestReader`], [`wire::ResponseReader`] and [`wire::ControlReader`].
//! Each has the same verbs, to be used in this order: `push` what arrived, call
//! `next_event` until it returns `None`, and call `finish` when the peer finished
//! the stream. The functions in [`wire::encode`] write the frames. The protocol
//! itself is `docs/spec/wire.md`; a comment `W-7` cites its rule of that number.
//!
//! Who is in the cluster is decided in [`swim`], by `docs/spec/swim.md`, whose rules
//! are cited as `M-7`. How likely it is that a node is still there, judged by its
//! silence, is computed in [`phi`]. Which node a call goes to, and which nodes are left
//! alone for a while because their calls fail, is chosen in [`balance`].

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod balance;
mod call;
mod chance;
mod code;
mod codec;
mod deadline;
mod metadata;
mod method;
mod mix;
pub mod phi;
mod status;
pub mod swim;
mod trace;
pub mod wire;

pub use call::{CallId, CallKind};
pub use code::Code;
pub use codec::CodecId;
pub use deadline::Deadline;
pub use metadata::{Metadata, MetadataError};
pub use method::{Method, MethodError};
pub use status::{Origin, Status};
pub use trace::{TraceContext, TraceparentError};
