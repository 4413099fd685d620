//! Types and signatures as text, for people.

use std::collections::BTreeMap;

use super::catalogue::{Kind, Method};
use super::types::{Named, Type, Types};
use crate::cmd::access::printable;

/// Types of one description that are mentioned more than once, and the names that they got.
///
/// Names of types do not travel, so they are `T1`, `T2` and so on.
#[derive(Debug, Default)]
pub(crate) struct Legend {
    /// By message, then by place.
    names: BTreeMap<(usize, usize), usize>,
    /// What is written below, in the order of the names.
    written: Vec<String>,
    /// The messages so far: equal ones share their names.
    messages: Vec<Types>,
}

/// Columns that are filled before a type is broken into lines.
const WIDTH: usize = 88;
/// Deeper than this a type is not shown.
const DEPTH_MAX: usize = 32;
const NAME_CHARS_MAX: usize = 80;
const INDENT: &str = "    ";

impl Legend {
    /// The type of a message; what it refers to is added to the legend.
    pub(crate) fn write(&mut self, types: &Types, indent: usize) -> String {
        self.write_part(types, types.root, indent)
    }

    /// The type of a part of a message.
    fn write_part(&mut self, types: &Types, place: usize, indent: usize) -> String {
        let known = self.messages.iter().position(|known| known == types);
        let message = known.unwrap_or(self.messages.len());
        if known.is_none() {
            self.messages.push(types.clone());
        }
        let mut writer = Writer {
            types,
            mentions: types.mentions(),
            message,
            legend: self,
            waiting: Vec::new(),
        };
        let text = writer.part(place, indent, 0);
        while let Some((number, place)) = writer.waiting.pop() {
            let body = writer.body(place, 0, 0);
            writer.legend.written[number] = format!("T{} = {body}", number + 1);
        }
        text
    }

    /// The types that got a name, one after the other.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.written
    }
}

struct Writer<'a> {
    types: &'a Types,
    mentions: Vec<usize>,
    message: usize,
    legend: &'a mut Legend,
    /// Named types whose bodies are still to be written.
    waiting: Vec<(usize, usize)>,
}

impl Writer<'_> {
    /// A type where it is mentioned: itself, or its name.
    fn part(&mut self, place: usize, indent: usize, depth: usize) -> String {
        let is_named =
            self.mentions.get(place).is_some_and(|count| *count > 1) && !self.is_plain(place, 0);
        if !is_named {
            return self.body(place, indent, depth);
        }
        let next = self.legend.written.len();
        let number = *self
            .legend
            .names
            .entry((self.message, place))
            .or_insert(next);
        if number == next {
            self.legend.written.push(String::new());
            self.waiting.push((number, place));
        }
        format!("T{}", number + 1)
    }

    /// Leaves, and collections of them, are better repeated than referred to.
    fn is_plain(&self, place: usize, depth: usize) -> bool {
        let is_short = |part: &usize| depth < 3 && self.is_plain(*part, depth + 1);
        match self.types.at(place) {
            Type::Option { of } | Type::List { of } | Type::Array { of, .. } => is_short(of),
            Type::Map { key, value } => is_short(key) && is_short(value),
            Type::Tuple { .. } | Type::Struct { .. } | Type::Enum { .. } => false,
            _ => true,
        }
    }

    fn body(&mut self, place: usize, indent: usize, depth: usize) -> String {
        if depth > DEPTH_MAX {
            return "..".into();
        }
        let types = self.types;
        match types.at(place) {
            Type::Option { of } => format!("{}?", self.part(*of, indent, depth + 1)),
            Type::List { of } => format!("[{}]", self.part(*of, indent, depth + 1)),
            Type::Array { of, len } => format!("[{}; {len}]", self.part(*of, indent, depth + 1)),
            Type::Map { key, value } => {
                let key = self.part(*key, indent, depth + 1);
                format!("{{{key}: {}}}", self.part(*value, indent, depth + 1))
            }
            Type::Tuple { items } => {
                let items = items.iter().map(|item| self.part(*item, indent, depth + 1));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Type::Struct { fields } => self.fields(fields, indent, depth),
            Type::Enum { variants } => self.variants(variants, indent, depth),
            leaf => leaf.leaf_name().unwrap_or("any").into(),
        }
    }

    fn fields(&mut self, fields: &[Named], indent: usize, depth: usize) -> String {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| {
                let ty = self.part(field.ty, indent + 1, depth + 1);
                format!("{}: {ty}", printable(&field.name, NAME_CHARS_MAX))
            })
            .collect();
        let flat = format!("{{ {} }}", fields.join(", "));
        if fields.is_empty() {
            return "{}".into();
        }
        match is_short(&flat, indent) {
            true => flat,
            false => {
                let (inner, outer) = (INDENT.repeat(indent + 1), INDENT.repeat(indent));
                let lines = fields.iter().map(|field| format!("{inner}{field},\n"));
                format!("{{\n{}{outer}}}", lines.collect::<String>())
            }
        }
    }

    /// In the form that JSON has it: a name, or an object of the name and what it holds.
    fn variants(&mut self, variants: &[Named], indent: usize, depth: usize) -> String {
        let variants: Vec<String> = variants
            .iter()
            .map(|variant| {
                let name = printable(&variant.name, NAME_CHARS_MAX);
                match self.types.at(variant.ty) {
                    Type::Unit => format!("\"{name}\""),
                    _ => {
                        let held = self.part(variant.ty, indent + 1, depth + 1);
                        format!("{{ {name}: {held} }}")
                    }
                }
            })
            .collect();
        let flat = variants.join(" | ");
        if variants.is_empty() {
            return "nothing".into();
        }
        match is_short(&flat, indent) {
            true => flat,
            false => {
                let separator = format!("\n{}| ", INDENT.repeat(indent + 1));
                format!("{separator}{}", variants.join(&separator))
                    .trim_end()
                    .to_owned()
            }
        }
    }
}

