//! Bytes that may not change: peers of other versions write and read them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::zoo::{Newtype, Pair, Shape};
use crate::CodecId;
use crate::codec::{decode, encode, is_available};

type Sample = (bool, i16, u32, u64, f32, char, String, Option<u8>);

fn sample() -> Sample {
    (true, -2, 300, 1 << 35, 1.5, 'é', "hi".into(), Some(9))
}

#[test]
fn postcard_bytes_stay_as_they_are() {
    let codec = CodecId::POSTCARD;
    holds(
        codec,
        &sample(),
        "0103ac0280808080800100 00c03f02c3a902686901 09",
    );
    holds(
        codec,
        &vec![Shape::Dot, Shape::Circle(1.0)],
        "020001000000000000f03f",
    );
    holds(
        codec,
        &Shape::Line(Pair("a".into(), -1), Pair("b".into(), 1)),
        "02016101016202",
    );
    holds(
        codec,
        &Shape::Box {
            width: 200,
            inner: None,
        },
        "03c80100",
    );
    holds(codec, &Newtype(127), "7f");
    holds(
        codec,
        &(u128::MAX, i128::MIN),
        concat!(
            "ffffffffffffffffffffffffffffffffffff03",
            "ffffffffffffffffffffffffffffffffffff03",
        ),
    );
    holds(codec, &(), "");
}

#[test]
fn bincode_bytes_stay_as_they_are() {
    let codec = CodecId::BINCODE;
    if !is_available(codec) {
        return;
    }
    holds(
        codec,
        &sample(),
        concat!(
            "01 feff 2c010000 0000000008000000 0000c03f c3a9",
            "0200000000000000 6869 01 09",
        ),
    );
    holds(
        codec,
        &vec![Shape::Dot, Shape::Circle(1.0)],
        "0200000000000000 00000000 01000000 000000000000f03f",
    );
    holds(
        codec,
        &Shape::Box {
            width: 200,
            inner: None,
        },
        "03000000 c8000000 00",
    );
    holds(codec, &Newtype(127), "7f00000000000000");
    holds(codec, &(), "");
}

#[test]
fn json_names_what_it_carries() {
    let codec = CodecId::JSON;
    let shape = Shape::Box {
        width: 200,
        inner: None,
    };
    let payload = encode(codec, &shape).expect("encodes");
    assert_eq!(&payload[..], br#"{"Box":{"width":200,"inner":null}}"#);
}

#[test]
fn messagepack_names_what_it_carries() {
    let codec = CodecId::MESSAGE_PACK;
    if !is_available(codec) {
        return;
    }
    let shape = Shape::Box {
        width: 200,
        inner: None,
    };
    let payload = encode(codec, &shape).expect("encodes");
    assert_eq!(
        &payload[..],
        b"\x81\xa3Box\x82\xa5width\xcc\xc8\xa5inner\xc0"
    );
}

fn holds<T>(codec: CodecId, value: &T, golden: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let payload = encode(codec, value).expect("encodes");
    let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden.replace(' ', ""), "{value:?} as {codec}");
    assert_eq!(&decode::<T>(codec, &payload).expect("decodes"), value);
}
