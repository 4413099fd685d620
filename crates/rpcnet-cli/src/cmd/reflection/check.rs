//! Whether a JSON value is what a method takes.
//!
//! Only what the server refuses for certain is refused here, and fields that it does not know,
//! which are likely misspelt. A field that is missing may have a default there.

use std::fmt;

use serde_json::Value;

use super::types::{Named, Type, Types};
use crate::cmd::access::printable;

/// Where a value is not what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// A JSON pointer; empty for the whole.
    pointer: String,
    reason: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", printable(&self.pointer, POINTER_CHARS_MAX))?;
        }
        f.write_str(&self.reason)
    }
}

/// Checks a value against the type of a message.
///
/// # Errors
///
/// The first place that does not fit.
pub(crate) fn check(types: &Types, value: &Value) -> Result<(), Mismatch> {
    let mut checker = Checker {
        types,
        path: Vec::new(),
    };
    checker.check(types.root, value, 0)
}

/// As [`check`], of a message that is made of several arguments: none of them may be missing but
/// those that are optional.
///
/// # Errors
///
/// As of [`check`].
pub(crate) fn complete(types: &Types, value: &Value) -> Result<(), Mismatch> {
    check(types, value)?;
    let (Type::Struct { fields }, Value::Object(given)) = (types.at(types.root), value) else {
        return Ok(());
    };
    let is_needed = |field: &&Named| !matches!(types.at(field.ty), Type::Option { .. });
    let mut needed = fields.iter().filter(is_needed);
    match needed.find(|field| !given.contains_key(&field.name)) {
        Some(missing) => Err(Mismatch {
            pointer: String::new(),
            reason: format!("`{}` is missing", printable(&missing.name, NAME_CHARS_MAX)),
        }),
        None => Ok(()),
    }
}

/// Types that are options of options and so on are looked into so far.
const DEPTH_MAX: usize = 256;
const POINTER_CHARS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 60;
/// Names that are listed where none of them was given.
const NAMES_MAX: usize = 12;

