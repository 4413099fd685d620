//! [`AliasTable`]: draws by weight, in one look-up.

use super::candidate::Candidate;
use super::draw::Draw;

/// Vose's alias method: each cell holds one index and, above a threshold, another one.
#[derive(Debug)]
pub(super) struct AliasTable {
    cells: Box<[Cell]>,
}

/// Which part of a cell is its own index's, of 2^32, and whose the rest is.
#[derive(Clone, Copy, Debug)]
struct Cell {
    own: u32,
    alias: u32,
}

impl AliasTable {
    /// Exact but for the rounding of each cell to 2^-32.
    pub(super) fn new<C: Candidate>(candidates: &[C]) -> Self {
        let weights: Vec<u64> = candidates.iter().map(|c| u64::from(weight(c))).collect();
        let (len, total) = (weights.len() as u64, weights.iter().sum::<u64>());
        // Scaled so that the mean is `total`: whole numbers, and nothing is lost.
        let mut parts: Vec<u64> = weights.iter().map(|weight| weight * len).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..parts.len()).partition(|at| parts.get(*at).is_some_and(|part| *part < total));
        let full = |at: usize| Cell {
            own: u32::MAX,
            alias: at as u32,
        };
        let mut cells: Box<[Cell]> = (0..parts.len()).map(full).collect();
        while let (Some(less), Some(more)) = (small.pop(), large.last().copied()) {
            let part = parts.get(less).copied().unwrap_or(total);
            if let Some(cell) = cells.get_mut(less) {
                *cell = Cell {
                    own: ((u128::from(part) << 32) / u128::from(total)) as u32,
                    alias: more as u32,
                };
            }
            let Some(rest) = parts.get_mut(more) else {
                continue;
            };
            *rest -= total - part;
            if *rest < total {
                large.pop();
                small.push(more);
            }
        }
        Self { cells }
    }

    pub(super) fn draw(&self, draw: &mut Draw) -> usize {
        let at = draw.below(self.cells.len());
        match self.cells.get(at) {
            Some(cell) if draw.bits() as u32 >= cell.own => cell.alias as usize,
            _ => at,
        }
    }
}

/// Within its bounds, whatever the candidate says.
pub(super) fn weight<C: Candidate>(candidate: &C) -> u32 {
    candidate.weight().clamp(1, WEIGHT_MAX)
}

const WEIGHT_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::super::fake::fakes;
    use super::*;

    /// How probable each index is, by the cells.
    fn shares(weights: &[u32]) -> Vec<f64> {
        let mut candidates = fakes(weights.len() as u64);
        for (candidate, weight) in candidates.iter_mut().zip(weights) {
            candidate.weight = *weight;
        }
        let table = AliasTable::new(&candidates);
        let mut shares = vec![0.0; weights.len()];
        for (at, cell) in table.cells.iter().enumerate() {
            let own = f64::from(cell.own) / 2_f64.powi(32);
            shares[at] += own / weights.len() as f64;
            shares[cell.alias as usize] += (1.0 - own) / weights.len() as f64;
        }
        shares
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        let many: Vec<u32> = (1..=1_000).collect();
        for weights in [
            &[1][..],
            &[5, 5],
            &[1, 1_000],
            &[1_000, 1, 1, 1, 500],
            &[3, 0, 7],
            &[3, 1_001, u32::MAX],
            &many,
        ] {
            let bounded = |weight: &u32| f64::from((*weight).clamp(1, 1_000));
            let total: f64 = weights.iter().map(bounded).sum();
            for (share, weight) in shares(weights).iter().zip(weights) {
                let right = bounded(weight) / total;
                assert!(
                    (share - right).abs() < 1e-9,
                    "{weight}: {share}, not {right}"
                );
            }
        }
    }

    #[test]
    fn draws_come_out_as_the_cells_say() {
        let mut candidates = fakes(3);
        for (candidate, weight) in candidates.iter_mut().zip([100, 300, 600]) {
            candidate.weight = weight;
        }
        let table = AliasTable::new(&candidates);
        let mut counts = [0.0_f64; 3];
        let mut draw = Draw::new(1);
        for _ in 0..100_000 {
            counts[table.draw(&mut draw)] += 1.0;
        }
        for (count, share) in counts.iter().zip([0.1, 0.3, 0.6]) {
            let sigma = f64::sqrt(1e5 * share * (1.0 - share));
            assert!((count - 1e5 * share).abs() < 4.0 * sigma, "{counts:?}");
        }
        assert_eq!(AliasTable::new(&fakes(0)).draw(&mut draw), 0);
    }
}
