//! [`Lookout`]: looks for an answer before the thread sleeps, where that is worth it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::busy_poll::BusyPoll;
use crate::task::{RuntimeMetrics, runtime_metrics};

/// Of the runtime's workers, so many are asked whether they sleep.
const WORKERS_ASKED_MAX: usize = 8;

/// On a runtime of one thread, one of so many looks is spared, to see whether the thread would
/// have had something else to do.
const SPARED_EVERY: u32 = 16;

/// Bytes in one direction, from one turn that sent something to the next, from which on much is on
/// its way. To look for each acknowledgement then makes many small turns out of few long ones:
/// 0.7 of the throughput.
const BULK_BYTES: usize = 32 << 10;

/// Turns with less than that before it is looked for answers again.
const CALM_TURNS: u32 = 128;

/// Between whoever looks out and the socket. One task reads and writes it.
#[derive(Debug, Default)]
pub(super) struct Sight {
    is_wanted: AtomicBool,
    received: AtomicUsize,
    sent: AtomicUsize,
    has_come: AtomicBool,
}

impl Sight {
    /// Whether to ask the system for datagrams although it has reported none.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// So many bytes were received; zero: there was no datagram.
    pub(super) fn note_received(&self, bytes: usize) {
        if bytes > 0 {
            self.has_come.store(true, Ordering::Relaxed);
            add(&self.received, bytes);
        }
    }

    /// So many bytes were sent.
    pub(super) fn note_sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    fn take(&self) -> bool {
        let has_come = self.has_come.load(Ordering::Relaxed);
        self.has_come.store(false, Ordering::Relaxed);
        has_come
    }

    /// Whether much went one way since this was asked last.
    fn take_bulk(&self) -> bool {
        let take = |bytes: &AtomicUsize| {
            let taken = bytes.load(Ordering::Relaxed);
            bytes.store(0, Ordering::Relaxed);
            taken
        };
        take(&self.received).max(take(&self.sent)) >= BULK_BYTES
    }
}

fn add(count: &AtomicUsize, more: usize) {
    let sum = count.load(Ordering::Relaxed).saturating_add(more);
    count.store(sum, Ordering::Relaxed);
}

/// Looks for datagrams in a turn of a socket's task that sent something and received nothing.
///
/// Only where nobody is held up by it: what else is to be done meanwhile is taken over by a
/// worker of the runtime that sleeps; where there is one worker only, it is not done while that
/// one has other work. It lasts for [`Limits::busy_poll`](crate::Limits::busy_poll) at most,
/// and as soon as somebody has something to send, it ends.
#[derive(Debug)]
pub(super) struct Lookout {
    busy_poll: BusyPoll,
    sight: Arc<Sight>,
    runtime: Option<RuntimeMetrics>,
    has_sent: bool,
    has_received: bool,
    /// How often the only worker had slept when it was last left to.
    sleeps: u64,
    looks: u32,
    /// Turns since much was on its way.
    calm: u32,
}

impl Lookout {
    /// For the current runtime.
    pub(super) fn new(time: Duration, sight: Arc<Sight>) -> Self {
        let busy_poll = BusyPoll::new(time);
        let runtime = busy_poll.is_on().then(runtime_metrics);
        Self {
            busy_poll,
            sight,
            runtime,
            has_sent: false,
            has_received: false,
            sleeps: 0,
            looks: 0,
            calm: 0,
        }
    }

    /// Never looks.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self::new(Duration::ZERO, Arc::default())
    }

    /// A turn begins.
    pub(super) fn begin(&mut self) {
        self.has_sent = false;
        self.has_received = false;
    }

    /// The receiving side had its turn.
    pub(super) fn note_received(&mut self) {
        if !self.sight.take() {
            return;
        }
        self.has_received = true;
        if self.busy_poll.has_left() {
            let has_slept = match &self.runtime {
                Some(runtime) if runtime.num_workers() == 1 => {
                    runtime.worker_park_count(0) != self.sleeps
                }
                _ => true,
            };
            self.busy_poll.arrive(Instant::now(), has_slept);
        }
    }

    /// The sending side had its turn.
    pub(super) fn note_sent(&mut self) {
        self.has_sent = true;
    }

    /// The turn is over, unless something is found. `attempt` looks once, and says whether there
    /// is still nothing to do.
    pub(super) fn look(&mut self, mut attempt: impl FnMut() -> bool) {
        // Whoever was woken by what came waits for this thread.
        if !self.has_sent || self.has_received {
            return;
        }
        let Some(time) = self.time() else { return };
        self.sight.is_wanted.store(true, Ordering::Relaxed);
        let began = Instant::now();
        while attempt() {
            if began.elapsed() >= time {
                self.busy_poll.missed();
                break;
            }
        }
        self.sight.is_wanted.store(false, Ordering::Relaxed);
        if self.sight.take() {
            self.has_received = true;
            self.busy_poll.found();
        }
    }

    /// For how long to look now. Where not at all, it is noted when the thread was left to sleep.
    fn time(&mut self) -> Option<Duration> {
        let runtime = self.runtime.as_ref()?;
        self.calm = match self.sight.take_bulk() {
            true => 0,
            false => self.calm.saturating_add(1),
        };
        if self.calm < CALM_TURNS {
            return None;
        }
        let is_alone = runtime.num_workers() == 1;
        if !is_alone && !has_sleeper(runtime) {
            return None;
        }
        self.looks = self.looks.wrapping_add(1);
        let is_spared = is_alone && self.looks.is_multiple_of(SPARED_EVERY);
        let time = self.busy_poll.time().filter(|_| !is_spared);
        if time.is_none() {
            self.sleeps = runtime.worker_park_count(0);
            self.busy_poll.leave(Instant::now());
        }
        time
    }
}

