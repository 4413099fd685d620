//! A place for the outcome of one call, between who sends it and who waits for it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::task::yield_now;

/// Makes a place: one end tells the outcome, the other waits for it.
pub(super) fn seat<T>() -> (Teller<T>, Waiting<T>) {
    let seat = Arc::new(Seat(Mutex::new(State::Open(None))));
    (Teller(seat.clone()), Waiting(seat))
}

#[derive(Debug)]
struct Seat<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    /// Nothing is told yet; whom to wake.
    Open(Option<Waker>),
    Told(T),
    /// Nothing was told, and nothing will be; or it was, and was taken.
    Over,
    /// Nobody waits any more.
    Left,
}

impl<T> Seat<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how it ended, where somebody still waits; whom to wake.
    fn end(&self, state: State<T>) -> Option<Waker> {
        let mut current = self.state();
        match &mut *current {
            State::Open(waker) => {
                let waker = waker.take();
                *current = state;
                waker
            }
            State::Told(_) | State::Over | State::Left => None,
        }
    }
}

/// Tells the outcome; dropped before, it says that there is none.
#[derive(Debug)]
pub(super) struct Teller<T>(Arc<Seat<T>>);

impl<T> Teller<T> {
    /// Leaves the outcome. Whoever waits for it is woken together with the others that
    /// `woken` is told of.
    pub(super) fn tell(self, outcome: T, woken: &mut Woken) {
        if let Some(waker) = self.0.end(State::Told(outcome)) {
            woken.add(waker);
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_forsaken(&self) -> bool {
        matches!(*self.0.state(), State::Left)
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        if let Some(waker) = self.0.end(State::Over) {
            waker.wake();
        }
    }
}

/// Waits for the outcome; `None` where there is none.
///
/// # Cancel safety
///
/// Dropped, it tells the other end that nobody waits.
#[derive(Debug)]
pub(super) struct Waiting<T>(Arc<Seat<T>>);

impl<T> Waiting<T> {
    /// The end of a wait for what nobody will tell.
    pub(super) fn over() -> Self {
        Self(Arc::new(Seat(Mutex::new(State::Over))))
    }
}

impl<T> Future for Waiting<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.state();
        match &mut *state {
            State::Open(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            State::Open(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Told(_) => match std::mem::replace(&mut *state, State::Over) {
                State::Told(outcome) => Poll::Ready(Some(outcome)),
                _ => Poll::Ready(None),
            },
            State::Over | State::Left => Poll::Ready(None),
        }
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        let told = std::mem::replace(&mut *self.0.state(), State::Left);
        drop(told);
    }
}

/// Those whose outcomes came together. One is woken at once; several once this thread has
/// nothing else to run.
///
/// A runtime that is told of a second task wakes another of its threads, if one sleeps. What
/// a few callers do next is over before that thread is there, and then it is woken again for
/// the next of them. So they are all told of at once.
#[derive(Debug, Default)]
pub(super) struct Woken {
    first: Option<Waker>,
    are_several: bool,
}

impl Woken {
    fn add(&mut self, waker: Waker) {
        if self.are_several {
            return later(&waker);
        }
        match self.first.take() {
            None => self.first = Some(waker),
            Some(first) => {
                self.are_several = true;
                later(&first);
                later(&waker);
            }
        }
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            first.wake();
        }
    }
}

/// Has a task woken when its runtime's thread has nothing else to run; at once where no
/// runtime's thread runs this.
fn later(waker: &Waker) {
    // It is what a runtime does with whoever yields.
    let _ = pin!(yield_now()).poll(&mut Context::from_waker(waker));
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn an_outcome_is_told_once_and_its_absence_too() {
        let mut woken = Woken::default();
        let (teller, mut waiting) = seat();
        assert!((&mut waiting).now_or_never().is_none());
        teller.tell(7, &mut woken);
        assert_eq!((&mut waiting).await, Some(7));
        assert_eq!(waiting.await, None);
        let (teller, mut waiting) = seat::<u8>();
        assert!((&mut waiting).now_or_never().is_none());
        drop(teller);
        assert_eq!(waiting.await, None);
        assert_eq!(Waiting::<u8>::over().await, None);
    }

    #[test]
    fn who_tells_learns_that_nobody_waits_and_the_outcome_is_dropped() {
        let (teller, waiting) = seat();
        assert!(!teller.is_forsaken());
        drop(waiting);
        assert!(teller.is_forsaken());
        let outcome = Arc::new(());
        teller.tell(outcome.clone(), &mut Woken::default());
        assert_eq!(Arc::strong_count(&outcome), 1);
        let (teller, waiting) = seat();
        teller.tell(outcome.clone(), &mut Woken::default());
        drop(waiting);
        assert_eq!(Arc::strong_count(&outcome), 1, "told, and not taken");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_are_woken_on_a_runtime_however_many() {
        for count in [1, 2, 3, 64] {
            let (tellers, waiting): (Vec<_>, Vec<_>) = (0..count).map(|_| seat()).unzip();
            let waiting = waiting.into_iter().map(tokio::spawn);
            let waiting: Vec<_> = waiting.collect();
            let telling = tokio::spawn(async move {
                let mut woken = Woken::default();
                for (number, teller) in tellers.into_iter().enumerate() {
                    teller.tell(number, &mut woken);
                }
            });
            telling.await.expect("it tells");
            let told = join_all(waiting).await.into_iter().enumerate();
            for (number, told) in told {
                assert_eq!(told.expect("it ends"), Some(number));
            }
        }
    }

    #[test]
    fn all_are_woken_from_a_thread_of_no_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let (tellers, waiting): (Vec<_>, Vec<_>) = (0..3).map(|_| seat()).unzip();
        let telling = std::thread::spawn(move || {
            let mut woken = Woken::default();
            for teller in tellers {
                teller.tell(1, &mut woken);
            }
        });
        let told = runtime.block_on(join_all(waiting));
        assert_eq!(told, [Some(1); 3]);
        telling.join().expect("it told");
    }
}
