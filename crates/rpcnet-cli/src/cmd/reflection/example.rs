//! A value to begin with.

use serde_json::{Map, Value, json};

use super::types::{Type, Types};

/// Deeper values are left out.
const DEPTH_MAX: usize = 6;

/// A value that fits the types, as small as that can be shown; `None` where it is not.
pub(crate) fn example(types: &Types) -> Option<Value> {
    of(types, types.root, 0)
}

fn of(types: &Types, place: usize, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let part = |place: usize| of(types, place, depth + 1);
    Some(match types.at(place) {
        Type::Bool => Value::Bool(false),
        Type::Char => json!("c"),
        Type::String => json!("text"),
        Type::F32 | Type::F64 => json!(0.5),
        Type::Unit | Type::Any | Type::Opaque | Type::Option { .. } => Value::Null,
        Type::Bytes => json!([0]),
        Type::List { of } => part(*of).map_or(json!([]), |item| json!([item])),
        Type::Map { .. } => json!({}),
        Type::Array { of, len } => {
            let item = part(*of)?;
            Value::Array(vec![item; (*len).min(ITEMS_MAX)])
        }
        Type::Tuple { items } => {
            let items: Option<Vec<Value>> = items.iter().map(|item| part(*item)).collect();
            Value::Array(items?)
        }
        Type::Struct { fields } => {
            let fields = fields.iter().map(|field| {
                let value = part(field.ty)?;
                Some((field.name.clone(), value))
            });
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        Type::Enum { variants } => {
            let mut values = variants.iter().filter_map(|variant| {
                if *types.at(variant.ty) == Type::Unit {
                    return Some(json!(variant.name));
                }
                let held = part(variant.ty)?;
                Some(json!({ variant.name.clone(): held }))
            });
            values.next()?
        }
        _ => json!(0),
    })
}

/// An array that is longer is no example.
const ITEMS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::super::check::check;
    use super::*;

    #[test]
    fn an_example_fits_its_type() {
        let types = from_value(json!({"root": 0, "types": [
            {"kind": "struct", "fields": [{"name": "n", "type": 1}, {"name": "next", "type": 2},
                {"name": "kind", "type": 3}, {"name": "list", "type": 5}]},
            {"kind": "i16"}, {"kind": "option", "of": 0},
            {"kind": "enum", "variants": [{"name": "Pair", "type": 4}]},
            {"kind": "tuple", "items": [1, 1]}, {"kind": "list", "of": 6}, {"kind": "char"}]}));
        let types: Types = types.expect("they are types");
        let value = example(&types).expect("it is small");
        assert_eq!(check(&types, &value), Ok(()));
        assert_eq!(
            value,
            json!({"n": 0, "next": null, "kind": {"Pair": [0, 0]}, "list": ["c"]})
        );
    }

    #[test]
    fn a_type_without_an_end_has_no_example() {
        let endless = Types::of(0, vec![Type::Tuple { items: vec![0] }]);
        assert_eq!(example(&endless), None);
    }
}
