use super::verdict;
use crate::CodecId;
use crate::codec::{CodecError, decode_prost, encode_prost, is_self_describing};

#[derive(Clone, PartialEq, prost::Message)]
struct Branch {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    branches: Vec<Self>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

#[test]
fn messages_survive_and_unknown_fields_are_skipped() {
    let name = |name: &str| Branch {
        name: name.into(),
        branches: Vec::new(),
    };
    let branch = Branch {
        branches: vec![name("a"), name("b")],
        ..name("root")
    };
    let payload = encode_prost(&branch);
    assert_eq!(decode_prost::<Branch>(&payload).expect("decodes"), branch);
    assert_eq!(decode_prost::<Name>(&payload).expect("skips").name, "root");
    assert!(is_self_describing(CodecId::PROTOBUF));
}

#[test]
fn depth_and_lengths_are_limited_by_the_format() {
    let mut deep = Vec::new();
    for _ in 0..1000 {
        let mut outer = vec![0x12];
        prost::encode_length_delimiter(deep.len(), &mut outer).expect("a vector has room");
        outer.append(&mut deep);
        deep = outer;
    }
    let claims = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let groups = [0x1b; 10_000];
    for payload in [&deep[..], &claims, &groups] {
        let verdict = verdict(decode_prost::<Branch>(payload));
        assert!(matches!(verdict, CodecError::Format(_)), "{verdict:?}");
    }
}
