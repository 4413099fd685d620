//! Sets of nodes, as a scenario names them.

use std::fmt;
use std::str::FromStr;

/// A set of nodes: ranges, as in `0-3,7`. `*` is everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeSet(Vec<(u32, u32)>);

impl NodeSet {
    /// The nodes `first..=last`.
    #[must_use]
    pub fn range(first: u32, last: u32) -> Self {
        Self(vec![(first, last)])
    }

    /// One node.
    #[must_use]
    pub fn one(node: u32) -> Self {
        Self::range(node, node)
    }

    /// Every node.
    #[must_use]
    pub fn all() -> Self {
        Self::range(0, u32::MAX)
    }

    /// The nodes of a list, in any order.
    #[must_use]
    pub fn of(mut nodes: Vec<u32>) -> Self {
        nodes.sort_unstable();
        nodes.dedup();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for node in nodes {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == node => *last = node,
                _ => ranges.push((node, node)),
            }
        }
        Self(ranges)
    }

    /// Whether `node` is one of them.
    #[must_use]
    pub fn contains(&self, node: u32) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&node))
    }

    /// Those below `count`, in order.
    pub fn below(&self, count: u32) -> impl Iterator<Item = u32> + '_ {
        self.0
            .iter()
            .flat_map(move |(first, last)| *first..last.saturating_add(1).min(count))
    }
}

impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == [(0, u32::MAX)] {
            return f.write_str("*");
        }
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for NodeSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::all());
        }
        let number = |text: &str| {
            text.parse::<u32>()
                .map_err(|_| format!("`{text}` is not a node"))
        };
        let ranges = text.split(',').map(|part| match part.split_once('-') {
            Some((first, last)) => Ok((number(first)?, number(last)?)),
            None => number(part).map(|node| (node, node)),
        });
        ranges.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_as_it_is_written() {
        for text in ["*", "3", "0-3,7", "1,3,5-9"] {
            let set: NodeSet = text.parse().expect("these are sets");
            assert_eq!(set.to_string(), text);
        }
        assert!("3-".parse::<NodeSet>().is_err());
        assert!("".parse::<NodeSet>().is_err());
        let set = NodeSet::of(vec![9, 1, 2, 3, 2]);
        assert_eq!(set.to_string(), "1-3,9");
        assert_eq!(set.below(9).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(set.contains(9) && !set.contains(4));
    }
}
