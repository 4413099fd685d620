//! A run: the tasks that make the calls, until they are done or stopped.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rpcnet::RpcError;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::caller::Caller;
use super::closed::{self, Quota};
use super::open::Lane;
use super::pacer::Pacer;
use super::plan::{Amount, Load, Plan};
use super::progress::Progress;
use super::recorder::Board;
use super::schedule::{Schedule, arrivals};
use super::tally::Tally;

/// Tasks that share the calls of an open loop: no more than there are processors.
const LANES_MAX: usize = 8;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// What a run came to.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    /// The time over which the measured calls ended.
    pub(super) elapsed: Duration,
    /// Somebody stopped it.
    pub(super) is_interrupted: bool,
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Stopped {
    /// What the server says of every such call.
    Refused(RpcError),
    /// A task ended in a way that is a bug of this command.
    Broken(tokio::task::JoinError),
}

/// Loads the server as planned.
///
/// # Errors
///
/// [`Stopped`].
///
/// # Cancel safety
///
/// Dropping the future cancels all calls; what was measured is lost.
pub(super) async fn run(
    plan: &Plan,
    callers: &[Caller],
    interrupted: impl Future<Output = ()>,
    mut progress: Progress,
) -> Result<Measured, Stopped> {
    let start = Instant::now();
    let begin = start + plan.warm_up;
    let board = Arc::new(Board::new(begin));
    let mut tasks = match plan.load {
        Load::Closed { in_flight } => closed_loop(plan, in_flight, callers, &board),
        Load::Open {
            rate,
            outstanding_max,
        } => open_loop(plan, start, rate, outstanding_max, callers, &board),
    };
    let mut interrupted = std::pin::pin!(interrupted);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut is_interrupted = false;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(Stopped::Refused(error)),
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => return Err(Stopped::Broken(error)),
            },
            () = &mut interrupted, if !is_interrupted => {
                is_interrupted = true;
                // Each hands over what it has.
                tasks.abort_all();
            }
            _ = ticks.tick(), if progress.is_shown() => progress.show(&board),
        }
    }
    progress.finish();
    let tally = board.take();
    let until_now = Instant::now().saturating_duration_since(begin);
    let elapsed = match (plan.load, plan.amount) {
        _ if is_interrupted => until_now,
        (Load::Closed { .. }, Amount::Time(duration)) => duration,
        (Load::Open { .. }, Amount::Time(duration)) => tally.last_end.max(duration),
        (_, Amount::Calls(_)) => tally.last_end,
    };
    Ok(Measured {
        tally,
        elapsed,
        is_interrupted,
    })
}

fn closed_loop(
    plan: &Plan,
    in_flight: u32,
    callers: &[Caller],
    board: &Arc<Board>,
) -> JoinSet<Result<(), RpcError>> {
    let begin = board.begin();
    let quota = match plan.amount {
        Amount::Time(duration) => Quota::Until(begin + duration),
        Amount::Calls(calls) => Quota::Calls(Arc::new(AtomicU64::new(calls))),
    };
    let turns = callers.iter().cycle().take(in_flight as usize);
    turns
        .map(|caller| closed::run(caller.clone(), quota.clone(), begin, board.recorder()))
        .collect()
}

fn open_loop(
    plan: &Plan,
    start: Instant,
    rate: f64,
    outstanding_max: u32,
    callers: &[Caller],
    board: &Arc<Board>,
) -> JoinSet<Result<(), RpcError>> {
    let measured = match plan.amount {
        Amount::Time(duration) => arrivals(rate, duration),
        Amount::Calls(calls) => calls,
    };
    let schedule = Schedule::new(start, rate, plan.warm_up, measured);
    let outstanding_max = outstanding_max as usize;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let lanes = processors.min(LANES_MAX).min(outstanding_max);
    (0..lanes)
        .map(|lane| Lane {
            schedule: schedule.lane(lane as u64, lanes as u64),
            outstanding_max: (outstanding_max + lane) / lanes,
            callers: rotated(callers, lane),
            pacer: Pacer::new(),
            recorder: board.recorder(),
        })
        .map(Lane::run)
        .collect()
}

/// All of them, another one first for each lane.
fn rotated(callers: &[Caller], lane: usize) -> Vec<Caller> {
    let mut callers = callers.to_vec();
    let by = lane % callers.len().max(1);
    callers.rotate_left(by);
    callers
}
