//! The text of a graph, the same for all graphs of one structure.
//!
//! A type that contains itself has many graphs, by where it is entered and what stands
//! between: `Option<Node>` and `Option<Box<Node>>` travel alike. Nodes that cannot be told
//! apart, however far one looks, are therefore one class first. What several places share is
//! written once, numbered in the order of its first mention.

use std::collections::HashMap;

use super::graph::{Graph, Leaf, Node, NodeId, ROOT, Shape};

pub(super) type Class = usize;

/// Through so many options and collections a shared part is still written in place.
const PLAIN_LEVELS_MAX: usize = 4;

/// The canonical text.
pub(super) fn text(graph: &Graph) -> String {
    let forms = classes(graph);
    let mut writer = Writer::new(&forms);
    writer.write_all();
    writer.text
}

/// What a class is: all of it, but for what its parts are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Leaf(Leaf),
    /// Nothing of it was seen.
    Opaque,
    /// A name that no part answers to, such as an alias.
    Unread,
    Option(Class),
    Sequence(Class),
    Map(Class, Class),
    Array(usize, Class),
    Tuple(Vec<Class>),
    Struct(Vec<(&'static str, Class)>),
    Enum(Vec<(&'static str, Class)>),
}

/// The forms of all classes; the first is the whole.
pub(super) struct Forms {
    pub(super) root: Class,
    pub(super) forms: Vec<Form>,
}

const OPAQUE: Class = 0;
const UNREAD: Class = 1;

/// Tells nodes apart by their forms, then by the classes of their parts, until no more can be.
pub(super) fn classes(graph: &Graph) -> Forms {
    let mut class_of = vec![OPAQUE; graph.nodes.len()];
    let mut count = 0;
    loop {
        let mut forms = vec![Form::Opaque, Form::Unread];
        let mut known: HashMap<(Class, Form), Class> = HashMap::new();
        let next: Vec<Class> = graph
            .nodes
            .iter()
            .enumerate()
            .map(|(id, node)| {
                let form = form(node, &class_of);
                // With the class so far, so that what is apart stays apart.
                *known
                    .entry((class_of[id], form.clone()))
                    .or_insert_with(|| {
                        forms.push(form);
                        forms.len() - 1
                    })
            })
            .collect();
        if forms.len() == count {
            // The parts' classes as they were are a renumbering of what they are now.
            return settle(graph, &next);
        }
        count = forms.len();
        class_of = next;
    }
}

fn settle(graph: &Graph, class_of: &[Class]) -> Forms {
    let count = class_of.iter().max().map_or(0, |max| max + 1).max(2);
    let mut forms = vec![Form::Opaque; count];
    forms[UNREAD] = Form::Unread;
    for (id, node) in graph.nodes.iter().enumerate() {
        forms[class_of[id]] = form(node, class_of);
    }
    let root = graph.nodes[ROOT].parts[0].map_or(OPAQUE, |root| class_of[root]);
    Forms { root, forms }
}

fn form(node: &Node, class_of: &[Class]) -> Form {
    let class = |part: &Option<NodeId>| part.map_or(OPAQUE, |part| class_of[part]);
    let part = |index: usize| class(&node.parts[index]);
    match node.shape {
        Shape::Leaf(leaf) => Form::Leaf(leaf),
        Shape::Root | Shape::Option => Form::Option(part(0)),
        Shape::Sequence => Form::Sequence(part(0)),
        Shape::Map => Form::Map(part(0), part(1)),
        Shape::Tuple(len) => {
            let first = node.parts.first().map_or(OPAQUE, class);
            let are_alike = node.parts.iter().all(|part| class(part) == first);
            if len > 1 && are_alike {
                Form::Array(len, first)
            } else {
                Form::Tuple(node.parts.iter().map(class).collect())
            }
        }
        Shape::Struct(fields) => {
            let missing = if node.is_complete { UNREAD } else { OPAQUE };
            let parts = node.parts.iter();
            let classes = parts.map(|part| part.map_or(missing, |part| class_of[part]));
            Form::Struct(fields.iter().copied().zip(classes).collect())
        }
        Shape::Enum(variants) => {
            let classes = node.parts.iter().map(class);
            Form::Enum(variants.iter().copied().zip(classes).collect())
        }
    }
}

/// Writes each class where it is mentioned first, or at the end where it is shared.
struct Writer<'f> {
    forms: &'f Forms,
    mentions: Vec<usize>,
    /// The numbers of shared classes.
    numbers: HashMap<Class, usize>,
    /// Shared classes in the order of their numbers.
    shared: Vec<Class>,
    text: String,
}

impl<'f> Writer<'f> {
    fn new(forms: &'f Forms) -> Self {
        Self {
            mentions: mentions(forms),
            forms,
            numbers: HashMap::new(),
            shared: Vec::new(),
            text: String::new(),
        }
    }

    fn write_all(&mut self) {
        self.mention(self.forms.root);
        let mut written = 0;
        while let Some(class) = self.shared.get(written).copied() {
            self.text
                .push_str(if written == 0 { " where " } else { ", " });
            self.text.push_str(&format!("#{written} = "));
            self.write(class);
            written += 1;
        }
    }

    fn mention(&mut self, class: Class) {
        if self.mentions[class] < 2 || self.is_plain(class, PLAIN_LEVELS_MAX) {
            self.write(class);
            return;
        }
        let next = self.shared.len();
        let number = *self.numbers.entry(class).or_insert(next);
        if number == next {
            self.shared.push(class);
        }
        self.text.push_str(&format!("#{number}"));
    }

    fn write(&mut self, class: Class) {
        let forms = self.forms;
        match &forms.forms[class] {
            Form::Leaf(leaf) => self.text.push_str(leaf_name(*leaf)),
            Form::Opaque => self.text.push_str("opaque"),
            Form::Unread => self.text.push_str("unread"),
            Form::Option(part) => {
                self.text.push('?');
                self.mention(*part);
            }
            Form::Sequence(part) => {
                self.text.push('[');
                self.mention(*part);
                self.text.push(']');
            }
            Form::Map(key, value) => {
                self.text.push('[');
                self.mention(*key);
                self.text.push_str(" => ");
                self.mention(*value);
                self.text.push(']');
            }
            Form::Array(len, part) => {
                self.text.push('[');
                self.mention(*part);
                self.text.push_str(&format!("; {len}]"));
            }
            Form::Tuple(parts) => self.write_tuple(parts),
            Form::Struct(fields) => self.write_struct(fields),
            Form::Enum(variants) => self.write_enum(variants),
        }
    }

    fn write_tuple(&mut self, parts: &[Class]) {
        self.text.push('(');
        for (index, part) in parts.iter().enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            self.mention(*part);
        }
        self.text
            .push_str(if parts.len() == 1 { ",)" } else { ")" });
    }

    fn write_struct(&mut self, fields: &[(&'static str, Class)]) {
        self.text.push('{');
        for (index, (name, part)) in fields.iter().enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            self.write_name(name);
            self.text.push_str(": ");
            self.mention(*part);
        }
        self.text.push('}');
    }

    /// A variant with fields is written as one that holds a struct of them: they travel alike.
    fn write_enum(&mut self, variants: &[(&'static str, Class)]) {
        let forms = self.forms;
        self.text.push('<');
        for (index, (name, part)) in variants.iter().enumerate() {
            self.text.push_str(if index == 0 { "" } else { " | " });
            self.write_name(name);
            match &forms.forms[*part] {
                Form::Leaf(Leaf::Unit) => {}
                Form::Struct(_) | Form::Tuple(_) if self.mentions[*part] < 2 => self.write(*part),
                _ => {
                    self.text.push('(');
                    self.mention(*part);
                    self.text.push(')');
                }
            }
        }
        self.text.push('>');
    }

    /// In quotes where it might be taken for something else.
    fn write_name(&mut self, name: &str) {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !name.is_empty() && name.bytes().all(is_word) {
            self.text.push_str(name);
            return;
        }
        self.text.push('"');
        for letter in name.chars() {
            if matches!(letter, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(letter);
        }
        self.text.push('"');
    }

    /// A collection of short things: better repeated than referred to.
    fn is_plain(&self, class: Class, levels: usize) -> bool {
        let is_short = |part: &Class| match &self.forms.forms[*part] {
            // Written as its number.
            Form::Tuple(_) | Form::Struct(_) | Form::Enum(_) => self.mentions[*part] > 1,
            _ => levels > 0 && self.is_plain(*part, levels - 1),
        };
        match &self.forms.forms[class] {
            Form::Leaf(_) | Form::Opaque | Form::Unread => true,
            Form::Option(part) | Form::Sequence(part) | Form::Array(_, part) => is_short(part),
            Form::Map(key, value) => is_short(key) && is_short(value),
            Form::Tuple(_) | Form::Struct(_) | Form::Enum(_) => false,
        }
    }
}

/// How often each class is mentioned, by all that the whole consists of.
///
/// Every way around goes through a class that is mentioned twice, from outside and from
/// within, so that writing the others in place ends.
fn mentions(forms: &Forms) -> Vec<usize> {
    let mut mentions = vec![0; forms.forms.len()];
    let mut to_visit = vec![forms.root];
    while let Some(class) = to_visit.pop() {
        mentions[class] += 1;
        if mentions[class] > 1 {
            continue;
        }
        match &forms.forms[class] {
            Form::Leaf(_) | Form::Opaque | Form::Unread => {}
            Form::Option(part) | Form::Sequence(part) | Form::Array(_, part) => {
                to_visit.push(*part);
            }
            Form::Map(key, value) => to_visit.extend([*key, *value]),
            Form::Tuple(parts) => to_visit.extend(parts),
            Form::Struct(parts) | Form::Enum(parts) => {
                to_visit.extend(parts.iter().map(|(_, part)| *part));
            }
        }
    }
    mentions
}

pub(super) fn leaf_name(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Bool => "bool",
        Leaf::I8 => "i8",
        Leaf::I16 => "i16",
        Leaf::I32 => "i32",
        Leaf::I64 => "i64",
        Leaf::I128 => "i128",
        Leaf::U8 => "u8",
        Leaf::U16 => "u16",
        Leaf::U32 => "u32",
        Leaf::U64 => "u64",
        Leaf::U128 => "u128",
        Leaf::F32 => "f32",
        Leaf::F64 => "f64",
        Leaf::Char => "char",
        Leaf::String => "string",
        Leaf::Bytes => "bytes",
        Leaf::Unit => "unit",
        Leaf::Any => "any",
    }
}
