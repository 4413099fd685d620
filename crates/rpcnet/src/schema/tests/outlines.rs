//! What people are shown of a type.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rpcnet_proto::CodecId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::schema::outline;

#[derive(Deserialize)]
struct Tree {
    label: String,
    weight: Option<f64>,
    children: Vec<Tree>,
    kind: Kind,
}

#[derive(Deserialize)]
enum Kind {
    Plain,
    Marked(u8, [u8; 3]),
    Named { tags: BTreeMap<String, u8> },
}

fn json<T: DeserializeOwned>() -> String {
    let json = codec::encode(CodecId::JSON, &outline::<T>()).expect("it is data");
    String::from_utf8(json.into()).expect("JSON is text")
}

#[test]
fn a_type_that_contains_itself_refers_to_itself() {
    let expected = concat!(
        r#"{"root":0,"types":["#,
        r#"{"kind":"struct","fields":[{"name":"label","type":1},{"name":"weight","type":2},"#,
        r#"{"name":"children","type":3},{"name":"kind","type":4}]},"#,
        r#"{"kind":"string"},{"kind":"option","of":5},{"kind":"list","of":0},"#,
        r#"{"kind":"enum","variants":[{"name":"Plain","type":6},{"name":"Marked","type":7},"#,
        r#"{"name":"Named","type":8}]},"#,
        r#"{"kind":"f64"},{"kind":"unit"},{"kind":"tuple","items":[9,10]},"#,
        r#"{"kind":"struct","fields":[{"name":"tags","type":11}]},"#,
        r#"{"kind":"u8"},{"kind":"array","of":9,"len":3},{"kind":"map","key":1,"value":9}]}"#,
    );
    assert_eq!(json::<Tree>(), expected);
}

#[test]
fn what_json_writes_as_text_is_shown_as_text() {
    assert_eq!(
        json::<IpAddr>(),
        r#"{"root":0,"types":[{"kind":"string"}]}"#
    );
}