struct Checker<'a> {
    types: &'a Types,
    path: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, place: usize, value: &Value, depth: usize) -> Result<(), Mismatch> {
        if depth > DEPTH_MAX {
            return Ok(());
        }
        let types = self.types;
        match (types.at(place), value) {
            (Type::Any | Type::Opaque, _)
            | (Type::Bool, Value::Bool(_))
            | (Type::F32 | Type::F64, Value::Number(_))
            | (Type::String | Type::Bytes, Value::String(_))
            | (Type::Unit | Type::Option { .. }, Value::Null) => Ok(()),
            (Type::Char, Value::String(text)) if text.chars().count() == 1 => Ok(()),
            (Type::Bytes, Value::Array(bytes)) => self.bytes(bytes),
            (Type::Option { of }, value) => self.check(*of, value, depth + 1),
            (Type::List { of }, Value::Array(items)) => self.all(items, |_| *of, depth),
            (Type::Array { of, len }, Value::Array(items)) if items.len() == *len => {
                self.all(items, |_| *of, depth)
            }
            (Type::Tuple { items: parts }, Value::Array(items)) if items.len() == parts.len() => {
                self.all(items, |index| parts[index], depth)
            }
            (Type::Map { key, value: of }, Value::Object(entries)) => {
                for (name, value) in entries {
                    self.key(*key, name)?;
                    self.within(name, |it| it.check(*of, value, depth + 1))?;
                }
                Ok(())
            }
            (Type::Struct { fields }, Value::Object(given)) => {
                for (name, value) in given {
                    let field = self.named(fields, name, "field")?;
                    self.within(name, |it| it.check(field, value, depth + 1))?;
                }
                Ok(())
            }
            // serde takes the fields in their order as well.
            (Type::Struct { fields }, Value::Array(items)) if items.len() <= fields.len() => {
                self.all(items, |index| fields[index].ty, depth)
            }
            (Type::Enum { variants }, value) => self.variant(variants, value, depth),
            (other, value) => match other.range() {
                Some(range) => self.integer(other, range, value),
                None => Err(self.mismatch(types.at(place), value)),
            },
        }
    }

    fn all(
        &mut self,
        items: &[Value],
        of: impl Fn(usize) -> usize,
        depth: usize,
    ) -> Result<(), Mismatch> {
        for (index, item) in items.iter().enumerate() {
            self.within(&index.to_string(), |it| {
                it.check(of(index), item, depth + 1)
            })?;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[Value]) -> Result<(), Mismatch> {
        for (index, byte) in bytes.iter().enumerate() {
            self.within(&index.to_string(), |it| {
                it.integer(&Type::U8, (0, 255), byte)
            })?;
        }
        Ok(())
    }

    /// A variant is its name, or an object of its name and what it holds.
    fn variant(&mut self, variants: &[Named], value: &Value, depth: usize) -> Result<(), Mismatch> {
        match value {
            Value::String(name) => {
                let holds = self.named(variants, name, "variant")?;
                match self.types.at(holds) {
                    Type::Unit | Type::Any | Type::Opaque => Ok(()),
                    _ => {
                        let name = printable(name, NAME_CHARS_MAX);
                        Err(self.fail(format!(
                            "the variant `{name}` holds something: write {{\"{name}\": ..}}"
                        )))
                    }
                }
            }
            Value::Object(entry) if entry.len() == 1 => {
                for (name, value) in entry {
                    let holds = self.named(variants, name, "variant")?;
                    self.within(name, |it| it.check(holds, value, depth + 1))?;
                }
                Ok(())
            }
            _ => Err(self.fail(format!(
                "expected a variant, {}, got {}",
                listed(variants),
                found(value)
            ))),
        }
    }

    fn integer(
        &self,
        ty: &Type,
        (least, most): (i128, u128),
        value: &Value,
    ) -> Result<(), Mismatch> {
        let Value::Number(number) = value else {
            return Err(self.mismatch(ty, value));
        };
        let is_in = match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) if number < 0 => i128::from(number) >= least,
            (_, Some(number), _) => u128::from(number) <= most,
            // What is longer than 64 bits arrives here as a float, and is sent as it was given.
            (.., Some(number)) if number.fract() == 0.0 && number.abs() >= 1.8e19 => {
                matches!(ty, Type::I128 | Type::U128)
            }
            _ => return Err(self.mismatch(ty, value)),
        };
        if is_in {
            return Ok(());
        }
        let name = ty.leaf_name().unwrap_or_default();
        Err(self.fail(format!(
            "expected an integer from {least} to {most} ({name}), got {number}"
        )))
    }

    /// Keys are text in JSON; serde reads numbers and truth out of it.
    fn key(&self, place: usize, name: &str) -> Result<(), Mismatch> {
        let ty = self.types.at(place);
        let fits = match ty {
            Type::Bool => name == "true" || name == "false",
            Type::Char => name.chars().count() == 1,
            Type::Enum { variants } => return self.named(variants, name, "key").map(drop),
            ty if ty.range().is_some() => {
                name.parse::<i128>().is_ok() || name.parse::<u128>().is_ok()
            }
            _ => true,
        };
        let expected = ty.leaf_name().unwrap_or_default();
        match fits {
            true => Ok(()),
            false => Err(self.fail(format!(
                "expected keys that are {expected}, got \"{}\"",
                printable(name, NAME_CHARS_MAX)
            ))),
        }
    }

    fn named(&self, known: &[Named], name: &str, what: &str) -> Result<usize, Mismatch> {
        let found = known.iter().find(|known| known.name == name);
        found.map(|found| found.ty).ok_or_else(|| {
            let name = printable(name, NAME_CHARS_MAX);
            self.fail(format!(
                "unknown {what} `{name}`, expected {}",
                listed(known)
            ))
        })
    }

    fn within(
        &mut self,
        step: &str,
        check: impl FnOnce(&mut Self) -> Result<(), Mismatch>,
    ) -> Result<(), Mismatch> {
        self.path.push(step.replace('~', "~0").replace('/', "~1"));
        let checked = check(self);
        self.path.pop();
        checked
    }

    fn mismatch(&self, ty: &Type, value: &Value) -> Mismatch {
        self.fail(format!("expected {}, got {}", expected(ty), found(value)))
    }

    fn fail(&self, reason: String) -> Mismatch {
        let pointer = self.path.iter().map(|step| format!("/{step}")).collect();
        Mismatch { pointer, reason }
    }
}

fn expected(ty: &Type) -> String {
    match ty {
        Type::Bool => "true or false".into(),
        Type::Char => "a string of one character".into(),
        Type::String => "a string".into(),
        Type::Bytes => "bytes, as a list of numbers from 0 to 255 or as a string".into(),
        Type::Unit => "null".into(),
        Type::List { .. } => "a list".into(),
        Type::Array { len, .. } => format!("a list of {len}"),
        Type::Tuple { items } => format!("a list of {}", items.len()),
        Type::Map { .. } | Type::Struct { .. } => "an object".into(),
        Type::F32 | Type::F64 => "a number".into(),
        integer => format!("an integer ({})", integer.leaf_name().unwrap_or_default()),
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string \"{}\"", printable(text, NAME_CHARS_MAX)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".into(),
    }
}

