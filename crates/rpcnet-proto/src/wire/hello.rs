//! Who speaks on a gossip stream.

use bytes::{BufMut, Bytes, BytesMut};

use super::body::Body;
use super::header::put_field;
use super::{FrameKind, WireError};
use crate::swim::NodeName;

/// The first frame of either half of a gossip stream (W-60): what its sender claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The cluster that the sender is of; its name follows the rule for names of nodes.
    pub cluster: NodeName,
    /// The sender's own name, for its certificate to prove.
    pub node: NodeName,
    /// Whether the stream stays open and carries messages both ways.
    pub is_link: bool,
}

const LINK: u8 = 1;

impl Hello {
    /// Reads the body of a HELLO. Bytes after the last field are ignored (W-14), as are
    /// flags that this version does not know.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Hello, body);
        Ok(Self {
            cluster: name(&mut body)?,
            node: name(&mut body)?,
            is_link: body.byte()? & LINK != 0,
        })
    }

    /// Appends the body.
    pub(super) fn encode_body(&self, out: &mut BytesMut) {
        put_field(self.cluster.as_str().as_bytes(), out);
        put_field(self.node.as_str().as_bytes(), out);
        out.put_u8(if self.is_link { LINK } else { 0 });
    }
}

/// W-61: what is not UTF-8 is no name either.
fn name(body: &mut Body) -> Result<NodeName, WireError> {
    let text = body.text(NodeName::BYTES_MAX)?;
    Ok(NodeName::new(&text)?)
}
