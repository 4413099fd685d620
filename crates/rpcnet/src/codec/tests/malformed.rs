//! Bytes that no encoder wrote: each is a value or an error, in bounded time.

use super::codecs;
use super::zoo::{Positional, Zoo};
use crate::CodecId;
use crate::codec::{decode, encode, is_self_describing};

/// For each codec; a fixed seed, so that a failure comes back.
const PAYLOADS: u64 = 10_000;

#[test]
fn no_payload_panics_or_hangs() {
    for codec in codecs() {
        let zoo = encode(codec, &Zoo::full()).expect("encodes").to_vec();
        let positional = if is_self_describing(codec) {
            Vec::new()
        } else {
            encode(codec, &Positional::full())
                .expect("encodes")
                .to_vec()
        };
        let mut chance = Chance(0x5eed ^ u64::from(codec.0));
        for round in 0..PAYLOADS {
            let valid = if round % 2 == 0 { &zoo } else { &positional };
            try_all(codec, &damaged(valid, &mut chance));
        }
    }
}

#[test]
fn no_cut_of_a_valid_payload_is_whole() {
    for codec in codecs() {
        let payload = encode(codec, &Zoo::full()).expect("encodes");
        for len in 0..payload.len() {
            decode::<Zoo>(codec, &payload[..len]).expect_err("the rest is missing");
        }
    }
}

fn try_all(codec: CodecId, payload: &[u8]) {
    let _ = decode::<Zoo>(codec, payload);
    let _ = decode::<Positional>(codec, payload);
    let _ = decode::<String>(codec, payload);
    if is_self_describing(codec) {
        let _ = decode::<serde_json::Value>(codec, payload);
    }
}

/// Noise, a cut, flipped bits, or bytes overwritten with lengths.
fn damaged(valid: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut payload = valid.to_vec();
    match chance.below(4) {
        0 => {
            payload = (0..chance.below(64))
                .map(|_| chance.below(256) as u8)
                .collect()
        }
        1 => payload.truncate(chance.below(valid.len() + 1)),
        2 => {
            for _ in 0..=chance.below(4) {
                let at = chance.below(payload.len().max(1));
                if let Some(byte) = payload.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
        _ => {
            let at = chance.below(payload.len().max(1));
            let tag = [0xc6, 0xdb, 0xdd, 0xdf, 0xff][chance.below(5)];
            payload.splice(at..at, [tag, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        }
    }
    payload
}

/// A splitmix64: small, seeded, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }
}
