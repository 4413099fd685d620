//! Each kind of change to a type, and whether it shows.

use serde::Deserialize;

use super::{differ, same, text};

#[derive(Deserialize)]
struct Base {
    name: String,
    size: u32,
}

macro_rules! variation {
    ($(#[$attribute:meta])* struct { $($fields:tt)* }) => {{
        #[derive(Deserialize)]
        $(#[$attribute])*
        struct Variation { $($fields)* }
        differ::<Base, Variation>();
        // As seen from outside as well.
        differ::<Vec<Option<(u8, Base)>>, Vec<Option<(u8, Variation)>>>();
    }};
}

#[test]
fn every_change_of_fields_shows() {
    variation!(struct { name: String, size: u32, more: u8 });
    variation!(struct { name: String, size: u32, more: Option<u8> });
    variation!(struct { name: String });
    variation!(struct { title: String, size: u32 });
    variation!(struct { size: u32, name: String });
    variation!(struct { name: String, size: u64 });
    variation!(struct { name: String, size: i32 });
    variation!(struct { name: Option<String>, size: u32 });
    variation!(struct { name: Vec<String>, size: u32 });
    variation!(struct { name: char, size: u32 });
    variation!(struct { #[serde(rename = "n")] name: String, size: u32 });
    variation!(struct { name: String, #[serde(skip)] size: u32 });
    variation!(#[serde(rename_all = "UPPERCASE")] struct { name: String, size: u32 });
}

#[test]
fn what_does_not_travel_does_not_show() {
    #[derive(Deserialize)]
    struct Renamed {
        name: Box<str>,
        size: Newtype,
    }
    #[derive(Deserialize)]
    struct Newtype(Inner);
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Inner {
        value: u32,
    }
    #[derive(Deserialize)]
    struct WithSkipped {
        name: String,
        #[serde(skip)]
        cache: u64,
        #[serde(default)]
        size: u32,
    }
    #[derive(Deserialize)]
    #[serde(rename = "Base")]
    struct SerdeRenamed {
        name: std::path::PathBuf,
        size: u32,
    }
    #[derive(Deserialize)]
    struct Wrapped(Box<Base>);
    same::<Base, Renamed>();
    same::<Base, WithSkipped>();
    same::<Base, SerdeRenamed>();
    same::<Base, Wrapped>();
}

mod first {
    #[derive(serde::Deserialize)]
    pub(super) enum Shape {
        Dot,
        Circle(f64),
        Line { from: u8, to: u8 },
    }
}

#[test]
fn every_change_of_variants_shows() {
    macro_rules! variation {
        ($($variants:tt)*) => {{
            #[derive(Deserialize)]
            enum Shape { $($variants)* }
            differ::<first::Shape, Shape>();
            differ::<(first::Shape, u8), (Shape, u8)>();
        }};
    }
    variation!(Dot, Circle(f64), Line { from: u8, to: u8 }, New);
    variation!(Dot, Circle(f64));
    variation!(Point, Circle(f64), Line { from: u8, to: u8 });
    variation!(Circle(f64), Dot, Line { from: u8, to: u8 });
    variation!(Dot, Circle(f32), Line { from: u8, to: u8 });
    variation!(Dot, Circle(f64, f64), Line { from: u8, to: u8 });
    variation!(Dot, Circle(f64), Line { from: u8, to: u16 });
    variation!(Dot, Circle(f64), Line { start: u8, to: u8 });
    variation!(Dot, Circle(f64), Line { to: u8, from: u8 });
    variation!(Dot, Circle(f64), Line(u8, u8));
    variation!(Dot(u8), Circle(f64), Line { from: u8, to: u8 });
}

#[test]
fn variants_with_fields_of_one_name_are_told_apart() {
    #[derive(Deserialize)]
    enum Sized {
        Small { size: u8 },
        Large { size: u64 },
        Pair(u8, u8),
        Other(u16, u16),
    }
    assert_eq!(
        text::<Sized>(),
        "<Small{size: u8} | Large{size: u64} | Pair([u8; 2]) | Other([u16; 2])>"
    );
}

#[test]
fn a_change_deep_within_shows() {
    type Deep<T> = Vec<Option<(u8, Result<Vec<[T; 3]>, String>)>>;
    differ::<Deep<first::Shape>, Deep<Base>>();
    differ::<Deep<u32>, Deep<u64>>();
}

#[test]
fn generic_arguments_show() {
    #[derive(Deserialize)]
    struct Wrapper<T> {
        value: T,
    }
    differ::<Wrapper<u32>, Wrapper<String>>();
    differ::<Wrapper<Wrapper<u32>>, Wrapper<u32>>();
    differ::<Wrapper<Wrapper<u32>>, Wrapper<Wrapper<String>>>();
    assert_eq!(
        text::<(Wrapper<u32>, Wrapper<String>)>(),
        "({value: u32}, {value: string})"
    );
    assert_eq!(
        text::<Wrapper<Wrapper<Wrapper<u8>>>>(),
        "{value: {value: {value: u8}}}"
    );
}

#[test]
fn a_tuple_is_no_struct_and_a_unit_no_empty_struct() {
    #[derive(Deserialize)]
    struct Tuple(String, u32);
    #[derive(Deserialize)]
    struct Unit;
    #[derive(Deserialize)]
    struct Empty {}
    differ::<Base, (String, u32)>();
    same::<Tuple, (String, u32)>();
    same::<Unit, ()>();
    differ::<Unit, Empty>();
}

#[test]
fn an_enum_that_occurs_twice_is_explored_whole_in_both_places() {
    #[derive(Deserialize)]
    struct Two {
        first: Option<first::Shape>,
        second: Vec<first::Shape>,
    }
    assert_eq!(
        text::<Two>(),
        "{first: ?#0, second: [#0]} where #0 = <Dot | Circle(f64) | Line{from: u8, to: u8}>"
    );
}

#[test]
fn fingerprints_of_methods_depend_on_labels_and_order() {
    use crate::schema::{fingerprint, of};
    let (a, b) = (&of::<Base>(), &of::<String>());
    let whole = fingerprint(&[("request", a), ("response", b)]);
    assert_eq!(whole, fingerprint(&[("request", a), ("response", b)]));
    assert_ne!(whole, fingerprint(&[("response", b), ("request", a)]));
    assert_ne!(whole, fingerprint(&[("request", b), ("response", a)]));
    assert_ne!(whole, fingerprint(&[("request", a), ("item", b)]));
    assert_ne!(whole, fingerprint(&[("request", a)]));
    assert_ne!(a.fingerprint64(), b.fingerprint64());
}
