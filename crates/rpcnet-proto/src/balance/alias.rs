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
