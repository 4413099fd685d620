//! The passes: a type is deserialised from nothing until it shows nothing new.
//!
//! Each pass goes where something is unseen and takes the shortest way everywhere else:
//! options are none, collections empty, enums the variant that led to a value first. A pass
//! that fails is repeated with another value for the part that was made up last; when none
//! helps, the innermost option, collection or variant around is avoided from then on.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{DeserializeOwned, Error as DeError};

use super::candidates;
use super::graph::{Blocked, Graph, NodeId, ROOT, Shape, Slot};
use super::tracer::Tracer;

/// How often a type is deserialised, at most.
const PASSES_MAX: usize = 2048;

/// How many questions of a type are answered, all passes together.
const STEPS_MAX: usize = 1 << 18;

/// How deep values are made up; deeper than any codec decodes.
const DEPTH_MAX: usize = 160;

/// A pass went wrong; the trace knows where, and nobody reads a text.
#[derive(Debug)]
pub(super) struct TraceError;

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the made-up value was not accepted")
    }
}

impl std::error::Error for TraceError {}

impl DeError for TraceError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What a failure calls for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The type did not accept a value: try others.
    Refused,
    /// The way down does not end, as far as is known: try again when more is.
    DeadEnd,
    /// Nothing would help.
    Hopeless,
}

/// A value that is being made.
#[derive(Clone, Copy)]
struct Frame {
    node: NodeId,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// There was no other.
    Only,
    /// Something instead of nothing.
    Down,
    /// This variant.
    Variant(usize),
}

/// Whom the format that is made believe is for; some types travel as text where it is people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Of the codecs that do not name fields; what is protected are these.
    Machine,
    /// Of JSON.
    Human,
}

pub(super) struct Trace {
    pub(super) reader: Reader,
    state: RefCell<State>,
}

struct State {
    graph: Graph,
    /// How far it is to something unseen, from the nodes that were there before the pass.
    distances: Vec<Option<usize>>,
    stack: Vec<Frame>,
    /// The stack where the pass failed.
    failure: Option<Vec<Frame>>,
    cause: Cause,
    /// The part that was made up last.
    last: Option<NodeId>,
    /// The part whose values are being tried, and with which of them that began.
    cycling: Option<(NodeId, usize)>,
    steps: usize,
    is_over: bool,
}

impl Trace {
    pub(super) fn explore<T: DeserializeOwned>(reader: Reader) -> Graph {
        let trace = Self {
            reader,
            state: RefCell::new(State::new()),
        };
        let root = Slot {
            node: ROOT,
            index: 0,
        };
        for _ in 0..PASSES_MAX {
            trace.state.borrow_mut().begin_pass();
            // A panic leaves nothing behind but the stack, which tells where it came from.
            let pass = catch_unwind(AssertUnwindSafe(|| {
                T::deserialize(Tracer::new(&trace, root)).is_ok()
            }));
            let mut state = trace.state.borrow_mut();
            let may_show_more = match pass {
                Ok(true) => state.accept(),
                Ok(false) => state.recover(),
                Err(_) => {
                    state.cause = Cause::Hopeless;
                    state.recover()
                }
            };
            if state.is_over || !may_show_more {
                break;
            }
        }
        trace.state.into_inner().graph
    }

    /// Counts a question; an error where there were too many, or one too deep.
    pub(super) fn step(&self, depth: usize) -> Result<(), TraceError> {
        let mut state = self.state.borrow_mut();
        state.steps += 1;
        state.is_over |= state.steps > STEPS_MAX;
        if state.is_over || depth > DEPTH_MAX {
            state.cause = Cause::DeadEnd;
            return Err(TraceError);
        }
        Ok(())
    }

    /// Finds the node of a question, by `find`; an error where the graph is full.
    pub(super) fn node(
        &self,
        find: impl FnOnce(&mut Graph) -> Option<NodeId>,
    ) -> Result<NodeId, TraceError> {
        let mut state = self.state.borrow_mut();
        let node = find(&mut state.graph);
        state.is_over |= node.is_none();
        node.ok_or(TraceError)
    }

    /// Which value to make up for a leaf.
    pub(super) fn candidate(&self, leaf: NodeId) -> usize {
        let mut state = self.state.borrow_mut();
        state.last = Some(leaf);
        state.graph.nodes[leaf].candidate
    }

    /// Notes that a collection ended: its length was made up.
    pub(super) fn ended(&self, node: NodeId) {
        self.state.borrow_mut().last = Some(node);
    }

    /// Nothing that could be made up would change this failure.
    pub(super) fn give_up(&self) {
        self.state.borrow_mut().cause = Cause::Hopeless;
    }

    /// Begins a value of which all parts are made.
    pub(super) fn enter(&self, node: NodeId) {
        self.state.borrow_mut().push(node, Way::Only);
    }

    /// Begins an option; true where it holds something.
    pub(super) fn enter_option(&self, node: NodeId) -> bool {
        let mut state = self.state.borrow_mut();
        let is_worth_it = state.is_worth_it(node);
        state.push(node, if is_worth_it { Way::Down } else { Way::Only });
        is_worth_it
    }

    /// Begins a collection, of so many elements.
    pub(super) fn enter_collection(&self, node: NodeId) -> usize {
        let mut state = self.state.borrow_mut();
        let len = match state.graph.nodes[node].candidate {
            0 => usize::from(state.is_worth_it(node)),
            candidate => candidates::LENGTHS[candidate - 1],
        };
        let is_avoidable = len == 1 && state.graph.nodes[node].candidate == 0;
        state.push(node, if is_avoidable { Way::Down } else { Way::Only });
        len
    }

