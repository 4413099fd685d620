//! How a worker is chosen: whom a call would rather have, and whom it takes.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use rpcnet_proto::balance::{Ask, Draw};

use super::error::WorkerError;
use super::pool::{Choice, Pool};
use super::registry::Shared;
use super::state::WorkerState;
use super::worker::{SelectedWorker, Worker};

/// The workers that a call was sent to already, newest last. Of more than eight the oldest
/// is forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried {
    states: [usize; TRIED_MAX],
    len: usize,
}

const TRIED_MAX: usize = 8;

impl Tried {
    pub(crate) const NOBODY: Self = Self {
        states: [0; TRIED_MAX],
        len: 0,
    };

    pub(crate) fn add(&mut self, worker: &Worker) {
        if let Some(at) = self.states.get_mut(self.len % TRIED_MAX) {
            *at = address(worker);
        }
        self.len += 1;
    }

    pub(crate) fn has(&self, worker: &Worker) -> bool {
        let known = self.states.get(..self.len.min(TRIED_MAX));
        self.len > 0 && known.is_some_and(|states| states.contains(&address(worker)))
    }
}

/// What tells one start of a worker from another, as long as it is held somewhere.
fn address(worker: &Worker) -> usize {
    std::ptr::from_ref::<WorkerState>(worker.state()).addr()
}

/// What a caller would like.
pub(crate) struct Wish<'a> {
    /// Which workers at all.
    pub(crate) filter: Option<&'a str>,
    /// What the same worker is wanted for each time.
    pub(crate) key: Option<u64>,
    /// Who was asked already: others are preferred.
    pub(crate) tried: &'a Tried,
    /// Who can be called without waiting for a connection or for a place on it: preferred
    /// too.
    pub(crate) is_near: &'a dyn Fn(&Worker) -> bool,
    /// Whether one that is out of reach and still connected is better than none.
    pub(crate) takes_silent: bool,
}

impl Shared {
    /// Chooses a worker, and takes a place with it.
    pub(crate) fn pick(&self, wish: &Wish<'_>) -> Result<SelectedWorker, WorkerError> {
        if !self.is_started() {
            return Err(WorkerError::NotStarted);
        }
        let pool = self.pool.load();
        match pool.choice(wish.filter) {
            Some(choice) => self.pick_from(&pool, choice, wish),
            None => {
                let choice = self.learn(wish.filter.unwrap_or_default())?;
                self.pick_from(&pool, &choice, wish)
            }
        }
    }

    fn pick_from(
        &self,
        pool: &Pool,
        choice: &Choice,
        wish: &Wish<'_>,
    ) -> Result<SelectedWorker, WorkerError> {
        let most = self.config.in_flight_max;
        let now = self.stir.now();
        let has_room = |worker: &Worker| worker.has_room(most, choice.is_panicking);
        let fits = |worker: &Worker| has_room(worker) && !worker.is_spared(now);
        let is_new = |worker: &Worker| !wish.tried.has(worker);
        let is_near = |worker: &Worker| (wish.is_near)(worker);
        let (ready, silent) = (&choice.ready, &choice.silent);
        DRAW.with(|cell| {
            let draw = &mut *cell.borrow_mut();
            let mut ask = Ask {
                now,
                key: wish.key,
                draw,
            };
            let mut found = None;
            // A place may be taken between the choice and its taking; then once more.
            for _ in 0..RACES_MAX {
                let worker = ready
                    .pick(&mut ask, |it| fits(it) && is_new(it) && is_near(it))
                    .or_else(|| ready.pick(&mut ask, |it| fits(it) && is_new(it)))
                    .or_else(|| {
                        let is_silent = |it: &Worker| fits(it) && is_new(it) && is_near(it);
                        wish.takes_silent
                            .then(|| silent.pick(&mut ask, is_silent))?
                    })
                    .or_else(|| ready.pick(&mut ask, has_room));
                let Some(worker) = worker else {
                    break;
                };
                if let Some(place) = worker.state().enter(most) {
                    found = Some(SelectedWorker::new(worker.clone(), place));
                    break;
                }
            }
            found.ok_or_else(|| self.none(pool, choice))
        })
    }

    fn none(&self, pool: &Pool, choice: &Choice) -> WorkerError {
        match choice.ready.workers().len() {
            0 => pool.absent(choice),
            workers => WorkerError::AllBusy {
                workers,
                in_flight_max: self.config.in_flight_max as usize,
            },
        }
    }
}

thread_local! {
    /// Randomness of one's own: nobody waits for it.
    static DRAW: RefCell<Draw> = RefCell::new(Draw::new(RandomState::new().hash_one(0)));
}

/// Choices that are made again because somebody else took the place.
const RACES_MAX: usize = 3;
