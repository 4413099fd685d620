//! [`Walk`]: all indices in an order that chance determines.

use super::draw::Draw;

/// Every index below `len` once, from a random place on, in steps of a random length.
///
/// The step is a prime beyond any length, modulo `len`, so it has no divisor in common with
/// `len` and leads past every index. It is taken forwards or backwards: of any two indices
/// each comes before the other equally often.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    at: usize,
    step: usize,
    len: usize,
    left: usize,
}

impl Walk {
    pub(super) fn new(len: usize, draw: &mut Draw) -> Self {
        let bits = draw.bits();
        let prime = PRIMES.get(bits as usize % PRIMES.len()).unwrap_or(&1);
        let forwards = (prime % len.max(1) as u64) as usize;
        Self {
            at: draw.below(len),
            step: if bits >> 63 == 0 {
                forwards
            } else {
                len - forwards
            },
            len,
            left: len,
        }
    }
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        self.at += self.step;
        if self.at >= self.len {
            self.at -= self.len;
        }
        Some(at)
    }
}

/// Primes of 62 bits: no slice of anything is as long.
const PRIMES: [u64; 8] = [
    0x320f_4e18_1012_f037,
    0x2fe4_c289_9828_9fcd,
    0x327e_8916_a5aa_3c81,
    0x2762_50ff_f52d_df5d,
    0x37ac_5110_ad1b_72db,
    0x39b4_d8df_bd68_5167,
    0x2b2f_43d9_fcf0_0fed,
    0x2293_c4b3_5d58_c705,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_leads_past_every_index_once() {
        let mut draw = Draw::new(3);
        for len in (0..200).chain([1_000, 4_096, 65_537]) {
            let mut seen: Vec<usize> = Walk::new(len, &mut draw).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..len), "{len}");
        }
    }

    #[test]
    fn of_two_indices_each_comes_first_equally_often() {
        let mut draw = Draw::new(5);
        for (a, b) in [(0, 1), (0, 5), (3, 7)] {
            let first = |walk: Walk| walk.into_iter().find(|at| *at == a || *at == b);
            let count = (0..10_000)
                .filter(|_| first(Walk::new(10, &mut draw)) == Some(a))
                .count();
            assert!((4_800..5_200).contains(&count), "{a} before {b}: {count}");
        }
    }
}