    /// Begins an enum, with this variant.
    pub(super) fn enter_enum(&self, node: NodeId) -> Result<usize, TraceError> {
        let mut state = self.state.borrow_mut();
        let Some(variant) = state.choose_variant(node) else {
            state.cause = Cause::DeadEnd;
            return Err(TraceError);
        };
        let seen = &mut state.graph.nodes[node].variants[variant].is_seen;
        let is_new = !std::mem::replace(seen, true);
        state.graph.is_changed |= is_new;
        state.push(node, Way::Variant(variant));
        Ok(variant)
    }

    /// Ends the value that was begun last.
    pub(super) fn leave<T>(&self, made: Result<T, TraceError>) -> Result<T, TraceError> {
        let mut state = self.state.borrow_mut();
        match &made {
            Ok(_) => state.succeed(),
            Err(_) if state.failure.is_none() => state.failure = Some(state.stack.clone()),
            Err(_) => {}
        }
        state.stack.pop();
        made
    }
}

impl State {
    fn new() -> Self {
        Self {
            graph: Graph::new(),
            distances: Vec::new(),
            stack: Vec::new(),
            failure: None,
            cause: Cause::Refused,
            last: None,
            cycling: None,
            steps: 0,
            is_over: false,
        }
    }

    fn begin_pass(&mut self) {
        self.graph.is_changed = false;
        self.distances = self.graph.distances();
        self.stack.clear();
        self.failure = None;
        self.cause = Cause::Refused;
        self.last = None;
    }

    /// After a pass that made a value; true where another may show more.
    fn accept(&mut self) -> bool {
        self.graph.nodes[ROOT].is_complete = true;
        self.cycling = None;
        self.graph.is_changed && self.graph.distances()[ROOT].is_some()
    }

    /// After a pass that failed; true where another may succeed.
    fn recover(&mut self) -> bool {
        if self.cause == Cause::Refused && self.last.is_some_and(|last| self.try_next(last)) {
            return true;
        }
        let stack = self.failure.take().unwrap_or_else(|| self.stack.clone());
        let blocked = match self.cause {
            Cause::DeadEnd => Blocked::Until(self.graph.completions),
            Cause::Refused | Cause::Hopeless => Blocked::Forever,
        };
        for frame in stack.iter().rev() {
            let node = &mut self.graph.nodes[frame.node];
            let way = match frame.way {
                Way::Only => continue,
                Way::Down => &mut node.blocked,
                Way::Variant(index) => &mut node.variants[index].blocked,
            };
            if *way != blocked && *way != Blocked::Forever {
                *way = blocked;
                return true;
            }
        }
        false
    }

    /// Turns to the next value for a part; false where all have been tried.
    fn try_next(&mut self, part: NodeId) -> bool {
        let node = &mut self.graph.nodes[part];
        let start = match self.cycling {
            Some((cycling, start)) if cycling == part => start,
            _ => node.candidate,
        };
        let next = (node.candidate + 1) % candidates::count(node.shape);
        if node.is_exhausted || next == start {
            node.candidate = start;
            node.is_exhausted = true;
            self.cycling = None;
            return false;
        }
        node.candidate = next;
        self.cycling = Some((part, start));
        true
    }

    fn push(&mut self, node: NodeId, way: Way) {
        self.stack.push(Frame { node, way });
    }

    /// The innermost value is there; whatever failed within was not needed.
    fn succeed(&mut self) {
        self.failure = None;
        let Some(frame) = self.stack.last().copied() else {
            return;
        };
        if let Way::Variant(index) = frame.way {
            self.graph.complete_variant(frame.node, index);
        }
        let is_complete = &mut self.graph.nodes[frame.node].is_complete;
        self.graph.is_changed |= !std::mem::replace(is_complete, true);
        // Once in a pass is enough.
        if self.distances.len() <= frame.node {
            self.distances.resize(frame.node + 1, Some(0));
        }
        self.distances[frame.node] = None;
    }

    /// Whether to go down where one need not.
    fn is_worth_it(&self, node: NodeId) -> bool {
        let is_open =
            !self.is_on_stack(node) && !self.graph.is_blocked(self.graph.nodes[node].blocked);
        let mut parts = self.graph.nodes[node].parts.iter();
        is_open && parts.any(|part| part.is_none_or(|part| self.distance(part).is_some()))
    }

    fn choose_variant(&self, node: NodeId) -> Option<usize> {
        let is_inner = self.is_on_stack(node);
        let variants = &self.graph.nodes[node].variants;
        let find = |accepts: &dyn Fn(usize) -> bool| (0..variants.len()).find(|at| accepts(*at));
        let is_free = |at: usize| {
            let is_active = self
                .stack
                .iter()
                .any(|frame| frame.node == node && frame.way == Way::Variant(at));
            !is_active && !self.graph.is_blocked(variants[at].blocked)
        };
        let way_out = self.graph.nodes[node].way_out;
        if is_inner && way_out.is_some() {
            return way_out;
        }
        find(&|at| !variants[at].is_seen && is_free(at))
            .or_else(|| find(&|at| !variants[at].is_complete && is_free(at)))
            .or_else(|| {
                let part = |at: usize| self.graph.nodes[node].parts[at];
                let distance = |at: usize| part(at).and_then(|part| self.distance(part));
                let ways = (0..variants.len()).filter(|at| !is_inner && is_free(*at));
                let (_, nearest) = ways.filter_map(|at| Some((distance(at)?, at))).min()?;
                Some(nearest)
            })
            .or(way_out)
    }

    fn is_on_stack(&self, node: NodeId) -> bool {
        self.stack.iter().any(|frame| frame.node == node)
    }

    fn distance(&self, node: NodeId) -> Option<usize> {
        match self.graph.nodes[node].shape {
            Shape::Leaf(_) => None,
            // What is new has not been looked into.
            _ => self.distances.get(node).copied().unwrap_or(Some(0)),
        }
    }
}
