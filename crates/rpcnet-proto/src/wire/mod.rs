//! The bytes on the wire, as `docs/spec/wire.md` defines them.
//!
//! | stream | first byte | then |
//! |---|---|---|
//! | bidirectional, client to server | [`StreamKind::Call`] | HEADER, MESSAGE, ..., end |
//! | the same stream, server to client | none | MESSAGE, ..., LOAD where asked, STATUS where it failed, end |
//! | bidirectional, client to server | [`StreamKind::Batch`] | HEADER, MESSAGE, HEADER, MESSAGE, ..., end |
//! | the same stream, server to client | none | ANSWER, LOAD where asked, MESSAGE or STATUS, ANSWER, ..., end |
//! | bidirectional, both ways | [`StreamKind::Gossip`] | HELLO, then GOSSIP and BEAT |
//! | unidirectional, both ways | [`StreamKind::Control`] | SETTINGS, then GOAWAY and CANCEL |
//!
//! A frame is `length: varint | type: u8 | body`; the length counts type and
//! body, and length 0 is the end marker. What moves the bytes is not here.

mod batch_request;
mod batch_response;
mod beat;
mod body;
mod cancel;
mod chunks;
mod control;
mod decoder;
pub mod encode;
mod error;
mod error_code;
mod goaway;
mod gossip;
mod header;
mod hello;
mod kind;
mod load;
mod request;
mod response;
mod settings;
mod status;
pub mod varint;

pub use batch_request::{
    BATCH_CALLS_MAX, BATCH_MESSAGE_BYTES_MAX, BatchRequestEvent, BatchRequestReader,
};
pub use batch_response::{Answer, BatchResponseEvent, BatchResponseReader};
pub use beat::Beat;
pub use cancel::Cancel;
pub use control::{ControlEvent, ControlReader};
pub use decoder::{Frame, FrameDecoder, FrameLimits};
pub use error::WireError;
pub use error_code::ErrorCode;
pub use goaway::GoAway;
pub use gossip::{GossipEvent, GossipReader};
pub use header::{Header, HeaderRef};
pub use hello::Hello;
pub use kind::{FrameKind, StreamKind};
pub use load::Load;
pub use request::{RequestEvent, RequestReader};
pub use response::{ResponseEvent, ResponseReader};
pub use settings::Settings;
pub use status::decode as decode_status;

/// The protocol that both sides name in the TLS handshake.
///
/// W-1: nothing else is offered and nothing else accepted.
pub const ALPN: &[u8] = b"rpcnet/1";
