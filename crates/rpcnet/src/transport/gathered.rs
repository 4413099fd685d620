//! [`Gathered`]: messages of a stream that are ready together, and leave in one piece.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::encode;

use super::stream::COPIED_MESSAGE_BYTES_MAX;

/// The most bytes that are gathered.
const BYTES_MAX: usize = 32 << 10;

/// How long whoever makes the messages may take for all of a piece: the first one waits
/// for no more than that.
const GATHERED_FOR: Duration = Duration::from_micros(100);

/// After so many messages, the time is looked at only once for as many.
const LOOKED_AT: u32 = 8;

/// One or more messages as frames, and what follows them.
#[derive(Debug)]
pub(crate) struct Gathered<E> {
    pub(crate) frames: BytesMut,
    pub(crate) next: Next<E>,
}

/// What comes after the messages that were gathered.
#[derive(Debug)]
pub(crate) enum Next<E> {
    /// Whatever becomes ready.
    Unknown,
    /// A message that is too long to be copied.
    Long(Bytes),
    /// Nothing.
    End,
    /// Nothing, because of this.
    Failed(E),
}

impl<E> Gathered<E> {
    /// Begins with an item that was waited for.
    pub(crate) fn from_first(item: Option<Result<Bytes, E>>) -> Self {
        let mut gathered = Self {
            frames: BytesMut::new(),
            next: Next::Unknown,
        };
        gathered.take(item);
        gathered
    }

    /// Adds what is ready, up to `room` bytes, and does not wait.
    pub(crate) async fn add_ready(
        &mut self,
        room: usize,
        mut poll_next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) {
        poll_fn(|cx| {
            self.add(cx, room, &mut poll_next);
            Poll::Ready(())
        })
        .await;
    }

    fn add(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut poll_next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) {
        let room = room.min(BYTES_MAX);
        let began = Instant::now();
        let mut count = 0;
        while matches!(self.next, Next::Unknown)
            && self.frames.len() < room
            && let Poll::Ready(item) = poll_next(cx)
        {
            self.take(item);
            count += 1;
            // What took long once may do so again; what never did is not asked each time.
            if (count < LOOKED_AT || count % LOOKED_AT == 0) && began.elapsed() >= GATHERED_FOR {
                break;
            }
        }
    }

    fn take(&mut self, item: Option<Result<Bytes, E>>) {
        match item {
            Some(Ok(message)) if message.len() <= COPIED_MESSAGE_BYTES_MAX => {
                let bytes = encode::PREFIX_BYTES_MAX + message.len();
                self.frames.reserve(bytes);
                encode::message_prefix(&mut self.frames, message.len());
                self.frames.put_slice(&message);
            }
            Some(Ok(message)) => self.next = Next::Long(message),
            Some(Err(error)) => self.next = Next::Failed(error),
            None => self.next = Next::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    type Item = Poll<Option<Result<Bytes, &'static str>>>;

    fn message(bytes: usize) -> Item {
        Poll::Ready(Some(Ok(Bytes::from(vec![7; bytes]))))
    }

    /// What is gathered of these, and how many are left.
    fn gather(items: Vec<Item>, room: usize) -> (Gathered<&'static str>, usize) {
        let mut items = items.into_iter();
        let Some(Poll::Ready(first)) = items.next() else {
            panic!("the first one was waited for");
        };
        let mut gathered = Gathered::from_first(first);
        let mut cx = Context::from_waker(Waker::noop());
        gathered.add(&mut cx, room, |_| items.next().unwrap_or(Poll::Pending));
        (gathered, items.count())
    }

    #[test]
    fn what_is_ready_leaves_together_and_nothing_is_waited_for() {
        let (gathered, left) = gather(vec![message(10), message(10), Poll::Pending], 1000);
        assert_eq!(gathered.frames.len(), 2 * 12);
        assert!(matches!(gathered.next, Next::Unknown));
        assert_eq!(left, 0);
    }

    #[test]
    fn a_long_message_an_end_and_a_failure_end_what_is_gathered() {
        let long = COPIED_MESSAGE_BYTES_MAX + 1;
        let (gathered, left) = gather(vec![message(10), message(long), message(10)], 1000);
        assert_eq!(gathered.frames.len(), 12);
        assert!(matches!(gathered.next, Next::Long(message) if message.len() == long));
        assert_eq!(left, 1);
        let (gathered, _) = gather(vec![message(10), Poll::Ready(None)], 1000);
        assert!(matches!(gathered.next, Next::End));
        let (gathered, _) = gather(vec![Poll::Ready(Some(Err("no")))], 1000);
        assert!(matches!(gathered.next, Next::Failed("no")) && gathered.frames.is_empty());
    }

    #[test]
    fn no_more_is_gathered_than_there_is_room_for() {
        let (gathered, left) = gather((0..9).map(|_| message(98)).collect(), 300);
        assert_eq!((gathered.frames.len(), left), (3 * 101, 6));
        let (gathered, left) = gather((0..9).map(|_| message(98)).collect(), 0);
        assert_eq!((gathered.frames.len(), left), (101, 8));
        let (gathered, _) = gather((0..999).map(|_| message(98)).collect(), usize::MAX);
        assert!(gathered.frames.len() < BYTES_MAX + 101);
    }
}
