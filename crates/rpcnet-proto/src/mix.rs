//! The hash that every node computes alike.

/// FNV-1a over bytes, finished by SplitMix64's mixer (M-29).
///
/// Not a defence against a chosen collision: names are those of certificates,
/// and records are signed. It only has to be the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Mix(u64);

impl Mix {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) const fn finish(&self) -> u64 {
        finalise(self.0)
    }
}

/// A bijection that spreads every input bit over all output bits.
pub(crate) const fn finalise(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M-29: other implementations must get these numbers.
    #[test]
    fn the_hash_of_known_bytes_is_known() {
        let hash = |bytes: &[u8]| {
            let mut mix = Mix::new();
            mix.bytes(bytes);
            mix.finish()
        };
        assert_eq!(Mix::new().0, 0xcbf2_9ce4_8422_2325);
        let mut fnv = Mix::new();
        fnv.bytes(b"a");
        assert_eq!(fnv.0, 0xaf63_dc4c_8601_ec8c, "FNV-1a's published vector");
        assert_ne!(hash(b"node-1"), hash(b"node-2"));
    }
}
