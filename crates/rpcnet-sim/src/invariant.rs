//! What has to hold at every step, whatever the network and the nodes do.
//!
//! The checker keeps a copy of every row of every view and compares it with what the step left
//! there: of the rows that the step could have changed, or of all rows of the node in a small
//! cluster. It never looks at all views at once before the end.

use std::fmt;

use crate::clock::Time;
use crate::engine::{Rank, Row};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at: Time,
    /// Which rule was broken.
    pub rule: Rule,
    /// By whom, about whom, and how.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} s: {}: {}", self.at, self.rule.text(), self.detail)
    }
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A row's (epoch, incarnation, rank) and its tag version never go backwards.
    Backwards,
    /// Only the owner raises its incarnation.
    Incarnation,
    /// Only the owner raises its tags' version.
    Tag,
    /// Whoever left is gone until it starts again; and nobody else can make it leave.
    Left,
    /// No node that most others reach is thought failed by a node that most others reach.
    FalseFailure,
    /// Nobody is forgotten while it is there.
    Forgotten,
    /// A node's timer runs on.
    Timer,
    /// When all is quiet, all views are equal and true.
    Settled,
}

impl Rule {
    /// The rule, as a sentence about what is wrong.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Backwards => "a row went backwards",
            Self::Incarnation => "an incarnation was raised by somebody else",
            Self::Tag => "a tag version was raised by somebody else",
            Self::Left => "a goodbye was undone or made up",
            Self::FalseFailure => "a healthy node thinks that another has failed",
            Self::Forgotten => "a member was forgotten while it was there",
            Self::Timer => "a timer does not advance",
            Self::Settled => "a view is not true when all is quiet",
        }
    }
}

/// The most nodes of which the checker keeps all rows: 2,048 squared rows are 130 MB.
const SHADOWED_MAX: u32 = 2048;

/// What an owner said of one of its starts.
#[derive(Debug, Clone, Copy)]
struct Own {
    epoch: u64,
    incarnation: u64,
    tag: u64,
    left: bool,
}

/// Compares what nodes think with what they thought before, and with what is true.
#[derive(Debug)]
pub struct Checker {
    count: usize,
    shadow: Vec<Option<Row>>,
    own: Vec<Vec<Own>>,
    violations: Vec<Violation>,
}

/// After so many violations no more are kept.
const VIOLATIONS_MAX: usize = 8;

impl Checker {
    /// A checker for `count` nodes. Of more than it can keep rows for, only the newest claims of the
    /// owners are checked.
    #[must_use]
    pub fn new(count: u32) -> Self {
        let rows = if count <= SHADOWED_MAX {
            count as usize * count as usize
        } else {
            0
        };
        Self {
            count: count as usize,
            shadow: vec![None; rows],
            own: vec![Vec::new(); count as usize],
            violations: Vec::new(),
        }
    }

    /// A node starts: it knows nothing any more.
    pub fn started(&mut self, node: u32) {
        if !self.shadow.is_empty() {
            let from = node as usize * self.count;
            self.shadow[from..from + self.count].fill(None);
        }
    }

    /// A node says goodbye.
    pub fn left(&mut self, node: u32) {
        if let Some(own) = self.own[node as usize].last_mut() {
            own.left = true;
        }
    }

    /// What a node says of itself after a step of its own.
    pub fn owner(&mut self, now: Time, node: u32, row: Row) {
        let told = &mut self.own[node as usize];
        match told.last_mut() {
            Some(own) if own.epoch == row.epoch => {
                let is_back = row.incarnation < own.incarnation || row.tag < own.tag;
                own.incarnation = own.incarnation.max(row.incarnation);
                own.tag = own.tag.max(row.tag);
                if is_back {
                    let detail = format!("node {node} says {row:?} of itself after more");
                    self.broken(now, Rule::Backwards, detail);
                }
            }
            Some(own) if own.epoch > row.epoch => {
                let detail = format!("node {node} says {row:?} of itself in epoch {}", own.epoch);
                self.broken(now, Rule::Backwards, detail);
            }
            _ => told.push(Own {
                epoch: row.epoch,
                incarnation: row.incarnation,
                tag: row.tag,
                left: false,
            }),
        }
    }

    /// What `observer` thinks of `about` after a step of the observer.
    pub fn seen(&mut self, now: Time, observer: u32, about: u32, row: Option<Row>) {
        if let Some(row) = row {
            self.compare_with_owner(now, observer, about, row);
        }
        if self.shadow.is_empty() {
            return;
        }
        let at = observer as usize * self.count + about as usize;
        let before = std::mem::replace(&mut self.shadow[at], row);
        let Some(before) = before else { return };
        if Some(before) == row {
            return;
        }
        let Some(row) = row else {
            if before.rank.is_live() {
                let detail = format!("node {observer} about {about}, which was {before:?}");
                self.broken(now, Rule::Forgotten, detail);
            }
            return;
        };
        let rule = if before.rank == Rank::Left && before.epoch == row.epoch {
            (row.rank != Rank::Left).then_some(Rule::Left)
        } else {
            let order = |row: &Row| (row.epoch, row.incarnation, row.rank);
            let is_older_tag = (row.epoch, row.tag) < (before.epoch, before.tag);
            (order(&row) < order(&before) || is_older_tag).then_some(Rule::Backwards)
        };
        if let Some(rule) = rule {
            let detail = format!("node {observer} about {about}: {before:?}, then {row:?}");
            self.broken(now, rule, detail);
        }
    }

    fn compare_with_owner(&mut self, now: Time, observer: u32, about: u32, row: Row) {
        let told = self.own[about as usize].iter().rev();
        let own = told.into_iter().find(|own| own.epoch == row.epoch);
        let rule = match own {
            None => Some(Rule::Incarnation),
            Some(own) if row.incarnation > own.incarnation => Some(Rule::Incarnation),
            Some(own) if row.tag > own.tag => Some(Rule::Tag),
            Some(own) if row.rank == Rank::Left && !own.left => Some(Rule::Left),
            Some(_) => None,
        };
        if let Some(rule) = rule {
            let detail = format!("node {observer} about {about}: {row:?}, which says {own:?}");
            self.broken(now, rule, detail);
        }
    }

    /// Notes that a rule was broken.
    pub fn broken(&mut self, at: Time, rule: Rule, detail: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { at, rule, detail });
        }
    }

    /// What was broken so far, the first first.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}
