//! [`corked`]: several things said to the QUIC library, of which a socket's task learns at once.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Waker;

thread_local! {
    /// How many are writing on this thread, one within the other.
    static WRITERS: Cell<usize> = const { Cell::new(0) };
    /// Whom they wake once they are done.
    static WAKER: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Wakes the task of a socket only after all of it was written.
///
/// The library wants to be told of a stream's last bytes and of its end in two calls. Where that
/// task runs on another thread it would send a packet for each. What is written must not wait
/// for anything, and is short: meanwhile the socket is not served for this thread.
pub(crate) fn corked<T>(write: impl FnOnce() -> T) -> T {
    let _one_more = OneMore::new();
    write()
}

/// Awaits what writes: with each poll of it the task of a socket is woken at most once, and after
/// that.
///
/// # Cancel safety
///
/// That of the future.
pub(crate) async fn corked_polls<T>(mut writing: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|cx| corked(|| writing.as_mut().poll(cx))).await
}

/// As [`corked_polls`], and what was written last leaves only with what is returned beside it.
///
/// # Cancel safety
///
/// That of the future.
pub(crate) async fn held_back<T>(mut writing: Pin<&mut impl Future<Output = T>>) -> (T, HeldBack) {
    poll_fn(|cx| {
        let _one_more = OneMore::new();
        let polled = writing.as_mut().poll(cx);
        let is_outermost = WRITERS.with(Cell::get) == 1;
        polled.map(|done| {
            let waker = is_outermost.then(|| WAKER.with_borrow_mut(Option::take));
            (done, HeldBack(waker.flatten()))
        })
    })
    .await
}

/// Something was written of which the task of a socket has not been told. It is on drop; whatever
/// else wakes it before takes along what was written.
#[derive(Debug)]
#[must_use = "what was written leaves when this is dropped"]
pub(crate) struct HeldBack(Option<Waker>);

impl Drop for HeldBack {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// A writer, which wakes whom it concerns on drop, however the writing ended.
struct OneMore;

impl OneMore {
    fn new() -> Self {
        WRITERS.with(|writers| writers.set(writers.get() + 1));
        Self
    }
}

impl Drop for OneMore {
    fn drop(&mut self) {
        let left = WRITERS.with(|writers| {
            writers.set(writers.get() - 1);
            writers.get()
        });
        if left == 0
            && let Some(waker) = WAKER.with_borrow_mut(Option::take)
        {
            waker.wake();
        }
    }
}

/// Whether somebody is writing on this thread, so that a waker is to be [kept](keep).
pub(super) fn is_corked() -> bool {
    WRITERS.with(Cell::get) > 0
}

/// Keeps a waker until all is written. Where it takes the place of another socket's, that one is
/// woken now.
pub(super) fn keep(waker: Waker) {
    let other = WAKER.with_borrow_mut(|kept| match kept {
        Some(kept) if kept.will_wake(&waker) => None,
        kept => kept.replace(waker),
    });
    if let Some(other) = other {
        other.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake};

    use super::*;

    #[derive(Default)]
    struct Socket(AtomicUsize);

    impl Wake for Socket {
        fn wake(self: Arc<Self>) {
            assert!(!is_corked());
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Socket {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_socket_is_woken_once_and_after_the_last_writer() {
        let socket = Arc::<Socket>::default();
        corked(|| {
            keep(socket.clone().into());
            corked(|| keep(socket.clone().into()));
            assert_eq!(socket.woken(), 0);
        });
        assert_eq!(socket.woken(), 1);
        corked(|| assert!(is_corked()));
        assert_eq!(socket.woken(), 1);
    }

    #[test]
    fn what_is_held_back_wakes_a_socket_when_it_is_let_go() {
        let socket = Arc::<Socket>::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut polled = |writing: &mut dyn FnMut() -> Poll<()>| {
            let mut writing = poll_fn(|_| writing());
            let mut holding = pin!(held_back(Pin::new(&mut writing)));
            holding.as_mut().poll(&mut cx)
        };
        let mut write = || {
            keep(socket.clone().into());
            Poll::Ready(())
        };
        let Poll::Ready(((), held)) = polled(&mut write) else {
            panic!("it was written");
        };
        assert!(socket.woken() == 0 && !is_corked());
        drop(held);
        assert_eq!(socket.woken(), 1);

        // Whoever has to wait, or is one of several writers, holds nothing back.
        let mut wait = || {
            keep(socket.clone().into());
            Poll::Pending
        };
        assert!(polled(&mut wait).is_pending());
        assert_eq!(socket.woken(), 2);
        let held = corked(|| polled(&mut write));
        assert!(held.is_ready());
        assert_eq!(socket.woken(), 3);
    }

    #[test]
    fn a_writer_that_panics_wakes_it_all_the_same() {
        let socket = Arc::<Socket>::default();
        let panicked = std::panic::catch_unwind(|| {
            corked(|| {
                keep(socket.clone().into());
                panic!("it cannot be written");
            });
        });
        assert!(panicked.is_err() && !is_corked());
        assert_eq!(socket.woken(), 1);
    }

    #[test]
    fn another_socket_does_not_lose_its_waker() {
        let sockets = [Arc::<Socket>::default(), Arc::default()];
        let woken = || sockets.each_ref().map(|socket| socket.woken());
        struct Uncounted(Arc<Socket>);
        impl Wake for Uncounted {
            fn wake(self: Arc<Self>) {
                self.0.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        corked(|| {
            for socket in &sockets {
                keep(Arc::new(Uncounted(socket.clone())).into());
            }
            assert_eq!(woken(), [1, 0]);
        });
        assert_eq!(woken(), [1, 1]);
    }
}
