use super::{chain, codecs, verdict};
use crate::CodecId;
use crate::codec::{CodecError, decode, encode, is_available};

#[test]
fn bytes_left_over_are_an_error_in_every_codec() {
    for codec in codecs() {
        let mut payload = encode(codec, "text").expect("encodes").to_vec();
        for trailing in [0, b'1', 0x93, 0xc1, 0xff] {
            payload.push(trailing);
            let verdict = verdict(decode::<String>(codec, &payload));
            assert!(
                matches!(verdict, CodecError::TrailingBytes),
                "{codec}: {verdict:?}"
            );
            payload.pop();
        }
    }
}

#[test]
fn nothing_at_all_is_null_in_json_and_unit_where_unit_takes_no_bytes() {
    decode::<()>(CodecId::JSON, b"").expect("no arguments");
    decode::<()>(CodecId::POSTCARD, b"").expect("no bytes");
    assert_eq!(
        decode::<Option<u8>>(CodecId::JSON, b"").expect("null"),
        None
    );
    assert!(decode::<u8>(CodecId::JSON, b"").is_err());
}

#[test]
fn a_codec_that_is_not_for_serde_says_so() {
    for codec in [CodecId::RAW, CodecId::PROTOBUF, CodecId(99)] {
        assert!(!is_available(codec));
        let written = verdict(encode(codec, "text"));
        let read = verdict(decode::<String>(codec, b"text"));
        for error in [written, read] {
            assert!(matches!(error, CodecError::NotForSerde(named) if named == codec));
        }
    }
}

#[test]
fn a_codec_that_is_not_compiled_in_names_its_feature() {
    for (codec, name) in [
        (CodecId::MESSAGE_PACK, "messagepack"),
        (CodecId::BINCODE, "bincode"),
    ] {
        if is_available(codec) {
            continue;
        }
        let verdict = verdict(decode::<String>(codec, b"text"));
        assert!(matches!(verdict, CodecError::UnavailableCodec { feature, .. } if feature == name));
    }
}

#[test]
fn a_format_keeps_its_reason_in_the_source() {
    let verdict = verdict(decode::<u8>(CodecId::JSON, b"300"));
    assert!(
        chain(&verdict).contains("expected u8"),
        "{}",
        chain(&verdict)
    );
}
