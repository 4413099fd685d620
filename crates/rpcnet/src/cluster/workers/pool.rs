//! [`Pool`]: the workers of one moment, ready to be chosen from.

use std::collections::HashMap;
use std::sync::Arc;

use rpcnet_proto::balance::{Ask, EjectionConfig, Picker, Strategy, ZonePreference};

use super::error::{Absent, WorkerError};
use super::state::{Grade, Reach};
use super::worker::Worker;
use crate::cluster::filter::TagFilter;

/// All workers of one moment, and for each filter that was used those that pass it.
#[derive(Debug)]
pub(super) struct Pool {
    /// Sorted by name.
    pub(super) workers: Arc<[Worker]>,
    /// Live members, workers or not.
    pub(super) members: usize,
    /// Those that callers choose from without a filter.
    all: Arc<Choice>,
    /// By the text of the filter.
    by_filter: HashMap<Box<str>, Arc<Choice>>,
    rules: Rules,
    pub(super) revision: u64,
}

/// What does not change from one pool to the next.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) strategy: Strategy,
    pub(super) worker_filter: Arc<str>,
    pub(super) ejection: EjectionConfig,
}

/// Those who pass one filter.
#[derive(Debug)]
pub(super) struct Choice {
    filter: TagFilter,
    /// Those that may be called.
    pub(super) ready: Group,
    /// Those out of reach; the last resort of who has a connection to them still.
    pub(super) silent: Group,
    /// So many of them are out for their failures that nobody is left out for any.
    pub(super) is_panicking: bool,
    draining: usize,
}

/// Those who are alike in that they may be called, or may not.
#[derive(Debug)]
pub(super) struct Group {
    all: Part,
    /// Those in the preferred zone, and the others; only where there are both.
    zones: Option<Box<[Part; 2]>>,
}

/// Workers, and what the strategy knows about them.
#[derive(Debug)]
struct Part {
    workers: Box<[Worker]>,
    picker: Picker,
}

impl Pool {
    pub(super) fn empty(rules: Rules) -> Self {
        Self {
            workers: Arc::new([]),
            members: 0,
            all: Arc::new(Choice::new(TagFilter::default(), &[], &rules, None)),
            by_filter: HashMap::new(),
            rules,
            revision: 0,
        }
    }

    /// The pool after this one.
    pub(super) fn succeed(&self, workers: Arc<[Worker]>, members: usize) -> Self {
        let renew = |choice: &Arc<Choice>| {
            let filter = choice.filter.clone();
            Arc::new(Choice::new(filter, &workers, &self.rules, Some(choice)))
        };
        let by_filter = self.by_filter.iter();
        Self {
            all: renew(&self.all),
            by_filter: by_filter
                .map(|(text, choice)| (text.clone(), renew(choice)))
                .collect(),
            members,
            workers,
            rules: self.rules.clone(),
            revision: self.revision + 1,
        }
    }

    /// The choice for a filter, where it was made already.
    pub(super) fn choice(&self, filter: Option<&str>) -> Option<&Arc<Choice>> {
        match filter {
            None | Some("") => Some(&self.all),
            Some(text) => self.by_filter.get(text),
        }
    }

    /// Makes the choice for a filter.
    pub(super) fn choose(&self, filter: &str) -> Result<Arc<Choice>, WorkerError> {
        let filter = TagFilter::new(filter)?;
        Ok(Arc::new(Choice::new(
            filter,
            &self.workers,
            &self.rules,
            None,
        )))
    }

    /// The same pool, which knows one more filter; `None` where it knows as many as it may.
    pub(super) fn with_choice(&self, filter: &str, choice: Arc<Choice>) -> Option<Self> {
        if self.by_filter.len() >= FILTERS_MAX {
            return None;
        }
        let mut by_filter = self.by_filter.clone();
        by_filter.insert(filter.into(), choice);
        Some(Self {
            workers: Arc::clone(&self.workers),
            members: self.members,
            all: Arc::clone(&self.all),
            by_filter,
            rules: self.rules.clone(),
            revision: self.revision,
        })
    }

