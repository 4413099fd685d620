//! One of everything that serde's data model has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Zoo {
    pub(super) flag: bool,
    pub(super) signed: (i8, i16, i32, i64, i128),
    pub(super) unsigned: (u8, u16, u32, u64, u128),
    pub(super) floats: (f32, f64),
    pub(super) letter: char,
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
    pub(super) maybe: Option<u16>,
    pub(super) nothing: (),
    pub(super) unit: Unit,
    pub(super) newtype: Newtype,
    pub(super) tuple: Pair,
    pub(super) array: [u8; 5],
    pub(super) list: Vec<Shape>,
    pub(super) names: BTreeMap<String, u32>,
    pub(super) set: BTreeSet<u64>,
    pub(super) tree: Tree,
    pub(super) chain: Option<Box<Chain>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Unit;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Newtype(pub(super) u64);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair(pub(super) String, pub(super) i32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Shape {
    Dot,
    Circle(f64),
    Line(Pair, Pair),
    Box {
        width: u32,
        inner: Option<Box<Self>>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree(pub(super) Vec<Self>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Chain {
    pub(super) next: Option<Box<Self>>,
}

/// What JSON cannot say: keys of its own kind, options in options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Positional {
    pub(super) by_pair: BTreeMap<(i32, bool), String>,
    pub(super) by_address: HashMap<IpAddr, Duration>,
    pub(super) options: Vec<Option<Option<u8>>>,
    pub(super) unit_option: Option<()>,
    pub(super) non_zero: Option<NonZeroU32>,
}

impl Zoo {
    /// With something in every place, extremes where there are some.
    pub(super) fn full() -> Self {
        let leaf = Tree(Vec::new());
        Self {
            flag: true,
            signed: (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN),
            unsigned: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX),
            floats: (f32::MIN_POSITIVE, -1.5),
            letter: 'ß',
            text: "naïve \"quoted\" \u{1f980}\0".into(),
            bytes: (0..=u8::MAX).collect(),
            maybe: Some(7),
            newtype: Newtype(1 << 40),
            tuple: Pair("pair".into(), -1),
            array: [1, 2, 3, 4, 5],
            list: vec![
                Shape::Dot,
                Shape::Circle(0.25),
                Shape::Line(Pair("a".into(), 1), Pair(String::new(), 2)),
                Shape::Box {
                    width: 3,
                    inner: Some(Box::new(Shape::Box {
                        width: 0,
                        inner: None,
                    })),
                },
            ],
            names: [("one".into(), 1), (String::new(), 0)].into(),
            set: [3, 1, u64::MAX].into(),
            tree: Tree(vec![leaf.clone(), Tree(vec![leaf])]),
            chain: Some(Box::new(Chain {
                next: Some(Box::default()),
            })),
            ..Self::default()
        }
    }
}

impl Positional {
    pub(super) fn full() -> Self {
        Self {
            by_pair: [((-1, true), "x".into()), ((5, false), String::new())].into(),
            by_address: [
                (IpAddr::from([127, 0, 0, 1]), Duration::new(1, 2)),
                (IpAddr::from([1_u16; 8]), Duration::MAX),
            ]
            .into(),
            options: vec![None, Some(None), Some(Some(3))],
            unit_option: Some(()),
            non_zero: NonZeroU32::new(9),
        }
    }
}
