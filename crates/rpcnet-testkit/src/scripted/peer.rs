//! One end of a connection.

use super::call::RawCall;
use super::frames;
use bytes::Bytes;
use rpcnet_proto::wire::{ErrorCode, Settings};
use s2n_quic::application;
use s2n_quic::connection::{
    BidirectionalStreamAcceptor, Connection, Error, Handle, ReceiveStreamAcceptor,
};
use s2n_quic::stream::{ReceiveStream, SendStream};

/// A connection whose other end is the library.
///
/// Dropping it closes the connection, streams and all.
#[derive(Debug)]
pub struct RawPeer {
    handle: Handle,
    calls: BidirectionalStreamAcceptor,
    controls: ReceiveStreamAcceptor,
    /// Kept open: a control stream that ends is the end of its connection.
    control: Option<SendStream>,
}

impl RawPeer {
    pub(super) fn new(connection: Connection) -> Self {
        let (handle, acceptor) = connection.split();
        let (calls, controls) = acceptor.split();
        Self {
            handle,
            calls,
            controls,
            control: None,
        }
    }

    /// Sends bytes on the control stream, which the first call opens; the kind byte is not added.
    ///
    /// # Errors
    ///
    /// The connection is gone, or the peer stopped the stream.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been sent.
    pub async fn send_control(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.control.is_none() {
            self.control = Some(self.open_control().await?);
        }
        match &mut self.control {
            Some(control) => control.send(bytes).await.map_err(lost),
            None => Ok(()),
        }
    }

    /// Opens the control stream with these settings.
    ///
    /// # Errors
    ///
    /// As [`send_control`](Self::send_control).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been sent.
    pub async fn send_settings(&mut self, settings: &Settings) -> Result<(), Error> {
        self.send_control(frames::control(settings)).await
    }

    /// Opens a unidirectional stream.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future opens nothing.
    pub async fn open_control(&self) -> Result<SendStream, Error> {
        self.handle.clone().open_send_stream().await
    }

    /// Waits for the peer's next unidirectional stream; `None` once the connection has ended.
    ///
    /// # Errors
    ///
    /// How the connection ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept_control(&mut self) -> Result<Option<ReceiveStream>, Error> {
        self.controls.accept_receive_stream().await
    }

    /// Opens a bidirectional stream, waiting for the peer's credit.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future opens nothing.
    pub async fn open(&self) -> Result<RawCall, Error> {
        let stream = self.handle.clone().open_bidirectional_stream().await?;
        Ok(RawCall::new(stream))
    }

    /// Waits for the peer's next bidirectional stream; `None` once the connection has ended.
    ///
    /// # Errors
    ///
    /// How the connection ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&mut self) -> Result<Option<RawCall>, Error> {
        let stream = self.calls.accept_bidirectional_stream().await?;
        Ok(stream.map(RawCall::new))
    }

    /// Closes the connection with this code.
    pub fn close(&self, code: ErrorCode) {
        self.handle.close(application_code(code.to_wire()));
    }

    /// Waits until the connection has ended; the code it was closed with by the peer's program, where
    /// that is how it ended. Streams that the peer opens meanwhile are accepted and forgotten.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn closed(&mut self) -> Option<u64> {
        loop {
            match self.calls.accept_bidirectional_stream().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(Error::Application { error, .. }) => return Some(error.into()),
                Err(_) => return None,
            }
        }
    }
}

/// A number as a code; those beyond what QUIC can carry become 0.
pub(super) fn application_code(number: u64) -> application::Error {
    application::Error::new(number).unwrap_or(application::Error::UNKNOWN)
}

fn lost(error: s2n_quic::stream::Error) -> Error {
    match error {
        s2n_quic::stream::Error::ConnectionError { error, .. } => error,
        _ => Error::unspecified(),
    }
}
