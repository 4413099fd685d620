use std::collections::BTreeMap;

use super::codecs;
use super::zoo::{Positional, Zoo};
use crate::CodecId;
use crate::codec::{decode, encode, is_self_describing};

#[test]
fn every_shape_survives_every_codec() {
    for codec in codecs() {
        for zoo in [Zoo::default(), Zoo::full()] {
            let payload = encode(codec, &zoo).expect("encodes");
            assert_eq!(
                decode::<Zoo>(codec, &payload).expect("decodes"),
                zoo,
                "{codec}"
            );
        }
    }
}

#[test]
fn what_only_positional_codecs_can_say_survives_them() {
    for codec in codecs() {
        if is_self_describing(codec) {
            continue;
        }
        for value in [Positional::default(), Positional::full()] {
            let payload = encode(codec, &value).expect("encodes");
            assert_eq!(
                decode::<Positional>(codec, &payload).expect("decodes"),
                value,
                "{codec}"
            );
        }
    }
}

#[test]
fn keys_that_are_no_strings_survive() {
    let by_number: BTreeMap<i64, char> = [(-3, 'a'), (i64::MAX, 'b')].into();
    for codec in codecs() {
        let payload = encode(codec, &by_number).expect("encodes");
        assert_eq!(
            decode::<BTreeMap<i64, char>>(codec, &payload).expect("decodes"),
            by_number
        );
    }
}

#[test]
fn floats_keep_their_bits_except_where_json_has_no_word_for_them() {
    for codec in codecs() {
        for float in [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE / 2.0] {
            let payload = encode(codec, &float).expect("encodes");
            if codec == CodecId::JSON && !float.is_finite() {
                assert_eq!(&payload[..], b"null");
                continue;
            }
            let back: f64 = decode(codec, &payload).expect("decodes");
            assert_eq!(back.to_bits(), float.to_bits(), "{codec}");
        }
    }
}

#[test]
fn an_unsized_value_encodes_as_its_owned_twin() {
    for codec in codecs() {
        let borrowed = encode(codec, "text").expect("encodes");
        assert_eq!(
            borrowed,
            encode(codec, &"text".to_owned()).expect("encodes")
        );
    }
}

#[test]
fn a_message_larger_than_the_first_buffer_survives() {
    let large = "x".repeat(1 << 20);
    for codec in codecs() {
        let payload = encode(codec, &large).expect("encodes");
        assert_eq!(decode::<String>(codec, &payload).expect("decodes"), large);
    }
}
