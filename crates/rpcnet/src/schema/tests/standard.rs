//! Types of the standard library.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::CString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::{Bound, Range};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{differ, same, text};

#[test]
fn every_number_is_its_own() {
    let texts = [
        text::<bool>(),
        text::<i8>(),
        text::<i16>(),
        text::<i32>(),
        text::<i64>(),
        text::<i128>(),
        text::<u8>(),
        text::<u16>(),
        text::<u32>(),
        text::<u64>(),
        text::<u128>(),
        text::<f32>(),
        text::<f64>(),
        text::<char>(),
        text::<String>(),
        text::<()>(),
        text::<CString>(),
    ];
    let expected = "bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string unit bytes";
    assert_eq!(texts.join(" "), expected);
}

#[test]
fn collections_that_travel_alike_are_the_same() {
    same::<HashMap<String, u8>, BTreeMap<String, u8>>();
    same::<HashSet<String>, Vec<String>>();
    same::<BTreeSet<String>, VecDeque<Box<str>>>();
    same::<PathBuf, String>();
    same::<usize, u64>();
    same::<NonZeroU64, u64>();
    same::<(u8, u8), [u8; 2]>();
    differ::<Vec<u8>, [u8; 32]>();
    differ::<Vec<(String, u8)>, HashMap<String, u8>>();
}

#[test]
fn what_the_standard_library_has_is_seen() {
    assert_eq!(text::<Duration>(), "{secs: u64, nanos: u32}");
    assert_eq!(
        text::<SystemTime>(),
        "{secs_since_epoch: u64, nanos_since_epoch: u32}"
    );
    assert_eq!(text::<IpAddr>(), "<V4([u8; 4]) | V6([u8; 16])>");
    assert_eq!(
        text::<SocketAddr>(),
        "<V4([u8; 4], u16) | V6([u8; 16], u16)>"
    );
    assert_eq!(text::<Range<u8>>(), "{start: u8, end: u8}");
    assert_eq!(
        text::<Bound<u8>>(),
        "<Unbounded | Included(u8) | Excluded(u8)>"
    );
    assert_eq!(text::<Result<u8, String>>(), "<Ok(u8) | Err(string)>");
    assert_eq!(text::<Option<Option<u8>>>(), "??u8");
    assert_eq!(text::<[u8; 32]>(), "[u8; 32]");
    assert_eq!(text::<[[f64; 4]; 4]>(), "[[f64; 4]; 4]");
    assert_eq!(
        text::<HashMap<IpAddr, Vec<Duration>>>(),
        "[<V4([u8; 4]) | V6([u8; 16])> => [{secs: u64, nanos: u32}]]"
    );
}

/// The standard arrays end at 32; tuples of derived types do not.
#[test]
fn a_large_array_is_small() {
    struct Large;
    impl<'de> serde::Deserialize<'de> for Large {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Elements;
            impl<'de> serde::de::Visitor<'de> for Elements {
                type Value = Large;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a kilobyte")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut elements: A,
                ) -> Result<Large, A::Error> {
                    while elements.next_element::<u8>()?.is_some() {}
                    Ok(Large)
                }
            }
            deserializer.deserialize_tuple(1024, Elements)
        }
    }
    assert_eq!(text::<(Large, char)>(), "([u8; 1024], char)");
}
