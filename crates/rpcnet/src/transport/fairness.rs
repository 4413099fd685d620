//! [`Fairness`]: when a task that reads messages as fast as they arrive lets others run.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::coop::{RestoreOnPending, poll_proceed};

/// Bytes that count as one operation of a task, of which the runtime grants 128 in a row.
///
/// The short messages of a busy stream arrive many at a time, and to read one takes some tens
/// of nanoseconds. To let others run takes microseconds, and wakes another thread.
const OPERATION_BYTES: usize = 4 << 10;

/// What a message counts for beside its own bytes.
const MESSAGE_BYTES: usize = 256;

/// A reader's part in the fairness among the tasks of a runtime.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// Of the operation that was granted last.
    bytes_left: usize,
}

impl Fairness {
    /// Ready unless it is others' turn.
    pub(crate) fn poll_proceed(&self, cx: &mut Context<'_>) -> Poll<Proceed> {
        Poll::Ready(Proceed(match self.bytes_left {
            0 => Some(ready!(poll_proceed(cx))),
            _ => None,
        }))
    }

    /// A message of so many bytes was read.
    pub(crate) fn made_progress(&mut self, proceed: Proceed, bytes: usize) {
        if let Some(operation) = proceed.0 {
            operation.made_progress();
            self.bytes_left = OPERATION_BYTES;
        }
        let bytes = bytes.saturating_add(MESSAGE_BYTES);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }
}

/// Leave to read a message; dropped without progress, it costs nothing.
pub(crate) struct Proceed(Option<RestoreOnPending>);

/// The bytes of what was read.
pub(crate) fn bytes_of<E>(item: &Option<Result<Bytes, E>>) -> usize {
    match item {
        Some(Ok(message)) => message.len(),
        Some(Err(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::task::yield_now;

    use super::*;

    /// What the runtime grants in a row.
    const OPERATIONS: usize = 128;

    /// How many messages of so many bytes are read before others have a turn.
    async fn read(bytes: usize) -> usize {
        let mut fairness = Fairness::default();
        // A new turn, of which nothing was used.
        yield_now().await;
        poll_fn(|cx| {
            let mut read = 0;
            while let Poll::Ready(nothing_there) = fairness.poll_proceed(cx) {
                drop(nothing_there);
                let Poll::Ready(proceed) = fairness.poll_proceed(cx) else {
                    break;
                };
                fairness.made_progress(proceed, bytes);
                read += 1;
                assert!(read <= 16 * OPERATIONS, "nobody else would ever run");
            }
            Poll::Ready(read)
        })
        .await
    }

    #[tokio::test]
    async fn others_have_a_turn_after_so_many_messages_and_not_before() {
        assert_eq!(read(0).await, 16 * OPERATIONS);
        assert_eq!(read(64).await, 13 * OPERATIONS);
        assert_eq!(read(OPERATION_BYTES).await, OPERATIONS);
        assert_eq!(read(usize::MAX).await, OPERATIONS);
    }
}
