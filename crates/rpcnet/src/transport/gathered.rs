//! [`Gathered`]: messages of a stream that are ready together, and leave in one piece.

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

/// After so many messages, the time is looked at only once for `LOOKED_AT_EACH`.
const LOOKED_AT: u32 = 8;
const LOOKED_AT_EACH: u32 = 32;

/// Polls in a row that were quick, after which whoever makes the messages counts as quick.
const QUICK_AFTER: u32 = 4;

/// Whether whoever makes the messages of a stream makes them fast enough to be asked for
/// another before the last one has left.
///
/// One that computes for long between messages is not, and is found out by the time that it
/// holds the thread for; one that was quick and then is not holds up its messages once.
#[derive(Debug, Default)]
pub(crate) struct Tempo {
    quick_polls: u32,
    /// Bytes that were gathered last: room for as many is taken at once.
    gathered: usize,
}

impl Tempo {
    /// Asks for a message, and takes note of the time that it takes to answer.
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if self.is_quick() {
            return poll();
        }
        let began = Instant::now();
        let polled = poll();
        if began.elapsed() < GATHERED_FOR {
            self.quick_polls += 1;
        } else {
            self.quick_polls = 0;
        }
        polled
    }

    const fn is_quick(&self) -> bool {
        self.quick_polls >= QUICK_AFTER
    }
}

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

    /// Adds what is ready, up to `room` bytes.
    pub(crate) fn add(
        &mut self,
        cx: &mut Context<'_>,
        tempo: &mut Tempo,
        room: usize,
        mut poll_next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) {
        if !tempo.is_quick() {
            return;
        }
        let room = room.min(BYTES_MAX);
        self.frames.reserve(tempo.gathered.min(room));
        let began = Instant::now();
        let mut count = 0;
        while matches!(self.next, Next::Unknown)
            && self.frames.len() < room
            && let Poll::Ready(item) = poll_next(cx)
        {
            self.take(item);
            count += 1;
            // What took long once may do so again; what never did is not asked each time.
            if (count < LOOKED_AT || count % LOOKED_AT_EACH == 0) && began.elapsed() >= GATHERED_FOR
            {
                if count < LOOKED_AT {
                    tempo.quick_polls = 0;
                }
                break;
            }
        }
        tempo.gathered = self.frames.len();
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
        let mut quick = Tempo {
            quick_polls: QUICK_AFTER,
            gathered: 0,
        };
        gathered.add(&mut cx, &mut quick, room, |_| {
            items.next().unwrap_or(Poll::Pending)
        });
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
    fn who_has_not_shown_to_be_quick_is_not_asked_before_the_first_has_left() {
        let mut tempo = Tempo::default();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..QUICK_AFTER {
            let mut gathered = Gathered::from_first(Some(Ok::<_, ()>(Bytes::new())));
            gathered.add(&mut cx, &mut tempo, 1000, |_| panic!("it is asked"));
            assert!(tempo.poll(|| Poll::Ready(())).is_ready());
        }
        assert!(tempo.is_quick());
        // It computes for long, once: then it has to show it again.
        let mut gathered = Gathered::from_first(Some(Ok::<_, ()>(Bytes::new())));
        let mut asked = 0;
        gathered.add(&mut cx, &mut tempo, 1000, |_| {
            asked += 1;
            let end = Instant::now() + GATHERED_FOR;
            while Instant::now() < end {
                std::hint::spin_loop();
            }
            Poll::Ready(Some(Ok(Bytes::new())))
        });
        assert_eq!(asked, 1);
        assert!(!tempo.is_quick());
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
