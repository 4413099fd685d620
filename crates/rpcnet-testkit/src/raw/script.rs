//! What a raw server does with a stream, step by step.

use super::error::{RawError, code};
use super::sender::Pace;
use super::server::RawCall;
use crate::chaos::Random;
use bytes::Bytes;
use std::num::NonZeroUsize;
use std::time::Duration;

/// One thing a raw server does with a stream that a client opened.
///
/// After the last step the stream is dropped, which ends it regularly and tells the client to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerStep {
    /// Reads the request up to its end.
    ReadToEnd,
    /// Reads this many bytes of the request.
    Read(usize),
    /// Sends these bytes.
    Write(Bytes),
    /// Sends these bytes in pieces.
    WriteInPieces {
        /// All of them.
        bytes: Bytes,
        /// How many at a time; the last piece may be shorter.
        piece_bytes: NonZeroUsize,
        /// What happens in between.
        pace: Pace,
    },
    /// Sends random bytes, the same for the same seed.
    Garbage {
        /// What they follow from.
        seed: u64,
        /// How many.
        len: usize,
    },
    /// Sends the same bytes this many times: twice is a duplicate reply.
    Repeat {
        /// What is sent.
        bytes: Bytes,
        /// How often.
        times: u32,
    },
    /// Sends the same bytes again and again until the client has had enough.
    Endless(Bytes),
    /// Does nothing for this long.
    Pause(Duration),
    /// Does nothing any more, and keeps the stream open.
    Silence,
    /// Ends the stream regularly.
    Finish,
    /// Breaks the stream off with this code, once what was sent has been acknowledged.
    Reset(u64),
    /// Tells the client with this code to stop sending.
    StopSending(u64),
    /// Closes the whole connection with this code, once what was sent on this stream has been
    /// acknowledged.
    Close(u64),
}

/// How long a stream's script may run before its stream is dropped: 120 s.
pub const SCRIPT_TIME_MAX: Duration = Duration::from_secs(120);

/// Does all steps in order, up to the first that fails.
pub(super) async fn run(steps: &[ServerStep], mut call: RawCall) -> Result<(), RawError> {
    for step in steps {
        step.run(&mut call).await?;
    }
    Ok(())
}

impl ServerStep {
    async fn run(&self, call: &mut RawCall) -> Result<(), RawError> {
        let sender = &mut call.stream.sender;
        let receiver = &mut call.stream.receiver;
        match self {
            Self::ReadToEnd => receiver.drain().await,
            Self::Read(len) => {
                receiver.read(*len, SCRIPT_TIME_MAX).await;
            }
            Self::Write(bytes) => sender.write_patiently(bytes.clone()).await?,
            Self::WriteInPieces {
                bytes,
                piece_bytes,
                pace,
            } => sender.write_in_pieces(bytes, *piece_bytes, *pace).await?,
            Self::Garbage { seed, len } => sender.write_patiently(garbage(*seed, *len)).await?,
            Self::Repeat { bytes, times } => {
                for _ in 0..*times {
                    sender.write_patiently(bytes.clone()).await?;
                }
            }
            Self::Endless(bytes) => loop {
                sender.write_patiently(bytes.clone()).await?;
            },
            Self::Pause(pause) => tokio::time::sleep(*pause).await,
            Self::Silence => std::future::pending().await,
            Self::Finish => sender.finish()?,
            Self::Reset(code) => {
                sender.flush().await?;
                sender.reset(*code)?;
            }
            Self::StopSending(code) => receiver.stop_sending(*code)?,
            Self::Close(number) => {
                sender.flush().await?;
                call.connection.close(code(*number)?);
            }
        }
        Ok(())
    }
}

fn garbage(seed: u64, len: usize) -> Bytes {
    let mut random = Random::new(seed, 0);
    (0..len).map(|_| random.next_u64() as u8).collect()
}
