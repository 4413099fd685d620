//! What has been learnt so far, as a graph: each type once, with an edge to each of its parts.

use std::collections::{HashMap, VecDeque};

/// How many nodes a graph may have; what is beyond stays unseen.
const NODES_MAX: usize = 4096;

/// Beyond so many elements a tuple is taken for an array, whose elements are alike.
pub(super) const TUPLE_SLOTS_MAX: usize = 64;

pub(super) type NodeId = usize;

/// The node above the type itself.
pub(super) const ROOT: NodeId = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaf {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    String,
    Bytes,
    Unit,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Root,
    Leaf(Leaf),
    Option,
    Sequence,
    Map,
    Tuple(usize),
    Struct(&'static [&'static str]),
    Enum(&'static [&'static str]),
}

/// Who asks: the visitor's type, which names its generic arguments as well, and what it asks.
///
/// The fields' names tell apart types of one name, which a macro may make within one scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) visitor: &'static str,
    pub(super) value_bytes: usize,
    pub(super) shape: Shape,
}

/// A place for a part: of which node, and which of its parts.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) node: NodeId,
    pub(super) index: usize,
}

/// Whether a way down is closed because it led to no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Blocked {
    #[default]
    No,
    /// Until more variants than so many are known to lead to a value.
    Until(usize),
    Forever,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Variant {
    pub(super) is_seen: bool,
    pub(super) is_complete: bool,
    pub(super) blocked: Blocked,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) parts: Vec<Option<NodeId>>,
    /// Which of the values to make up for it, or how many elements.
    pub(super) candidate: usize,
    /// All of them were tried after a failure, and none helped.
    pub(super) is_exhausted: bool,
    /// A value of it was made once.
    pub(super) is_complete: bool,
    pub(super) blocked: Blocked,
    pub(super) variants: Vec<Variant>,
    /// The first variant that led to a value. It did so with values that were made before,
    /// hence taking it everywhere ends.
    pub(super) way_out: Option<usize>,
}

pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    by_identity: HashMap<Identity, NodeId>,
    /// How many variants are known to lead to a value.
    pub(super) completions: usize,
    /// Something was learnt since this was last reset.
    pub(super) is_changed: bool,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::new(Shape::Root)],
            by_identity: HashMap::new(),
            completions: 0,
            is_changed: false,
        }
    }

    /// The node of a type, made where the type is new; `None` where the graph is full.
    pub(super) fn intern(&mut self, slot: Slot, identity: Identity) -> Option<NodeId> {
        // A visitor behind a trait object is the same for all types.
        if identity.visitor.contains("dyn ") {
            return self.part(slot, identity.shape);
        }
        let node = match self.by_identity.get(&identity) {
            Some(node) => *node,
            None => {
                let node = self.add(identity.shape)?;
                self.by_identity.insert(identity, node);
                node
            }
        };
        self.attach(slot, node);
        Some(node)
    }

    /// The node that belongs to a place and no other.
    ///
    /// A type that asks differently from one time to the next gets a node for the moment: the
    /// first answer stands.
    pub(super) fn part(&mut self, slot: Slot, shape: Shape) -> Option<NodeId> {
        if let Some(node) = self.nodes[slot.node].parts[slot.index]
            && self.nodes[node].shape == shape
        {
            return Some(node);
        }
        let node = self.add(shape)?;
        self.attach(slot, node);
        Some(node)
    }

    pub(super) fn is_blocked(&self, blocked: Blocked) -> bool {
        match blocked {
            Blocked::No => false,
            Blocked::Until(completions) => completions == self.completions,
            Blocked::Forever => true,
        }
    }

    pub(super) fn complete_variant(&mut self, node: NodeId, index: usize) {
        let node = &mut self.nodes[node];
        if !std::mem::replace(&mut node.variants[index].is_complete, true) {
            node.way_out.get_or_insert(index);
            self.completions += 1;
            self.is_changed = true;
        }
    }

    /// For each node, how many steps down something is that was not seen; `None` where all was.
    ///
    /// Distances rather than yes or no: in a type that contains itself everything leads
    /// everywhere, but only the shortest way does not lead in a circle.
    pub(super) fn distances(&self) -> Vec<Option<usize>> {
        let mut above = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for part in self.ways(node) {
                above[part].push(id);
            }
        }
        let mut distances = vec![None; self.nodes.len()];
        let mut reached: VecDeque<(NodeId, usize)> = VecDeque::new();
        let open = (0..self.nodes.len()).filter(|id| self.is_open(&self.nodes[*id]));
        reached.extend(open.map(|id| (id, 0)));
        while let Some((id, distance)) = reached.pop_front() {
            if distances[id].is_none() {
                distances[id] = Some(distance);
                reached.extend(above[id].iter().map(|above| (*above, distance + 1)));
            }
        }
        distances
    }

    /// Something of the node itself was not seen, and can be tried.
    fn is_open(&self, node: &Node) -> bool {
        match node.shape {
            Shape::Leaf(_) => false,
            Shape::Option | Shape::Sequence | Shape::Map => {
                node.parts.contains(&None) && !self.is_blocked(node.blocked)
            }
            Shape::Root | Shape::Tuple(_) | Shape::Struct(_) => !node.is_complete,
            Shape::Enum(_) => node
                .variants
                .iter()
                .any(|variant| !variant.is_complete && !self.is_blocked(variant.blocked)),
        }
    }

    fn ways(&self, node: &Node) -> impl Iterator<Item = NodeId> {
        let is_open = !self.is_blocked(node.blocked);
        node.parts
            .iter()
            .enumerate()
            .filter(move |(index, _)| {
                is_open
                    && node
                        .variants
                        .get(*index)
                        .is_none_or(|variant| !self.is_blocked(variant.blocked))
            })
            .filter_map(|(_, part)| *part)
    }

    fn add(&mut self, shape: Shape) -> Option<NodeId> {
        if self.nodes.len() == NODES_MAX {
            return None;
        }
        self.nodes.push(Node::new(shape));
        self.is_changed = true;
        Some(self.nodes.len() - 1)
    }

    fn attach(&mut self, slot: Slot, node: NodeId) {
        let part = &mut self.nodes[slot.node].parts[slot.index];
        if part.is_none() {
            *part = Some(node);
            self.is_changed = true;
        }
    }
}

impl Node {
    fn new(shape: Shape) -> Self {
        let (parts, variants) = match shape {
            Shape::Leaf(_) => (0, 0),
            Shape::Root | Shape::Option | Shape::Sequence => (1, 0),
            Shape::Map => (2, 0),
            Shape::Tuple(len) if len > TUPLE_SLOTS_MAX => (1, 0),
            Shape::Tuple(len) => (len, 0),
            Shape::Struct(fields) => (fields.len(), 0),
            Shape::Enum(variants) => (variants.len(), variants.len()),
        };
        Self {
            shape,
            parts: vec![None; parts],
            candidate: 0,
            is_exhausted: false,
            is_complete: false,
            blocked: Blocked::No,
            variants: vec![Variant::default(); variants],
            way_out: None,
        }
    }
}
