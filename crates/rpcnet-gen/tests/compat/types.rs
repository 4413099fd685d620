&[
    ("the same is the same", "fields a: u8", "fields a: u8", &[]),
    ("comments, derives and visibility do not travel",
        "fields a: u8", "/// A message.\n#[derive(Debug)] struct M { /// A.\n pub a: u8 }", &[]),
    ("a field that is added breaks both", "fields a: u8", "fields a: u8, b: u8", &[
        "breaking postcard+json: field `b: u8` added to `M`: old peers do not send it, so make it an `Option` or add `#[serde(default)]`",
    ]),
    ("an optional field that is added breaks positions only", "fields a: u8", "fields a: u8, b: Option<u8>", &[
        "breaking postcard: field `b: Option<u8>` added to `M`",
    ]),
    ("an optional field by an alias is optional", "fields a: u8", "type Maybe<T> = Option<T>; struct M { a: u8, b: Maybe<u8> }", &[
        "breaking postcard: field `b: Maybe<u8>` added to `M`",
    ]),
    ("a field with a default breaks positions only", "fields a: u8", "fields a: u8, #[serde(default)] b: u8", &[
        "breaking postcard: field `b: u8` added to `M`",
    ]),
    ("a default of the struct is one of its fields",
        "#[serde(default)] struct M { a: u8 }", "#[serde(default)] struct M { a: u8, b: u8 }", &[
        "breaking postcard: field `b: u8` added to `M`",
    ]),
    ("an optional field with a function of its own is needed",
        "fields a: u8", "fields a: u8, #[serde(with = \"x\")] b: Option<u8>", &[
        "breaking postcard+json: field `b: Option<u8>` added to `M`: old peers do not send it, so make it an `Option` or add `#[serde(default)]`",
    ]),
    ("old peers that deny unknown fields do not take an optional one",
        "#[serde(deny_unknown_fields)] struct M { a: u8 }", "#[serde(deny_unknown_fields)] struct M { a: u8, b: Option<u8> }", &[
        "breaking postcard+json: field `b: Option<u8>` added to `M`: old peers deny it",
    ]),
    ("a field that is not sent may be added", "fields a: u8", "fields a: u8, #[serde(skip)] b: u8", &[]),
    ("a field that is removed breaks both", "fields a: u8, b: u8", "fields a: u8", &[
        "breaking postcard+json: field `b` of `M` removed: old peers need it",
    ]),
    ("an optional field that is removed breaks positions only", "fields a: u8, b: Option<u8>", "fields a: u8", &[
        "breaking postcard: field `b` of `M` removed",
    ]),
    ("a removed field breaks for new peers that deny it",
        "fields a: u8, b: Option<u8>", "#[serde(deny_unknown_fields)] struct M { a: u8 }", &[
        "breaking postcard+json: field `b` of `M` removed: new peers deny it",
    ]),
    ("the order of fields matters by position only", "fields a: u8, b: u16", "fields b: u16, a: u8", &[
        "breaking postcard: the fields of `M` changed their order",
    ]),
    ("a new name of a field breaks both", "fields a: u8, b: u16", "fields a: u8, c: u16", &[
        "breaking postcard+json: field `b` of `M` renamed to `c` on the wire",
    ]),
    ("a field may be renamed in Rust alone", "fields a: u8", "fields #[serde(rename = \"a\")] b: u8", &[]),
    ("an attribute renames a field", "fields a: u8", "fields #[serde(rename = \"b\")] a: u8", &[
        "breaking postcard+json: field `a` of `M` renamed to `b` on the wire",
    ]),
    ("a name that is read differently from how it is written is another",
        "fields a: u8", "fields #[serde(rename(deserialize = \"b\"))] a: u8", &[
        "breaking postcard+json: field `a` of `M` renamed to `a` (read as `b`) on the wire",
    ]),
    ("a rule renames the fields that it concerns",
        "fields a: u8, long_name: u8", "#[serde(rename_all = \"camelCase\")] struct M { a: u8, long_name: u8 }", &[
        "breaking postcard+json: field `long_name` of `M` renamed to `longName` on the wire",
    ]),
    ("a rule and the names it makes are the same",
        "#[serde(rename_all = \"kebab-case\")] struct M { long_name: u8 }", "fields #[serde(rename = \"long-name\")] long_name: u8", &[]),
    ("a conditional attribute counts", "fields a: u8", "fields #[cfg_attr(any(), serde(rename = \"b\"))] a: u8", &[
        "breaking postcard+json: field `a` of `M` renamed to `b` on the wire",
    ]),
    ("raw identifiers travel without their prefix", "fields #[serde(rename = \"type\")] a: u8", "fields r#type: u8", &[]),
    ("another type breaks both", "fields a: u8", "fields a: u16", &[
        "breaking postcard+json: field `a` of `M` changed its type from `u8` to `u16`",
    ]),
    ("another type inside breaks both", "fields a: Vec<Option<u8>>", "fields a: Vec<Option<i8>>", &[
        "breaking postcard+json: field `a` of `M` changed its type from `Vec<Option<u8>>` to `Vec<Option<i8>>`",
    ]),
    ("the length of an array travels", "fields a: [u8; 2]", "fields a: [u8; 3]", &[
        "breaking postcard+json: field `a` of `M` changed its type from `[u8; 2]` to `[u8; 3]`",
    ]),
    ("the name of a type does not travel", "struct M { n: N } struct N { a: u8 }", "struct M { n: O } struct O { a: u8 }", &[]),
    ("a type by another name is compared", "struct M { n: N } struct N { a: u8 }", "struct M { n: O } struct O { a: u16 }", &[
        "breaking postcard+json: field `a` of `O` (was `N`) changed its type from `u8` to `u16`",
    ]),
    ("an alias is what it stands for", "fields a: HashMap<String, u8>", "type Map<T> = HashMap<String, T>; struct M { a: Map<u8> }", &[]),
    ("a box is what is in it", "fields a: u8, b: String", "fields a: Box<u8>, b: std::sync::Arc<str>", &[]),
    ("a path is the same as an import", "fields a: HashMap<u8, Vec<u8>>", "fields a: std::collections::HashMap<u8, std::vec::Vec<u8>>", &[]),
    ("another import is another type", "use one::Time; struct M { a: Time }", "use two::Time; struct M { a: Time }", &[
        "breaking postcard+json: field `a` of `M` changed its type to another `Time`",
    ]),
    ("a newtype is what it holds", "fields a: u8", "struct M { a: Id } struct Id(Inner); struct Inner(u8);", &[]),
    ("a newtype of another type is another", "fields a: u8", "struct M { a: Id } struct Id(u16);", &[
        "breaking postcard+json: field `a` of `M` changed its type from `u8` to `Id`",
    ]),
    ("the type in a newtype travels", "struct M { a: Id } struct Id(u8);", "struct M { a: Id } struct Id(u16);", &[
        "breaking postcard+json: field `0` of `Id` changed its type from `u8` to `u16`",
    ]),
    ("a tuple by any name is a tuple", "fields a: (u8, u16), b: ()", "struct M { a: Two, b: None } struct Two(u8, u16); struct None;", &[]),
    ("all sequences are one, and all maps",
        "fields a: Vec<u8>, b: HashMap<u8, u8>",
        "use std::collections::{BTreeMap, BTreeSet}; struct M { a: BTreeSet<u8>, b: BTreeMap<u8, u8> }", &[]),
    ("aliases of a name are covered by fingerprints", "fields a: u8", "fields #[serde(alias = \"b\")] a: u8", &[
        "breaking postcard: the aliases of field `a` of `M` changed",
    ]),
    ("a transparent struct is what it holds", "fields a: u8", "struct M { a: Id } #[serde(transparent)] struct Id { id: u8 }", &[]),
    ("a type is what it is converted into",
        "fields a: String", "struct M { a: Id } #[serde(try_from = \"String\", into = \"String\")] struct Id { id: u8 }", &[]),
    ("a tuple is not named fields", "fields a: u8", "struct M(u8, u8);", &[
        "breaking postcard+json: `M` changed from named fields to a tuple",
    ]),
    ("a unit is not a tuple", "struct M;", "struct M();", &["breaking postcard+json: `M` changed from a unit to a tuple"]),
    ("a place in a tuple breaks both", "struct M(u8, u8);", "struct M(u8, u8, Option<u8>);", &[
        "breaking postcard+json: field `2: Option<u8>` added to `M`: old peers do not send it",
    ]),
    ("an enum is not a struct", "fields a: u8", "enum M { A }", &["breaking postcard+json: `M` changed from a struct to an enum"]),
    ("a variant that is added breaks both", "enum M { A }", "enum M { A, B }", &[
        "breaking postcard+json: variant `B` added to `M`: old peers cannot read the new variant",
    ]),
    ("old peers may have a variant for others",
        "#[serde(tag = \"t\")] enum M { A, #[serde(other)] Other }", "#[serde(tag = \"t\")] enum M { A, #[serde(other)] Other, B }", &[
        "breaking postcard: variant `B` added to `M`: old peers cannot read the new variant",
    ]),
    ("a variant that is removed breaks both", "enum M { A, B }", "enum M { A }", &[
        "breaking postcard+json: variant `B` of `M` removed: new peers cannot read it",
    ]),
    ("the order of variants matters by position only", "enum M { A, B(u8) }", "enum M { B(u8), A }", &[
        "breaking postcard: the variants of `M` changed their order",
    ]),
    ("without tags the order of variants matters",
        "#[serde(untagged)] enum M { A, B(u8) }", "#[serde(untagged)] enum M { B(u8), A }", &[
        "breaking postcard+json: the variants of `M` changed their order",
    ]),
    ("a new name of a variant breaks both", "enum M { A, B }", "enum M { A, C }", &[
        "breaking postcard+json: variant `B` of `M` renamed to `C` on the wire",
    ]),
    ("a rule renames variants", "enum M { A, TwoWords }", "#[serde(rename_all = \"SCREAMING_SNAKE_CASE\")] enum M { A, TwoWords }", &[
        "breaking postcard+json: variant `TwoWords` of `M` renamed to `TWO_WORDS` on the wire",
    ]),
    ("a rule renames the fields of variants",
        "enum M { A { long_name: u8 } }", "enum M { #[serde(rename_all = \"PascalCase\")] A { long_name: u8 } }", &[
        "breaking postcard+json: field `long_name` of `M::A` renamed to `LongName` on the wire",
    ]),
    ("the fields of a variant are fields", "enum M { A { a: u8 } }", "enum M { A { a: u8, b: Option<u8> } }", &[
        "breaking postcard: field `b: Option<u8>` added to `M::A`",
    ]),
    ("another kind of variant breaks both", "enum M { A, B }", "enum M { A(u8), B }", &[
        "breaking postcard+json: `M::A` changed from a unit to a tuple",
    ]),
    ("a tag breaks both", "enum M { A }", "#[serde(tag = \"t\")] enum M { A }", &[
        "breaking postcard+json: the way that serde encodes `M` changed: see its attributes",
    ]),
    ("the name of a struct travels as its tag", "#[serde(tag = \"t\")] struct M { n: u8 }", "#[serde(tag = \"t\", rename = \"N\")] struct M { n: u8 }", &[
        "breaking postcard+json: the way that serde encodes `M` changed: see its attributes",
    ]),
    ("a field that is flattened breaks both", "struct M { n: N } struct N { a: u8 }", "struct M { #[serde(flatten)] n: N } struct N { a: u8 }", &[
        "breaking postcard+json: the way that serde encodes field `n` of `M` changed: see its attributes",
    ]),
    ("a function of its own breaks both", "fields a: u8", "fields #[serde(with = \"hex\")] a: u8", &[
        "breaking postcard+json: the way that serde encodes field `a` of `M` changed: see its attributes",
    ]),
    ("a needed field that is sometimes not sent breaks both", "fields a: u8", "fields #[serde(skip_serializing_if = \"zero\")] a: u8", &[
        "breaking postcard+json: `skip_serializing_if` of field `a` of `M` changed",
    ]),
    ("an optional field that is sometimes not sent breaks positions only",
        "fields a: Option<u8>", "fields #[serde(skip_serializing_if = \"Option::is_none\")] a: Option<u8>", &[
        "breaking postcard: `skip_serializing_if` of field `a` of `M` changed",
    ]),
    ("a default that is added is noted", "fields a: u8", "fields #[serde(default)] a: u8", &[
        "note: field `a` of `M` has a default now",
    ]),
    ("a default that is removed is noted", "fields #[serde(default)] a: u8", "fields a: u8", &[
        "note: field `a` of `M` no longer has a default: peers that never knew it cannot be read",
    ]),
    ("generic parameters are compared by place",
        "struct M { p: Page<u8, String> } struct Page<A, B> { a: A, b: B }",
        "struct M { p: Page<u8, String> } struct Page<X, Y> { a: Y, b: X }", &[
        "breaking postcard+json: field `a` of `Page` changed its type from `A` to `Y`",
        "breaking postcard+json: field `b` of `Page` changed its type from `B` to `X`",
    ]),
    ("the arguments of a generic type travel",
        "struct M { p: Page<u8> } struct Page<T> { a: T }", "struct M { p: Page<i8> } struct Page<T> { a: T }", &[
        "breaking postcard+json: field `p` of `M` changed its type from `Page<u8>` to `Page<i8>`",
    ]),
    ("another number of generic parameters breaks both",
        "struct M { p: Page<u8> } struct Page<T> { a: T }", "struct M { p: Page } struct Page { a: u8 }", &[
        "breaking postcard+json: the generic parameters of `Page` changed",
    ]),
    ("lifetimes do not travel", "fields a: String", "struct M<'a> { a: std::borrow::Cow<'a, str> }", &[]),
    ("what no method reaches may change", "struct M; struct Other { a: u8 }", "struct M; struct Other { a: u16 }", &[]),
]
