//! Types that contain themselves.

#![expect(
    non_snake_case,
    reason = "a macro names fields like the types they hold"
)]

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::{differ, same, text};
use crate::schema::graph::ROOT;
use crate::schema::trace::{Reader, Trace};

#[derive(Deserialize)]
struct Tree(Vec<Tree>);

#[derive(Deserialize)]
struct Node {
    value: u8,
    next: Option<Box<Node>>,
}

#[derive(Deserialize)]
enum Expression {
    Add(Box<Expression>, Box<Expression>),
    Call {
        name: String,
        arguments: Vec<Expression>,
    },
    Literal(i64),
}

#[derive(Deserialize)]
enum Even {
    Next(Odd),
    Zero,
}

#[derive(Deserialize)]
enum Odd {
    Next(Box<Even>),
    One(Option<Box<Odd>>),
}

#[derive(Deserialize)]
enum Ping {
    Pong(Box<Pong>),
}

#[derive(Deserialize)]
enum Pong {
    Ping(Box<Ping>),
    End(u8),
    After(char),
}

#[test]
fn a_type_that_contains_itself_refers_to_itself() {
    assert_eq!(text::<Tree>(), "#0 where #0 = [#0]");
    assert_eq!(text::<Node>(), "#0 where #0 = {value: u8, next: ?#0}");
    assert_eq!(
        text::<Expression>(),
        "#0 where #0 = <Add([#0; 2]) | Call{name: string, arguments: [#0]} | Literal(i64)>"
    );
}

#[test]
fn types_that_contain_each_other_are_seen_whole_from_either() {
    assert_eq!(
        text::<Even>(),
        "#0 where #0 = <Next(#1) | Zero>, #1 = <Next(#0) | One(?#1)>"
    );
    assert_eq!(
        text::<Odd>(),
        "#0 where #0 = <Next(<Next(#0) | Zero>) | One(?#0)>"
    );
    assert_eq!(
        text::<Ping>(),
        "#0 where #0 = <Pong(<Ping(#0) | End(u8) | After(char)>)>"
    );
    assert_eq!(
        text::<Pong>(),
        "#0 where #0 = <Ping(<Pong(#0)>) | End(u8) | After(char)>"
    );
}

#[test]
fn where_a_type_is_entered_and_what_boxes_are_between_does_not_show() {
    #[derive(Deserialize)]
    struct Unrolled {
        value: u8,
        next: Option<Node>,
    }
    #[derive(Deserialize)]
    struct Links(Box<Option<Box<Link>>>);
    #[derive(Deserialize)]
    struct Link {
        value: u8,
        next: Links,
    }
    same::<Option<Node>, Option<Box<Node>>>();
    same::<Node, Unrolled>();
    same::<Node, Link>();
    same::<Option<Node>, Links>();
    same::<Tree, Vec<Tree>>();
}

#[test]
fn a_change_within_the_recursion_shows() {
    #[derive(Deserialize)]
    struct Wide {
        value: u16,
        next: Option<Box<Wide>>,
    }
    #[derive(Deserialize)]
    struct Many {
        value: u8,
        next: Vec<Many>,
    }
    #[derive(Deserialize)]
    struct Last {
        value: u8,
        next: Option<Box<Wide>>,
    }
    differ::<Node, Wide>();
    differ::<Node, Many>();
    differ::<Node, Last>();
    differ::<Even, Odd>();
}

#[test]
fn recursion_through_maps_and_generics_ends() {
    #[derive(Deserialize)]
    struct Directory<T> {
        entries: HashMap<String, Entry<T>>,
    }
    #[derive(Deserialize)]
    enum Entry<T> {
        Directory(Directory<T>),
        File(T),
    }
    assert_eq!(
        text::<Directory<u8>>(),
        "#0 where #0 = {entries: [string => <Directory(#0) | File(u8)>]}"
    );
    differ::<Directory<u8>, Directory<u16>>();
}

#[test]
fn types_without_values_end() {
    #[derive(Deserialize)]
    struct Endless {
        value: u8,
        next: Box<Endless>,
    }
    #[derive(Deserialize)]
    struct Hollow(Box<Hollow>);
    #[derive(Deserialize)]
    enum Never {}
    #[derive(Deserialize)]
    enum Trap {
        Again(Box<Trap>),
        Never(Never),
    }
    assert_eq!(text::<Endless>(), "#0 where #0 = {value: u8, next: #0}");
    assert_eq!(text::<Hollow>(), "opaque");
    assert_eq!(text::<Never>(), "<>");
    assert_eq!(text::<Trap>(), "#0 where #0 = <Again(#0) | Never(<>)>");
}

/// Twelve enums, each with a variant for each: too many ways to walk them all.
macro_rules! tangle {
    ($($name:ident)*) => { tangle!(@ [$($name)*] $($name)*); };
    (@ $all:tt $($name:ident)*) => { $(tangle!(# $name $all);)* };
    (# $name:ident [$($part:ident)*]) => {
        #[derive(Deserialize)]
        #[expect(clippy::enum_variant_names, reason = "named like what it holds")]
        enum $name {
            $($part(Box<$part>, Option<Box<$part>>, Vec<$part>),)*
            Fields(Box<Fields>),
            End(u8),
        }
    };
}

tangle!(A B C D E F G H I J K L);

#[derive(Deserialize)]
struct Fields {
    A: Vec<A>,
    B: Vec<B>,
    C: Vec<C>,
    L: Vec<L>,
}

#[test]
fn a_tangle_of_large_enums_is_seen_whole_in_few_steps() {
    // They are alike: what one is, all are.
    let mut expected = "#0 where #0 = <".to_owned();
    for name in "ABCDEFGHIJKL".chars() {
        write!(expected, "{name}(#1) | ").expect("a string takes all");
    }
    expected.push_str("Fields{A: [#0], B: [#0], C: [#0], L: [#0]} | End(u8)>");
    expected.push_str(", #1 = (#0, ?#0, [#0])");
    assert_eq!(text::<A>(), expected);
    same::<A, L>();
    let graph = Trace::explore::<A>(Reader::Machine);
    assert_eq!(graph.distances()[ROOT], None, "nothing is left to see");
    assert!(graph.nodes.len() < 700, "{}", graph.nodes.len());
}
