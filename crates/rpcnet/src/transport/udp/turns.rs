//! [`take`]: receive, decide and send, in one task and in this order.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use super::cork;
use super::lookout::Lookout;

/// Who has something to do, as bits.
const RECEIVE: u8 = 1;
const DECIDE: u8 = 2;
const SEND: u8 = 4;
/// Set while the task runs, which then looks again before it sleeps.
const RUNNING: u8 = 128;

/// Rounds after which others have a turn, however much there is to do.
const ROUNDS_MAX: usize = 16;

/// Runs the three until the second is over, and what it left to be sent was offered to the
/// system. Before it rests it may look out for an answer to what it sent.
pub(super) async fn take<E>(
    receive: impl Future<Output = Option<E>>,
    decide: impl Future<Output = ()>,
    send: impl Future<Output = Option<E>>,
    mut lookout: Lookout,
) {
    let woken = Arc::new(Woken {
        turns: AtomicU8::new(RECEIVE | DECIDE | SEND),
        task: AtomicWaker::new(),
    });
    let (receive, decide, send) = (pin!(receive), pin!(decide), pin!(send));
    let mut receive = Turn::new::<RECEIVE>(receive, &woken);
    let mut decide = Turn::new::<DECIDE>(decide, &woken);
    let mut send = Turn::new::<SEND>(send, &woken);
    poll_fn(|cx| {
        woken.task.register(cx.waker());
        woken.turns.fetch_or(RUNNING, Ordering::AcqRel);
        lookout.begin();
        for _ in 0..ROUNDS_MAX {
            if woken.take(RECEIVE) {
                receive.poll();
                lookout.note_received();
            }
            if woken.take(DECIDE) {
                decide.poll();
            }
            if woken.take(SEND) || decide.is_over() {
                send.poll();
                lookout.note_sent();
            }
            if decide.is_over() {
                return Poll::Ready(());
            }
            if woken.is_idle() {
                lookout.look(|| {
                    receive.poll();
                    woken.is_idle()
                });
            }
            if woken.rest() {
                return Poll::Pending;
            }
        }
        woken.turns.fetch_and(!RUNNING, Ordering::AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// One of the three, with a waker of its own.
struct Turn<'a, F> {
    /// None once it is over.
    future: Option<Pin<&'a mut F>>,
    waker: Waker,
}

impl<'a, F: Future> Turn<'a, F> {
    fn new<const BIT: u8>(future: Pin<&'a mut F>, woken: &Arc<Woken>) -> Self {
        let waker = Arc::new(Bit::<BIT>(woken.clone())).into();
        let future = Some(future);
        Self { future, waker }
    }

    fn poll(&mut self) {
        let mut cx = Context::from_waker(&self.waker);
        self.future
            .take_if(|future| future.as_mut().poll(&mut cx).is_ready());
    }

    fn is_over(&self) -> bool {
        self.future.is_none()
    }
}

/// Who was woken, and the task that runs them.
#[derive(Debug)]
struct Woken {
    turns: AtomicU8,
    task: AtomicWaker,
}

impl Woken {
    /// Whether it is somebody's turn, which it no longer is then.
    fn take(&self, turn: u8) -> bool {
        self.turns.fetch_and(!turn, Ordering::AcqRel) & turn != 0
    }

    /// Whether it is nobody's turn, as yet.
    fn is_idle(&self) -> bool {
        self.turns.load(Ordering::Acquire) == RUNNING
    }

    /// Whether it is nobody's turn: the next who is woken wakes the task.
    fn rest(&self) -> bool {
        let (running, idle) = (Ordering::AcqRel, Ordering::Acquire);
        let rested = self.turns.compare_exchange(RUNNING, 0, running, idle);
        rested.is_ok()
    }
}

struct Bit<const BIT: u8>(Arc<Woken>);

impl<const BIT: u8> Wake for Bit<BIT> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if cork::is_corked() {
            return cork::keep(self.clone().into());
        }
        // Not while it runs, and once where several are woken.
        if self.0.turns.fetch_or(BIT, Ordering::AcqRel) == 0 {
            self.0.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::pending;

    use tokio::task::yield_now;

    use super::*;

    /// Does nothing but to note each of its turns.
    fn noting<'a>(
        name: &'static str,
        notes: &'a RefCell<Vec<&'static str>>,
        wakers: &'a RefCell<Vec<Waker>>,
    ) -> impl Future<Output = Option<()>> + 'a {
        poll_fn(move |cx| {
            notes.borrow_mut().push(name);
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
    }

    #[tokio::test]
    async fn only_those_who_were_woken_have_a_turn_and_in_their_order() {
        let (notes, wakers) = (RefCell::default(), RefCell::default());
        let decide = async {
            noting("decide", &notes, &wakers).await;
        };
        let receive = noting("receive", &notes, &wakers);
        let send = noting("send", &notes, &wakers);
        let mut all = pin!(take(receive, decide, send, Lookout::none()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(all.as_mut().poll(&mut cx).is_pending());
        assert_eq!(notes.take(), ["receive", "decide", "send"]);
        assert!(all.as_mut().poll(&mut cx).is_pending());
        assert_eq!(notes.take(), [""; 0], "nobody was woken");
        let wakers: Vec<Waker> = wakers.take();
        wakers[2].wake_by_ref();
        wakers[0].wake_by_ref();
        assert!(all.as_mut().poll(&mut cx).is_pending());
        assert_eq!(notes.take(), ["receive", "send"]);
    }

    #[tokio::test]
    async fn who_is_woken_meanwhile_has_a_turn_before_the_task_sleeps() {
        let turns = Cell::new(0);
        let sender: RefCell<Option<Waker>> = RefCell::default();
        let receive = pending::<Option<()>>();
        let send = poll_fn(|cx| {
            turns.set(turns.get() + 1);
            sender.replace(Some(cx.waker().clone()));
            Poll::<Option<()>>::Pending
        });
        let decide = poll_fn(|cx| {
            // In the second round, for the sake of the first.
            match sender.take() {
                None => cx.waker().wake_by_ref(),
                Some(sender) => sender.wake(),
            }
            Poll::<()>::Pending
        });
        let mut all = pin!(take(receive, decide, send, Lookout::none()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(all.as_mut().poll(&mut cx).is_pending());
        assert_eq!(turns.get(), 2);
    }

    #[tokio::test]
    async fn what_is_left_is_sent_before_the_end() {
        let (turns, is_over) = (Cell::new(0), Cell::new(false));
        let send = poll_fn(|_| {
            turns.set(turns.get() + 1);
            assert!(is_over.get());
            Poll::<Option<()>>::Pending
        });
        let decide = async { is_over.set(true) };
        take(pending(), decide, send, Lookout::none()).await;
        assert_eq!(turns.get(), 1);
    }

    #[tokio::test]
    async fn others_have_a_turn_however_much_there_is_to_do() {
        let rounds = Cell::new(0);
        let decide = poll_fn(|cx| {
            rounds.set(rounds.get() + 1);
            cx.waker().wake_by_ref();
            match rounds.get() > 3 * ROUNDS_MAX {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        let others = Cell::new(0);
        let all = take(pending::<Option<()>>(), decide, pending(), Lookout::none());
        tokio::join!(all, async {
            while rounds.get() <= 3 * ROUNDS_MAX {
                others.set(others.get() + 1);
                yield_now().await;
            }
        });
        assert!(others.get() >= 3, "{} turns", others.get());
    }

    #[test]
    fn a_wake_from_another_thread_is_never_lost() {
        const WAKES: usize = 2_000;
        let (sender, receiver) = std::sync::mpsc::sync_channel::<Waker>(1);
        let waking = std::thread::spawn(move || receiver.iter().for_each(Waker::wake));
        let mut count = 0;
        let decide = poll_fn(|cx| {
            count += 1;
            if count > WAKES {
                return Poll::Ready(());
            }
            sender.send(cx.waker().clone()).expect("the thread lives");
            Poll::Pending
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let lookout = Lookout::none();
            take(pending::<Option<()>>(), decide, pending(), lookout).await;
        });
        drop(sender);
        waking.join().expect("it woke");
    }
}