/// Whether there is a worker that would take over what this one leaves undone.
fn has_sleeper(runtime: &RuntimeMetrics) -> bool {
    let workers = 0..runtime.num_workers().min(WORKERS_ASKED_MAX);
    // Odd between falling asleep and waking up.
    let is_asleep = |worker| runtime.worker_park_unpark_count(worker) % 2 == 1;
    workers.into_iter().any(is_asleep)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(50);

    /// One turn that sent something; how often it looked, where something is there at the
    /// `found`th attempt.
    fn turn(lookout: &mut Lookout, found: Option<usize>) -> usize {
        let mut attempts = 0;
        lookout.begin();
        lookout.note_sent();
        let sight = lookout.sight.clone();
        lookout.look(|| {
            assert!(sight.is_wanted());
            attempts += 1;
            let has_come = Some(attempts) == found;
            sight.note_received(usize::from(has_come));
            !has_come
        });
        assert!(!sight.is_wanted());
        attempts
    }

    /// The thread sleeps, and something comes.
    async fn sleep_and_receive(lookout: &mut Lookout) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        lookout.begin();
        lookout.sight.note_received(1);
        lookout.note_received();
    }

    async fn eager() -> Lookout {
        let mut lookout = Lookout::new(TIME, Arc::default());
        let began = std::iter::from_fn(|| Some(turn(&mut lookout, Some(1))));
        assert_eq!(began.take(3).sum::<usize>(), 0, "nothing is known yet");
        while turn(&mut lookout, Some(1)) == 0 {
            sleep_and_receive(&mut lookout).await;
        }
        lookout
    }

    #[tokio::test]
    async fn it_looks_once_answers_come_soon_and_stops_where_they_do_not() {
        let mut lookout = eager().await;
        assert_eq!(turn(&mut lookout, Some(3)), 3);
        let looked = std::iter::repeat_with(|| turn(&mut lookout, None));
        let in_vain = looked.take_while(|attempts| *attempts > 0).count();
        assert!((1..=8).contains(&in_vain), "{in_vain} times in vain");
    }

    #[tokio::test]
    async fn it_does_not_look_in_a_turn_that_received_or_sent_nothing() {
        let mut lookout = eager().await;
        let attempt = || panic!("there is nothing to look for");
        lookout.begin();
        lookout.look(attempt);
        lookout.note_sent();
        lookout.sight.note_received(1);
        lookout.note_received();
        lookout.look(attempt);
    }

    #[tokio::test]
    async fn it_does_not_look_while_much_is_on_its_way() {
        for note in [Sight::note_received, Sight::note_sent] {
            let mut lookout = eager().await;
            // One byte came in the turn before.
            note(&lookout.sight, BULK_BYTES - 2);
            assert_eq!(turn(&mut lookout, Some(1)), 1);
            note(&lookout.sight, BULK_BYTES);
            let others = std::iter::repeat_with(|| turn(&mut lookout, Some(1)));
            let calm = others.take_while(|attempts| *attempts == 0).count();
            assert!(calm >= CALM_TURNS as usize, "{calm} turns");
        }
    }

    #[tokio::test]
    async fn an_only_worker_that_has_other_work_does_not_look() {
        let mut lookout = eager().await;
        let mut turns = 0;
        // No sleep: the thread goes on with something else until the answer is there.
        while turn(&mut lookout, Some(1)) > 0 {
            turns += 1;
            assert!(turns < 2 * SPARED_EVERY);
        }
        lookout.begin();
        lookout.sight.note_received(1);
        lookout.note_received();
        assert_eq!(turn(&mut lookout, Some(1)), 0);
    }

    // The test itself runs on a thread of its own, which wakes workers without being one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_looks_where_no_other_worker_sleeps() {
        let (start, started) = std::sync::mpsc::sync_channel(1);
        let (stop, stopped) = std::sync::mpsc::sync_channel::<()>(1);
        let (go, gone) = tokio::sync::oneshot::channel();
        let looking = tokio::spawn(async move {
            let mut lookout = eager().await;
            let looked = turn(&mut lookout, Some(1));
            start.send(()).expect("the test waits");
            gone.await.expect("the test goes on");
            (looked, turn(&mut lookout, Some(1)))
        });
        started.recv().expect("it looks");
        let (begin, begun) = std::sync::mpsc::sync_channel(1);
        let busy = tokio::spawn(async move {
            begin.send(()).expect("the test waits");
            stopped.recv()
        });
        begun.recv().expect("it holds a worker");
        go.send(()).expect("it waits");
        assert_eq!(looking.await.expect("it has looked"), (1, 0));
        drop(stop);
        assert!(busy.await.expect("it ends").is_err());
    }
}