fn listed(known: &[Named]) -> String {
    let names = known.iter().take(NAMES_MAX);
    let mut names: Vec<String> = names
        .map(|known| format!("`{}`", printable(&known.name, NAME_CHARS_MAX)))
        .collect();
    if known.len() > NAMES_MAX {
        names.push("..".into());
    }
    match names.is_empty() {
        true => "none".into(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn types() -> Types {
        from_value(json!({"root": 0, "types": [
            {"kind": "struct", "fields": [
                {"name": "count", "type": 1}, {"name": "label", "type": 2},
                {"name": "next", "type": 3}, {"name": "kind", "type": 4},
                {"name": "by", "type": 8}, {"name": "rest", "type": 10},
                {"name": "blob", "type": 11}, {"name": "wide", "type": 12}]},
            {"kind": "u8"}, {"kind": "string"}, {"kind": "option", "of": 0},
            {"kind": "enum", "variants": [{"name": "Plain", "type": 5},
                {"name": "Pair", "type": 6}, {"name": "a/b", "type": 1}]},
            {"kind": "unit"}, {"kind": "tuple", "items": [1, 7]}, {"kind": "bool"},
            {"kind": "map", "key": 1, "value": 9}, {"kind": "array", "of": 1, "len": 2},
            {"kind": "any"}, {"kind": "bytes"}, {"kind": "i128"}]}))
        .expect("they are types")
    }

    #[test]
    fn what_serde_accepts_is_accepted() {
        for value in [
            json!({}),
            json!({"count": 255, "label": "", "next": null, "kind": "Plain"}),
            json!({"next": {"next": {"kind": {"Pair": [0, true]}}}, "by": {"7": [1, 2]}}),
            json!({"rest": [{}], "blob": [0, 255], "wide": 1e30, "kind": {"Plain": null}}),
            json!({"blob": "text", "wide": -5}),
            json!([1, "label"]),
        ] {
            assert_eq!(check(&types(), &value), Ok(()), "{value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        for (value, text) in [
            (json!(3), "expected an object, got the number 3"),
            (
                json!({"count": "a"}),
                "/count: expected an integer (u8), got the string \"a\"",
            ),
            (
                json!({"count": 1.5}),
                "/count: expected an integer (u8), got the number 1.5",
            ),
            (
                json!({"count": 256}),
                "/count: expected an integer from 0 to 255 (u8), got 256",
            ),
            (
                json!({"count": -1}),
                "/count: expected an integer from 0 to 255 (u8), got -1",
            ),
            (
                json!({"next": {"label": 1}}),
                "/next/label: expected a string, got the number 1",
            ),
            (
                json!({"cuont": 1}),
                "unknown field `cuont`, expected `count`, `label`, ",
            ),
            (
                json!({"kind": "plain"}),
                "/kind: unknown variant `plain`, expected `Plain`, ",
            ),
            (
                json!({"kind": "Pair"}),
                "/kind: the variant `Pair` holds something: write ",
            ),
            (
                json!({"kind": {"Pair": [0]}}),
                "/kind/Pair: expected a list of 2, got a list of 1",
            ),
            (
                json!({"kind": {"a/b": true}}),
                "/kind/a~1b: expected an integer (u8), got true",
            ),
            (
                json!({"kind": []}),
                "/kind: expected a variant, `Plain`, `Pair`, `a/b`, got",
            ),
            (
                json!({"by": {"x": [1, 2]}}),
                "/by: expected keys that are u8, got \"x\"",
            ),
            (
                json!({"by": {"1": [1]}}),
                "/by/1: expected a list of 2, got a list of 1",
            ),
            (
                json!({"blob": [256]}),
                "/blob/0: expected an integer from 0 to 255 (u8)",
            ),
        ] {
            let wrong = check(&types(), &value).expect_err("it does not fit");
            assert!(wrong.to_string().starts_with(text), "{wrong}");
        }
    }

    #[test]
    fn of_several_arguments_none_may_be_missing() {
        let types = from_value(json!({"root": 0, "types": [
            {"kind": "struct", "fields": [{"name": "a", "type": 1}, {"name": "b", "type": 2}]},
            {"kind": "u8"}, {"kind": "option", "of": 1}]}));
        let types: Types = types.expect("they are types");
        assert_eq!(complete(&types, &json!({"a": 1})), Ok(()));
        let wrong = complete(&types, &json!({"b": 1})).expect_err("a is missing");
        assert_eq!(wrong.to_string(), "`a` is missing");
    }

    #[test]
    fn types_of_a_hostile_server_end() {
        let endless = Types::of(0, vec![Type::Option { of: 0 }]);
        assert_eq!(check(&endless, &json!(1)), Ok(()));
        let nowhere = Types::of(9, vec![Type::List { of: 7 }]);
        assert_eq!(check(&nowhere, &json!([1])), Ok(()));
    }
}
