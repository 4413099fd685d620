//! Payloads that claim much. What they make the process hold is measured elsewhere, at the
//! allocator: `tests/decode_memory.rs`.

use serde::{Deserialize, Serialize};

use super::zoo::{Chain, Tree};
use super::{codecs, verdict};
use crate::CodecId;
use crate::codec::{CodecError, NESTING_MAX, ZERO_SIZE_ELEMENTS_MAX, decode, encode, is_available};

const DEEP: usize = 10_000;

#[derive(Debug, Serialize, Deserialize)]
enum List {
    End,
    Cons(Box<Self>),
}

/// Nests through newtypes and options alone, which no format of its own accord counts.
#[derive(Debug, Serialize, Deserialize)]
struct Onion(Option<Box<Self>>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    Many(Vec<Self>),
}

#[test]
fn depth_is_limited_in_postcard() {
    let codec = CodecId::POSTCARD;
    too_deep(&verdict(decode::<Tree>(codec, &[1; DEEP])));
    too_deep(&verdict(decode::<List>(codec, &[1; DEEP])));
    too_deep(&verdict(decode::<Chain>(codec, &[1; DEEP])));
    too_deep(&verdict(decode::<Onion>(codec, &[1; DEEP])));
}

#[test]
fn depth_is_limited_in_bincode() {
    let codec = CodecId::BINCODE;
    if !is_available(codec) {
        return;
    }
    let sequences = [1, 0, 0, 0, 0, 0, 0, 0].repeat(DEEP);
    too_deep(&verdict(decode::<Tree>(codec, &sequences)));
    too_deep(&verdict(decode::<List>(codec, &[1, 0, 0, 0].repeat(DEEP))));
    too_deep(&verdict(decode::<Onion>(codec, &[1; DEEP])));
}

#[test]
fn depth_is_limited_in_messagepack() {
    let codec = CodecId::MESSAGE_PACK;
    if !is_available(codec) {
        return;
    }
    too_deep(&verdict(decode::<Tree>(codec, &[0x91; DEEP])));
    too_deep(&verdict(decode::<Loose>(codec, &[0x91; DEEP])));
    too_deep(&verdict(decode::<List>(
        codec,
        &b"\x81\xa4Cons".repeat(DEEP),
    )));
    too_deep(&verdict(decode::<Onion>(codec, &[1])));
}

#[test]
fn depth_is_limited_in_json() {
    let codec = CodecId::JSON;
    decode::<Tree>(codec, &[b'['; DEEP]).expect_err("the format has a limit of its own");
    decode::<Loose>(codec, &[b'['; DEEP]).expect_err("the format has a limit of its own");
    decode::<List>(codec, &br#"{"Cons":"#.repeat(DEEP)).expect_err("as above");
    too_deep(&verdict(decode::<Onion>(codec, b"1")));
}

#[test]
fn what_nests_within_the_limit_is_read_on_a_small_stack() {
    for codec in codecs() {
        // A level of a tree is a newtype and a sequence; JSON admits one array less.
        let levels = NESTING_MAX / 2 - 1;
        let tree = (0..levels).fold(Tree::default(), |tree, _| Tree(vec![tree]));
        let list = (0..NESTING_MAX - 2).fold(List::End, |list, _| List::Cons(Box::new(list)));
        let (tree_bytes, list_bytes) = (encode(codec, &tree), encode(codec, &list));
        let (tree_bytes, list_bytes) = (tree_bytes.expect("encodes"), list_bytes.expect("encodes"));
        assert_eq!(
            decode::<Tree>(codec, &tree_bytes).expect("within"),
            tree,
            "{codec}"
        );
        decode::<List>(codec, &list_bytes).expect("within");
    }
}

#[test]
fn elements_of_no_size_are_limited() {
    let claimed = u64::MAX >> 4;
    let payload = encode(CodecId::POSTCARD, &claimed).expect("encodes");
    too_many(&verdict(decode::<Vec<()>>(CodecId::POSTCARD, &payload)));
    if is_available(CodecId::BINCODE) {
        too_many(&verdict(decode::<Vec<()>>(
            CodecId::BINCODE,
            &claimed.to_le_bytes(),
        )));
    }
    let units = vec![(); ZERO_SIZE_ELEMENTS_MAX];
    for codec in codecs() {
        let payload = encode(codec, &units).expect("encodes");
        assert_eq!(
            decode::<Vec<()>>(codec, &payload).expect("within"),
            units,
            "{codec}"
        );
    }
}

#[test]
fn a_limit_is_the_verdict_even_where_the_type_looks_away() {
    #[derive(Debug)]
    struct Shrug;
    impl<'de> Deserialize<'de> for Shrug {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let _ignored = Vec::<()>::deserialize(deserializer);
            Ok(Self)
        }
    }
    let payload = encode(CodecId::POSTCARD, &(1_u64 << 60)).expect("encodes");
    too_many(&verdict(decode::<Shrug>(CodecId::POSTCARD, &payload)));
}

fn too_deep(verdict: &CodecError) {
    assert!(matches!(verdict, CodecError::TooDeep), "{verdict:?}");
}

fn too_many(verdict: &CodecError) {
    assert!(
        matches!(verdict, CodecError::TooManyElements),
        "{verdict:?}"
    );
}
