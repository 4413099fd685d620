//! One bidirectional stream.

use super::peer::application_code;
use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{ErrorCode, FrameLimits, ResponseEvent, ResponseReader, WireError};
use rpcnet_proto::{CallKind, Origin, Status};
use s2n_quic::stream::{BidirectionalStream, Error, ReceiveStream, SendStream};

/// A stream that says what it is told and hears what it is asked to hear.
///
/// Dropping it finishes the sending half in good order, as the QUIC library does.
#[derive(Debug)]
pub struct RawCall {
    send: SendStream,
    recv: ReceiveStream,
}

impl RawCall {
    pub(super) fn new(stream: BidirectionalStream) -> Self {
        let (recv, send) = stream.split();
        Self { send, recv }
    }

    /// Sends bytes, waiting for credit and buffer.
    ///
    /// # Errors
    ///
    /// The peer stopped the stream, or the connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been sent.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.send.send(bytes).await
    }

    /// Waits until the peer has acknowledged all that was sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.send.flush().await
    }

    /// Ends the sending half in good order. A half that the peer has stopped already stays as it is.
    pub fn finish(&mut self) {
        let _ = self.send.finish();
    }

    /// Resets the sending half. One that has ended already stays as it is.
    pub fn reset(&mut self, code: u64) {
        let _ = self.send.reset(application_code(code));
    }

    /// Asks the peer to stop sending. A half that has ended already stays as it is.
    pub fn stop(&mut self, code: ErrorCode) {
        let _ = self.recv.stop_sending(application_code(code.to_wire()));
    }

    /// Sends bytes and ends the half; what the peer stopped is not an error here, because its answer
    /// says why.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been sent.
    pub async fn send_all(&mut self, bytes: Bytes) {
        if self.send(bytes).await.is_ok() {
            self.finish();
        }
    }

    /// Waits for the next bytes; `None` at the end of the half.
    ///
    /// # Errors
    ///
    /// The peer reset the half, or the connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        self.recv.receive().await
    }

    /// Reads to the end of the receiving half, however it ends.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    pub async fn read(&mut self) -> Received {
        let mut bytes = BytesMut::new();
        let end = loop {
            match self.receive().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break RawEnd::Finished,
                Err(Error::StreamReset { error, .. }) => break RawEnd::Reset(error.into()),
                Err(_) => break RawEnd::Lost,
            }
        };
        Received {
            bytes: bytes.freeze(),
            end,
        }
    }
}

/// All that came on a half, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The bytes, in order.
    pub bytes: Bytes,
    /// Whether there would have been more.
    pub end: RawEnd,
}

/// How a half of a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawEnd {
    /// With FIN.
    Finished,
    /// Reset with this code.
    Reset(u64),
    /// With its connection.
    Lost,
}

impl Received {
    /// Returns true where the half was reset with this code.
    #[must_use]
    pub fn is_reset(&self, code: ErrorCode) -> bool {
        self.end == RawEnd::Reset(code.to_wire())
    }

    /// The messages of a response, and its status where it has one.
    ///
    /// # Errors
    ///
    /// What came is no complete response of this kind.
    pub fn response(&self, kind: CallKind) -> Result<Response, WireError> {
        if self.end != RawEnd::Finished {
            return Err(WireError::Truncated);
        }
        let limits = FrameLimits {
            message_bytes_max: self.bytes.len(),
            ..FrameLimits::default()
        };
        let mut reader = ResponseReader::new(limits, kind);
        reader.push(self.bytes.clone());
        let mut messages = Vec::new();
        let mut status = None;
        while let Some(event) = reader.next_event()? {
            match event {
                ResponseEvent::Message(message) => messages.push(message),
                ResponseEvent::End | ResponseEvent::Load(_) => {}
                ResponseEvent::Failed(failed, origin) => status = Some((failed, origin)),
            }
        }
        reader.finish()?;
        Ok((messages, status))
    }

    /// The status of a unary response; `None` where there is none, or no complete response.
    #[must_use]
    pub fn status(&self) -> Option<(Status, Origin)> {
        self.response(CallKind::Unary).ok()?.1
    }

    /// The message of a unary response that succeeded.
    #[must_use]
    pub fn message(&self) -> Option<Bytes> {
        self.response(CallKind::Unary).ok()?.0.pop()
    }
}

/// Messages, and the status of a response that failed.
type Response = (Vec<Bytes>, Option<(Status, Origin)>);
