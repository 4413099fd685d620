//! Which field or variant of the old version is which of the new.

use super::rename::WireName;

/// Two lists, matched by place; every place is in one of the parts.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// Old and new place of what has the same name on the wire.
    pub(super) same: Vec<(usize, usize)>,
    /// Old and new place of what seems to be the same by another name.
    pub(super) renamed: Vec<(usize, usize)>,
    pub(super) removed: Vec<usize>,
    pub(super) added: Vec<usize>,
}

impl Pairing {
    /// Matches by name on the wire, then by name in Rust, then by place where `are_alike` agrees.
    pub(super) fn new(
        old: &[(&str, &WireName)],
        new: &[(&str, &WireName)],
        are_alike: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut pairing = Self {
            added: (0..new.len()).collect(),
            ..Self::default()
        };
        let mut unmatched = Vec::new();
        for (place, (_, wire)) in old.iter().enumerate() {
            match pairing.take(|candidate| new[candidate].1 == *wire) {
                Some(found) => pairing.same.push((place, found)),
                None => unmatched.push(place),
            }
        }
        for place in unmatched {
            let by_ident = pairing.take(|candidate| new[candidate].0 == old[place].0);
            match by_ident.or_else(|| {
                pairing.take(|candidate| candidate == place && are_alike(place, candidate))
            }) {
                Some(found) => pairing.renamed.push((place, found)),
                None => pairing.removed.push(place),
            }
        }
        pairing
    }

    /// All that is in both lists, in the old order.
    pub(super) fn kept(&self) -> Vec<(usize, usize)> {
        let mut kept: Vec<_> = self.same.iter().chain(&self.renamed).copied().collect();
        kept.sort_unstable();
        kept
    }

    /// The first new place that is out of the old order.
    pub(super) fn out_of_order(&self) -> Option<usize> {
        self.kept()
            .windows(2)
            .find(|pair| pair[1].1 < pair[0].1)
            .map(|pair| pair[1].1)
    }

    fn take(&mut self, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let index = self.added.iter().position(|candidate| is_it(*candidate))?;
        Some(self.added.remove(index))
    }
}
