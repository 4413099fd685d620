//! What a payload makes its decoder hold, measured at the allocator.
//!
//! One test, because the allocator counts for the whole process.

use std::collections::{BTreeMap, HashMap};

use peak_alloc::PeakAlloc;
use rpcnet::{CodecId, codec};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Of an element: what it takes in memory where it takes one byte of the payload.
const ELEMENT_BYTES: usize = 1024;

/// What decoding itself takes, errors included.
const OVERHEAD_BYTES: usize = 4 * 1024;

#[derive(Deserialize)]
struct Nest(#[expect(dead_code, reason = "only decoded")] Vec<(Block, Self)>);

#[derive(Deserialize)]
#[expect(dead_code, reason = "only decoded")]
struct Block([[u64; 32]; 4]);

#[test]
fn no_payload_holds_more_than_its_elements_take() {
    for codec in [CodecId::POSTCARD, CodecId::BINCODE, CodecId::MESSAGE_PACK] {
        if !codec::is_available(codec) {
            continue;
        }
        for claim in claims(codec) {
            holds_little::<String>(codec, &claim);
            holds_little::<Vec<u8>>(codec, &claim);
            holds_little::<Vec<Block>>(codec, &claim);
            holds_little::<Vec<Vec<Vec<Block>>>>(codec, &claim);
            holds_little::<Nest>(codec, &claim);
            holds_little::<HashMap<u64, Block>>(codec, &claim);
            holds_little::<BTreeMap<String, Block>>(codec, &claim);
        }
    }
}

/// Lengths of every width, alone, repeated, and with a little of what they claim.
fn claims(codec: CodecId) -> Vec<Vec<u8>> {
    let heads: Vec<Vec<u8>> = match codec {
        CodecId::MESSAGE_PACK => [0xd9, 0xda, 0xdb, 0xc4, 0xc5, 0xc6, 0xdc, 0xdd, 0xde, 0xdf]
            .map(|tag| vec![tag, 0xff, 0xff, 0xff, 0xff])
            .into(),
        CodecId::BINCODE => [1 << 10, 1 << 20, 1 << 40, u64::MAX]
            .map(|len: u64| len.to_le_bytes().to_vec())
            .into(),
        _ => vec![
            vec![0xff, 0x7f],
            vec![0xff, 0xff, 0x7f],
            vec![0xff, 0xff, 0xff, 0xff, 0x7f],
            vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ],
    };
    let mut claims = heads.clone();
    claims.extend(heads.iter().map(|head| head.repeat(3)));
    claims.extend(heads.iter().map(|head| [&head[..], &[1; 100]].concat()));
    claims
}

fn holds_little<T: DeserializeOwned>(codec: CodecId, payload: &[u8]) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    drop(codec::decode::<T>(codec, payload));
    let held = ALLOCATOR.peak_usage().saturating_sub(before);
    // Collections round what they reserve up, by at most half plus a power of two.
    let allowed = 4 * payload.len() * (ELEMENT_BYTES + 64) + OVERHEAD_BYTES;
    let name = std::any::type_name::<T>();
    assert!(
        held <= allowed,
        "{name}: {payload:02x?} as {codec} held {held} bytes"
    );
}
