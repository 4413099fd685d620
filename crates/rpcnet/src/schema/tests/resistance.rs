//! Types that do not accept just anything.

use std::num::{NonZeroI8, NonZeroU32};

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{differ, same, text};

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Id(String);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 36 {
            Ok(Self(text))
        } else {
            Err("no id")
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<u8>")]
struct NonEmpty(Vec<u8>);

impl TryFrom<Vec<u8>> for NonEmpty {
    type Error = &'static str;

    fn try_from(items: Vec<u8>) -> Result<Self, Self::Error> {
        if items.len() < 3 {
            return Err("too few");
        }
        Ok(Self(items))
    }
}

/// Accepts nothing.
struct Locked;

impl<'de> Deserialize<'de> for Locked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer)?;
        Err(D::Error::custom("wrong checksum"))
    }
}

struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer)?;
        panic!("this type panics on purpose")
    }
}

#[test]
fn checked_values_are_found() {
    #[derive(Deserialize)]
    struct Checked {
        id: Id,
        count: NonZeroU32,
        offset: NonZeroI8,
        items: NonEmpty,
        optional: Option<Id>,
        last: char,
    }
    assert_eq!(
        text::<Checked>(),
        "{id: string, count: u32, offset: i8, items: [u8], optional: ?string, last: char}"
    );
}

#[test]
fn what_comes_after_a_locked_value_is_opaque_up_to_the_next_way_around() {
    #[derive(Deserialize)]
    struct Part {
        before: u8,
        locked: Locked,
        after: u8,
    }
    #[derive(Deserialize)]
    struct Whole {
        list: Vec<Part>,
        choice: Choice,
        option: Option<Part>,
        end: bool,
    }
    #[derive(Deserialize)]
    enum Choice {
        Locked(Locked, u8),
        Open(u8),
    }
    let part = "{before: u8, locked: u64, after: opaque}";
    assert_eq!(text::<Part>(), part);
    assert_eq!(
        text::<Whole>(),
        format!(
            "{{list: [#0], choice: <Locked(u64, opaque) | Open(u8)>, option: ?#0, end: bool}} \
             where #0 = {part}"
        )
    );
}

#[test]
fn a_panic_is_contained() {
    #[derive(Deserialize)]
    struct Around {
        list: Vec<Panics>,
        after: u8,
    }
    assert_eq!(text::<Panics>(), "u16");
    assert_eq!(text::<(Panics, u8)>(), "(u16, opaque)");
    assert_eq!(text::<Around>(), "{list: [u16], after: u8}");
}

#[test]
fn values_without_a_structure_are_any() {
    #[derive(Deserialize)]
    struct Dynamic {
        value: serde_json::Value,
        ignored: IgnoredAny,
        after: u8,
    }
    assert_eq!(text::<Dynamic>(), "{value: any, ignored: any, after: u8}");
}

#[test]
fn what_asks_the_payload_for_its_structure_is_no_error() {
    #[derive(Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        rest: Rest,
    }
    #[derive(Deserialize)]
    struct Rest {
        more: u8,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Text(String),
        Number(u64),
    }
    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Dot { size: u8 },
    }
    assert_eq!(text::<Untagged>(), "any");
    assert_eq!(text::<Tagged>(), "any");
    assert_eq!(text::<Flat>(), "[any => any]");
    assert_eq!(text::<(Vec<Flat>, u8)>(), "([[any => any]], u8)");
}

#[test]
fn aliases_and_other_names_of_one_field_are_no_error() {
    #[derive(Deserialize)]
    struct Aliased {
        #[serde(alias = "title")]
        name: String,
        size: u32,
    }
    assert_eq!(text::<Aliased>(), text::<Aliased>());
    assert!(text::<Aliased>().contains("unread"));
    same::<(Aliased, u8), (Aliased, u8)>();
}

#[test]
fn a_type_that_asks_differently_each_time_ends() {
    struct Fickle;
    impl<'de> Deserialize<'de> for Fickle {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            use std::sync::atomic::{AtomicUsize, Ordering};
            static CALLS: AtomicUsize = AtomicUsize::new(0);
            match CALLS.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => u8::deserialize(deserializer).map(drop)?,
                1 => String::deserialize(deserializer).map(drop)?,
                _ => <Option<u8>>::deserialize(deserializer).map(drop)?,
            }
            Err(D::Error::custom("never content"))
        }
    }
    assert_eq!(text::<Vec<Fickle>>(), "[u8]");
}

#[test]
fn two_types_of_one_name_are_told_apart() {
    let first = {
        #[derive(Deserialize)]
        struct Same {
            a: u8,
        }
        text::<Same>()
    };
    let second = {
        #[derive(Deserialize)]
        struct Same {
            b: u8,
        }
        differ::<Same, u8>();
        text::<Same>()
    };
    assert_ne!(first, second);
}
