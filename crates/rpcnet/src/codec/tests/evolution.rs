//! Two versions of a type, one on each side.

use serde::{Deserialize, Serialize};

use super::codecs;
use crate::codec::{decode, encode, is_self_describing};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Old {
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct New {
    name: String,
    nick: Option<String>,
    #[serde(default)]
    level: u8,
}

#[test]
fn codecs_that_name_fields_bridge_versions_and_the_others_refuse() {
    for codec in codecs() {
        let old = encode(codec, &Old { name: "a".into() }).expect("encodes");
        let new = New {
            name: "a".into(),
            nick: Some("b".into()),
            level: 3,
        };
        let new = encode(codec, &new).expect("encodes");
        let (forward, backward) = (decode::<New>(codec, &old), decode::<Old>(codec, &new));
        if is_self_describing(codec) {
            let expected = New {
                name: "a".into(),
                nick: None,
                level: 0,
            };
            assert_eq!(forward.expect("the new reads the old"), expected);
            assert_eq!(
                backward.expect("the old reads the new"),
                Old { name: "a".into() }
            );
        } else {
            assert!(forward.is_err() && backward.is_err(), "{codec}");
        }
    }
}
