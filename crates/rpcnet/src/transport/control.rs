//! The control stream of each side: SETTINGS first, then GOAWAY and CANCEL.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use rpcnet_proto::wire::{
    Cancel, ControlEvent, ControlReader, ErrorCode, GoAway, Settings, StreamKind, WireError, encode,
};
use tokio::time::timeout;

use super::quic::{self, ConnectionEnd, ControlAcceptor};
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
        half.write([frames.freeze()]).await?;
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
        matches!(half.poll_room(&mut cx), Poll::Ready(Ok(()))) && half.push(frame.freeze()).is_ok()
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
    /// The peer finished its control stream: it is leaving.
    Finished,
    /// The peer opened a second control stream.
    Second,
}

impl ControlFailure {
    /// What to close the connection with; `None` where it is gone already.
    pub(crate) fn close_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Interrupted(Interrupted::Lost(_)) => None,
            Self::Wire(error) => Some(error.error_code()),
            Self::Interrupted(_) | Self::Finished | Self::Second => Some(ErrorCode::Protocol),
        }
    }
}

impl ControlReceiver {
    /// Waits for the peer's control stream and refuses streams of other kinds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops what it had accepted.
    pub(crate) async fn accept(streams: &mut ControlAcceptor) -> Result<Self, ControlFailure> {
        loop {
            let half = quic::accept_control(streams).await.map_err(lost)?;
            let half = half.ok_or(ControlFailure::Finished)?;
            if let Some(receiver) = Self::of_kind(half).await {
                return Ok(receiver);
            }
        }
    }

    /// Refuses every further stream; ends where one is a second control stream.
    ///
    /// A stream has `patience` to show its kind.
    pub(crate) async fn refuse_more(
        streams: &mut ControlAcceptor,
        patience: Duration,
    ) -> ControlFailure {
        while let Ok(Some(half)) = quic::accept_control(streams).await {
            // Boxed: there is none, as a rule, and each connection waits for it.
            let second = Box::pin(Self::of_kind(half));
            // W-40: there is one control stream in each direction.
            if let Ok(Some(_second)) = timeout(patience, second).await {
                return ControlFailure::Second;
            }
        }
        // That the connection is gone is for the reader of the control stream to see.
        std::future::pending().await
    }

    /// Takes the stream over if it is one for control, and refuses it otherwise.
    async fn of_kind(mut half: RecvHalf) -> Option<Self> {
        let mut reader = ControlReader::new();
        let mut kind = None;
        while kind.is_none() {
            let received = half.receive(|mut chunk| {
                if kind.is_none() && !chunk.is_empty() {
                    kind = Some(StreamKind::from_byte(chunk.split_to(1)[0]));
                }
                reader.push(chunk);
            });
            if !received.await.ok()? && kind.is_none() {
                return None;
            }
        }
        if kind.flatten() != Some(StreamKind::Control) {
            // W-4: a kind that has no place here is refused, the connection lives on.
            half.stop(ErrorCode::UnknownStreamKind);
            return None;
        }
        Some(Self { half, reader })
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
            // W-39: the reader refuses anything else before SETTINGS.
            _ => Err(ControlFailure::Finished),
        }
    }
}

fn lost(error: ConnectionEnd) -> ControlFailure {
    ControlFailure::Interrupted(error.into())
}
