//! Fingerprints that may not change: peers of other versions compare them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::schema::{fingerprint, of};

#[derive(Deserialize)]
struct Order {
    id: u64,
    #[serde(rename = "type")]
    kind: Kind,
    tags: Vec<String>,
    notes: BTreeMap<String, Option<f64>>,
    parent: Option<Box<Order>>,
    digest: [u8; 32],
}

#[derive(Deserialize)]
enum Kind {
    Plain,
    #[serde(rename = "two words")]
    Express(u8, char),
    Bulk {
        count: u32,
        of: Box<Kind>,
    },
}

#[test]
fn the_text_stays_as_it_is() {
    assert_eq!(
        of::<Order>().to_string(),
        "#0 where #0 = {id: u64, type: #1, tags: [string], notes: [string => ?f64], \
         parent: ?#0, digest: [u8; 32]}, \
         #1 = <Plain | \"two words\"(u8, char) | Bulk{count: u32, of: #1}>"
    );
}

#[test]
fn the_fingerprints_stay_as_they_are() {
    let (order, text) = (of::<Order>(), of::<String>());
    assert_eq!(order.fingerprint64(), 0x0a01_16eb_4d8d_20ac);
    assert_eq!(text.fingerprint64(), 0x704b_e0d8_faaf_fc58);
    let method = fingerprint(&[("request", &order), ("response", &text)]);
    assert_eq!(method, 0xeeb6_2603_53dc_5118);
}
