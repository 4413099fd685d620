//! Where a method has its place in a table of the program's own methods.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use rpcnet_proto::Method;

/// How a table of the program's own methods is asked: less than thirty instructions for a name of up
/// to 22 bytes.
///
/// Whoever picks the names can make two meet. That is the program: what a peer asks for is only
/// looked up.
pub(crate) type ByName = BuildHasherDefault<NameHasher>;

/// A number for a method.
pub(crate) fn of_method(method: &Method) -> u32 {
    let mut hasher = NameHasher::default();
    method.hash(&mut hasher);
    hasher.finish() as u32
}

/// Takes eight bytes at a time, as short names are told.
#[derive(Debug, Default)]
pub(crate) struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, word: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        // Both halves of the product: the lower one alone has nothing of the higher bits.
        let product = u128::from(self.0 ^ word) * u128::from(ODD);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for NameHasher {
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write(&mut self, name: &[u8]) {
        self.mix(name.len() as u64);
        for bytes in name.chunks(8) {
            let word = bytes.iter().rev();
            self.mix(word.fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn method(name: &[u8]) -> Method {
        Method::new(str::from_utf8(name).expect("ASCII")).expect("legal")
    }

    #[test]
    fn every_byte_and_the_length_matter() {
        let of_name = |name: &[u8]| of_method(&method(name));
        for len in 1..40 {
            let name = vec![b'a'; len];
            let of_same = of_name(&name);
            for at in 0..len {
                let mut other = name.clone();
                other[at] = b'b';
                assert_ne!(of_name(&other), of_same, "byte {at} of {len}");
            }
            let longer = vec![b'a'; len + 1];
            assert_ne!(of_name(&longer), of_same, "one more than {len}");
        }
    }

    #[test]
    fn usual_names_spread_over_a_small_table() {
        const PLACES: u32 = 64;
        let names = (0..64).map(|number| format!("orders.v1.Orders/Method{number}"));
        let places: HashSet<u32> = names
            .map(|name| of_method(&method(name.as_bytes())) % PLACES)
            .collect();
        // Chance would fill 64 * (1 - 1 / e), 40 of them.
        assert!(places.len() >= 34, "{}", places.len());
    }
}