fn is_short(flat: &str, indent: usize) -> bool {
    !flat.contains('\n') && flat.len() + indent * INDENT.len() <= WIDTH
}

/// A method as its definition has it: `divide(dividend: i64, divisor: i64) -> i64`.
pub(crate) fn signature(method: &Method, legend: &mut Legend) -> String {
    let mut arguments = arguments(method, legend);
    if matches!(method.kind, Kind::ClientStreaming | Kind::Bidirectional) {
        let name = printable(
            method.requests.as_deref().unwrap_or("requests"),
            NAME_CHARS_MAX,
        );
        let item = message(method.items.as_ref(), legend);
        arguments.push(format!("{name}: stream of {item}"));
    }
    let streams = match method.kind {
        Kind::ServerStreaming | Kind::Bidirectional => "stream of ",
        Kind::Unary | Kind::ClientStreaming | Kind::Streaming => "",
    };
    let reply = message(method.reply.as_ref(), legend);
    let name = printable(&method.method, NAME_CHARS_MAX);
    let flat = format!("{name}({}) -> {streams}{reply}", arguments.join(", "));
    if is_short(&flat, 0) || arguments.is_empty() {
        return flat;
    }
    let lines = arguments
        .iter()
        .map(|argument| format!("{INDENT}{argument},\n"));
    let lines: String = lines.collect();
    format!("{name}(\n{lines}) -> {streams}{reply}")
}

fn arguments(method: &Method, legend: &mut Legend) -> Vec<String> {
    let Some(types) = &method.arguments else {
        return Vec::new();
    };
    match (method.parameters.as_slice(), types.at(types.root)) {
        ([], Type::Unit) => Vec::new(),
        ([], _) => vec![legend.write(types, 1)],
        ([name], _) => vec![format!(
            "{}: {}",
            printable(name, NAME_CHARS_MAX),
            legend.write(types, 1)
        )],
        (_, Type::Struct { fields }) => {
            let each = fields.iter().map(|field| {
                let ty = legend.write_part(types, field.ty, 1);
                format!("{}: {ty}", printable(&field.name, NAME_CHARS_MAX))
            });
            each.collect()
        }
        _ => vec![legend.write(types, 1)],
    }
}

fn message(types: Option<&Types>, legend: &mut Legend) -> String {
    types.map_or_else(|| "bytes".into(), |types| legend.write(types, 0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn written(types: Value) -> (String, Vec<String>) {
        let types: Types = from_value(types).expect("they are types");
        let mut legend = Legend::default();
        let text = legend.write(&types, 0);
        (text, legend.into_lines())
    }

    #[test]
    fn types_are_written_as_json_has_them() {
        let (text, legend) = written(json!({"root": 0, "types": [
            {"kind": "struct", "fields": [{"name": "a", "type": 1}, {"name": "b", "type": 2}]},
            {"kind": "option", "of": 3},
            {"kind": "enum", "variants": [{"name": "Plain", "type": 4},
                {"name": "Pair", "type": 5}]},
            {"kind": "f64"}, {"kind": "unit"}, {"kind": "tuple", "items": [3, 3]}]}));
        assert_eq!(text, "{ a: f64?, b: \"Plain\" | { Pair: [f64, f64] } }");
        assert!(legend.is_empty());
    }

    #[test]
    fn what_is_used_twice_gets_a_name() {
        let (text, legend) = written(json!({"root": 0, "types": [
            {"kind": "struct", "fields": [{"name": "next", "type": 1},
                {"name": "also", "type": 2}]},
            {"kind": "option", "of": 0}, {"kind": "map", "key": 3, "value": 0},
            {"kind": "string"}]}));
        assert_eq!(text, "T1");
        assert_eq!(legend, ["T1 = { next: T1?, also: {string: T1} }"]);
    }

    #[test]
    fn a_long_struct_has_a_line_for_each_field() {
        let fields: Vec<Value> = (0..9)
            .map(|n| json!({"name": format!("a_rather_long_name_{n}"), "type": 1}))
            .collect();
        let (text, _) = written(json!({"root": 0, "types": [
            {"kind": "struct", "fields": fields}, {"kind": "u8"}]}));
        assert!(
            text.starts_with("{\n    a_rather_long_name_0: u8,\n"),
            "{text}"
        );
        assert!(text.ends_with("_8: u8,\n}"), "{text}");
    }

    #[test]
    fn types_of_a_hostile_server_end() {
        let (text, legend) = written(json!({"root": 0, "types": [
            {"kind": "option", "of": 0}]}));
        assert_eq!((text.as_str(), legend.len()), ("T1", 1));
        let chain: Vec<Value> = (0..10_000)
            .map(|n| json!({"kind": "list", "of": n + 1}))
            .collect();
        let (text, _) = written(json!({"root": 0, "types": chain}));
        assert!(text.len() < 200, "{text}");
        let (text, _) = written(json!({"root": 3, "types": []}));
        assert_eq!(text, "any");
    }
}