    /// Why nobody could be chosen.
    pub(super) fn absent(&self, choice: &Choice) -> WorkerError {
        let matching =
            choice.ready.workers().len() + choice.silent.workers().len() + choice.draining;
        let others = self.workers.iter();
        let others = others.filter(|worker| !choice.filter.matches(worker.tags()));
        WorkerError::NoWorker(Box::new(Absent {
            filter: choice.filter.to_string(),
            worker_filter: self.rules.worker_filter.to_string(),
            members: self.members,
            workers: self.workers.len(),
            matching,
            draining: choice.draining,
            unreachable: choice.silent.workers().len(),
            others: others.take(Absent::SHOWN_MAX).map(Absent::shown).collect(),
        }))
    }
}

impl Choice {
    fn new(filter: TagFilter, workers: &[Worker], rules: &Rules, before: Option<&Self>) -> Self {
        let mut draining = 0;
        let (mut reachable, mut silent) = (Vec::new(), Vec::new());
        for worker in workers.iter().filter(|it| filter.matches(it.tags())) {
            if worker.is_draining() {
                draining += 1;
            } else if worker.state().reach() == Reach::Reachable {
                reachable.push(worker.clone());
            } else {
                silent.push(worker.clone());
            }
        }
        let is_out = |worker: &&Worker| worker.state().grade() != Grade::Admitted;
        let (out, all) = (reachable.iter().filter(is_out).count(), reachable.len());
        // Where so many fail, it is hardly theirs alone: all are called again.
        let is_panicking = rules.ejection.panics(all - out, all);
        if !is_panicking {
            reachable.retain(|worker| worker.state().grade() != Grade::Ejected);
        }
        Self {
            filter,
            ready: Group::new(reachable, rules.strategy, before.map(|it| &it.ready)),
            silent: Group::new(silent, rules.strategy, before.map(|it| &it.silent)),
            is_panicking,
            draining,
        }
    }
}

impl Group {
    fn new(workers: Vec<Worker>, strategy: Strategy, before: Option<&Self>) -> Self {
        let (local, others): (Vec<_>, Vec<_>) = workers.iter().cloned().partition(Worker::is_local);
        let zones = (!local.is_empty() && !others.is_empty()).then(|| {
            let before = before.and_then(|before| before.zones.as_deref());
            Box::new([
                Part::new(local, strategy, before.map(|[local, _]| local)),
                Part::new(others, strategy, before.map(|[_, others]| others)),
            ])
        });
        Self {
            all: Part::new(workers, strategy, before.map(|before| &before.all)),
            zones,
        }
    }

    pub(super) fn workers(&self) -> &[Worker] {
        &self.all.workers
    }

    /// Chooses among those that are accepted.
    pub(super) fn pick(
        &self,
        ask: &mut Ask<'_>,
        mut accept: impl FnMut(&Worker) -> bool,
    ) -> Option<&Worker> {
        let Some(zones) = &self.zones else {
            return self.all.pick(ask, &mut accept);
        };
        let [near, far] = &**zones;
        let local = near.pick(ask, &mut accept);
        let other = far.pick(ask, &mut accept);
        ZonePreference::default().choose(local, other)
    }
}

impl Part {
    fn new(workers: Vec<Worker>, strategy: Strategy, before: Option<&Self>) -> Self {
        let picker = match before {
            Some(before) => before.picker.succeed(&workers),
            None => Picker::new(strategy, &workers),
        };
        Self {
            workers: workers.into_boxed_slice(),
            picker,
        }
    }

    fn pick(&self, ask: &mut Ask<'_>, accept: impl FnMut(&Worker) -> bool) -> Option<&Worker> {
        let ask = Ask {
            now: ask.now,
            key: ask.key,
            draw: &mut *ask.draw,
        };
        let picked = self.picker.pick(&self.workers, ask, accept)?;
        self.workers.get(picked)
    }
}

/// Filters whose choice is kept ready. Beyond: the choice of a further filter is made anew
/// by every call that uses it, which costs a look at every worker.
const FILTERS_MAX: usize = 64;
