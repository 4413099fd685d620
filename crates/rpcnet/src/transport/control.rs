//! The control stream of each side: SETTINGS first, then GOAWAY and CANCEL.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    Cancel, ControlEvent, ControlReader, ErrorCode, GoAway, Settings, StreamKind, WireError, encode,
};

use tokio::time::timeout;

use super::quic::{ControlAcceptor, accept_control};
use super::{Interrupted, RecvHalf, SendHalf};

/// Our control stream, written to from anywhere without waiting.
///
/// The lock is held for one push into the transport's bounded send buffer, never
/// across an await, so that a guard's `drop` can send a CANCEL.
#[derive(Debug)]
pub(crate) struct ControlSender(Mutex<SendHalf>);

impl ControlSender {
    /// Takes over a fresh stream and sends its kind and our settings.
    pub(crate) async fn open(mut half: SendHalf, settings: &Settings) -> Result<Self, Interrupted> {
        let mut frames = BytesMut::with_capacity(64);
        encode::stream_kind(&mut frames, StreamKind::Control);
        encode::settings(&mut frames, settings);
        half.write(frames.freeze()).await?;
        Ok(Self(Mutex::new(half)))
    }

    /// Asks the peer to cancel a call; false where the send buffer is full, so that
    /// the call's deadline has to end it.
    pub(crate) fn cancel(&self, cancel: &Cancel) -> bool {
        let mut frame = BytesMut::with_capacity(16);
        encode::cancel(&mut frame, cancel);
        self.push(frame)
    }

    /// Announces that this side drains.
    pub(crate) fn go_away(&self, go_away: &GoAway) -> bool {
        let mut frame = BytesMut::with_capacity(64);
        encode::goaway(&mut frame, go_away);
        self.push(frame)
    }

    fn push(&self, frame: BytesMut) -> bool {
        let mut half = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cx = Context::from_waker(Waker::noop());
        half.poll_room(&mut cx).is_ready_and(|room| room.is_ok())
            && half.push(frame.freeze()).is_ok()
    }
}

/// `Poll::is_ready` together with a look at the value.
trait IsReadyAnd<T> {
    fn is_ready_and(self, look: impl FnOnce(T) -> bool) -> bool;
}

impl<T> IsReadyAnd<T> for std::task::Poll<T> {
    fn is_ready_and(self, look: impl FnOnce(T) -> bool) -> bool {
        match self {
            Self::Ready(value) => look(value),
            Self::Pending => false,
        }
    }
}

/// The peer's control stream.
#[derive(Debug)]
pub(crate) struct ControlReceiver {
    half: RecvHalf,
    reader: ControlReader,
}

/// Why a control stream is of no more use; either ends the connection.
#[derive(Debug)]
pub(crate) enum ControlFailure {
    Interrupted(Interrupted),
    Wire(WireError),
    /// The peer finished its control stream, which must outlive all calls.
    Finished,
    /// The first byte is not the kind of a control stream.
    NotControl,
}

impl ControlFailure {
    /// What to close the connection with; `None` where it is gone already.
    pub(crate) fn close_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Interrupted(Interrupted::Lost(_)) => None,
            Self::Wire(error) => Some(error.error_code()),
            Self::Interrupted(_) | Self::Finished | Self::NotControl => Some(ErrorCode::Protocol),
        }
    }
}

impl ControlReceiver {
    /// Takes over the peer's stream after checking its kind.
    pub(crate) async fn accept(mut half: RecvHalf) -> Result<Self, ControlFailure> {
        let mut reader = ControlReader::new();
        match read_kind(&mut half, |chunk| reader.push(chunk)).await? {
            Some(StreamKind::Control) => Ok(Self { half, reader }),
            _ => Err(ControlFailure::NotControl),
        }
    }

    /// Waits for the next control frame.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<ControlEvent, ControlFailure> {
        loop {
            if let Some(event) = self.reader.next_event().map_err(ControlFailure::Wire)? {
                return Ok(event);
            }
            let reader = &mut self.reader;
            let is_open = self
                .half
                .receive(|chunk| reader.push(chunk))
                .await
                .map_err(ControlFailure::Interrupted)?;
            if !is_open {
                return Err(ControlFailure::Finished);
            }
        }
    }

    /// Waits for SETTINGS, which the protocol puts first.
    pub(crate) async fn settings(&mut self) -> Result<Settings, ControlFailure> {
        match self.next().await? {
            ControlEvent::Settings(settings) => Ok(settings),
            // The reader refuses anything else before SETTINGS.
            _ => Err(ControlFailure::NotControl),
        }
    }
}

/// Reads the first byte of a stream, which says its kind; what came with it goes to `rest`.
async fn read_kind(
    half: &mut RecvHalf,
    mut rest: impl FnMut(Bytes),
) -> Result<Option<StreamKind>, ControlFailure> {
    let mut kind = None;
    loop {
        let is_open = half
            .receive(|mut chunk| {
                if kind.is_none() && !chunk.is_empty() {
                    kind = Some(StreamKind::from_byte(chunk.split_to(1)[0]));
                }
                rest(chunk);
            })
            .await
            .map_err(ControlFailure::Interrupted)?;
        match kind {
            Some(kind) => return Ok(kind),
            None if !is_open => return Err(ControlFailure::Finished),
            None => {}
        }
    }
}

/// Stops the peer's unidirectional streams beyond its control stream; returns where one of
/// them is a second control stream, for which the connection is to be closed (W-40).
///
/// `patience` is how long a stream may take to say its kind.
pub(crate) async fn refuse_more(controls: &mut ControlAcceptor, patience: Duration) {
    while let Ok(Some(mut extra)) = accept_control(controls).await {
        let kind = timeout(patience, read_kind(&mut extra, drop)).await;
        if matches!(kind, Ok(Ok(Some(StreamKind::Control)))) {
            return;
        }
        extra.stop(ErrorCode::UnknownStreamKind);
    }
    // The connection's end is for the others to see.
    std::future::pending().await
}
