//! [`Board`] and its [`Recorder`]s: calls are counted where they end, and handed over in batches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::caller::Ended;
use super::tally::{Batch, Tally};

/// Calls that a recorder gathers before it hands them over.
const BATCH_MAX: usize = 256;

/// Where everything comes together.
#[derive(Debug)]
pub(super) struct Board {
    /// From here on calls are measured.
    begin: Instant,
    tally: Mutex<Tally>,
}

/// Gathers the calls of one task. What it has left it hands over when dropped, so that nothing is
/// lost with a task that is stopped.
#[derive(Debug)]
pub(super) struct Recorder {
    board: Arc<Board>,
    batch: Batch,
    /// The batch is of calls that ended before this.
    until: Duration,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    WarmUp,
    Measured,
    /// It was under way when the time was over.
    AfterEnd,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

impl Board {
    pub(super) fn new(begin: Instant) -> Self {
        Self {
            begin,
            tally: Mutex::new(Tally::new()),
        }
    }

    pub(super) fn begin(&self) -> Instant {
        self.begin
    }

    pub(super) fn recorder(self: &Arc<Self>) -> Recorder {
        Recorder {
            board: self.clone(),
            batch: Batch::default(),
            until: Duration::ZERO,
        }
    }

    pub(super) fn glance(&self) -> Glance {
        let tally = self.lock();
        Glance {
            succeeded: tally.latencies.len(),
            failed: tally.failures.count(),
        }
    }

    /// Takes all that was handed over.
    pub(super) fn take(&self) -> Tally {
        std::mem::replace(&mut *self.lock(), Tally::new())
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    pub(super) fn record(&mut self, phase: Phase, call: &Ended) {
        match phase {
            Phase::WarmUp => self.batch.counts.warm_up += 1,
            Phase::AfterEnd => self.batch.counts.after_end += 1,
            Phase::Measured => self.measured(call),
        }
    }

    /// A call was sent so late although nothing was in its way.
    pub(super) fn lagged(&mut self, lag: Duration) {
        if self.batch.lags_ns.len() >= BATCH_MAX {
            self.hand_over(self.batch.last_end);
        }
        self.batch.lags_ns.push(nanos(lag));
    }

    /// A call was sent late because too many were outstanding.
    pub(super) fn overdue(&mut self) {
        self.batch.counts.overdue += 1;
    }

    /// So many calls were due and could not be sent.
    pub(super) fn unsent(&mut self, count: u64) {
        self.batch.counts.unsent += count;
    }

    fn measured(&mut self, call: &Ended) {
        let at = call.done.saturating_duration_since(self.board.begin);
        if at >= self.until || self.batch.latencies_ns.len() >= BATCH_MAX {
            self.hand_over(at);
        }
        self.batch.last_end = self.batch.last_end.max(at);
        match &call.result {
            Ok(reply_bytes) => {
                let latency = call.done.saturating_duration_since(call.due);
                self.batch.latencies_ns.push(nanos(latency));
                self.batch.counts.reply_bytes += *reply_bytes as u64;
            }
            Err(error) => self.batch.failures.push(error),
        }
    }

    /// Hands over what was gathered; what comes next ended at this time or later.
    fn hand_over(&mut self, next: Duration) {
        let mut tally = self.board.lock();
        tally.take(&mut self.batch);
        self.until = tally.series.end_of(next);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.board.lock().take(&mut self.batch);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rpcnet::RpcError;

    use super::*;

    fn ended(due: Instant, done: Instant, result: Result<usize, RpcError>) -> Ended {
        Ended { due, done, result }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_counted_by_phase_and_by_the_second_in_which_they_ended() {
        let begin = Instant::now();
        let board = Arc::new(Board::new(begin));
        let mut recorder = board.recorder();
        let ms = |ms| begin + Duration::from_millis(ms);
        recorder.record(Phase::WarmUp, &ended(begin, begin, Ok(9)));
        recorder.record(Phase::Measured, &ended(ms(0), ms(10), Ok(5)));
        recorder.record(Phase::Measured, &ended(ms(0), ms(1500), Ok(5)));
        recorder.record(
            Phase::Measured,
            &ended(ms(0), ms(1600), Err(RpcError::Timeout)),
        );
        recorder.record(Phase::AfterEnd, &ended(ms(0), ms(9000), Ok(9)));
        drop(recorder);
        let tally = board.take();
        assert_eq!((tally.counts.warm_up, tally.counts.after_end), (1, 1));
        assert_eq!(tally.counts.reply_bytes, 10);
        assert_eq!((tally.latencies.len(), tally.failures.count()), (2, 1));
        assert_eq!(tally.last_end, Duration::from_millis(1600));
        let intervals = tally.series.intervals().iter();
        let counts: Vec<_> = intervals.map(|it| (it.succeeded, it.failed)).collect();
        assert_eq!(counts, [(1, 0), (1, 1)]);
        let longest = tally.latencies.max();
        assert!(
            (1_500_000_000..1_502_000_000).contains(&longest),
            "{longest}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_handed_over_when_it_is_full_and_not_before() {
        let begin = Instant::now();
        let board = Arc::new(Board::new(begin));
        let mut recorder = board.recorder();
        for _ in 0..BATCH_MAX {
            recorder.record(Phase::Measured, &ended(begin, begin, Ok(0)));
        }
        assert_eq!(board.glance().succeeded, 0);
        recorder.record(Phase::Measured, &ended(begin, begin, Ok(0)));
        assert_eq!(board.glance().succeeded, BATCH_MAX as u64);
        drop(recorder);
        assert_eq!(board.glance().succeeded, BATCH_MAX as u64 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_stopped_loses_no_call() {
        let begin = Instant::now();
        let board = Arc::new(Board::new(begin));
        let mut recorder = board.recorder();
        let task = tokio::spawn(async move {
            recorder.record(Phase::Measured, &ended(begin, begin, Ok(0)));
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.expect_err("it was stopped").is_cancelled());
        assert_eq!(board.glance().succeeded, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_late_is_counted_apart() {
        let board = Arc::new(Board::new(Instant::now()));
        let mut recorder = board.recorder();
        for _ in 0..3 * BATCH_MAX {
            recorder.lagged(Duration::from_micros(50));
        }
        recorder.overdue();
        recorder.unsent(7);
        drop(recorder);
        let tally = board.take();
        assert_eq!(tally.lags.len(), 3 * BATCH_MAX as u64);
        assert_eq!((tally.counts.overdue, tally.counts.unsent), (1, 7));
        assert!(tally.latencies.is_empty());
    }
}
