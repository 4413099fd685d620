//! Whom a node watches where it cannot watch everybody.

use super::action::Target;
use crate::swim::NodeName;

/// The `max` targets that follow `own` on the ring of name hashes.
///
/// Every node computes this alike, and alone. Where all see the same members, each is
/// watched by as many others as it watches, which a choice by chance would not promise;
/// and a node that comes or goes changes one edge of a few others only.
pub(super) fn choose(own: &NodeName, mut targets: Vec<Target>, max: usize) -> Vec<Target> {
    targets.retain(|target| target.name != *own);
    if targets.len() > max {
        let place = |target: &Target| {
            let ahead = target.name.hash64().wrapping_sub(own.hash64());
            (ahead, target.name.clone())
        };
        targets.select_nth_unstable_by_key(max, place);
        targets.truncate(max);
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn targets(count: usize) -> Vec<Target> {
        (0..count)
            .map(|node| Target {
                name: NodeName::new(&format!("node-{node}")).expect("the name is legal"),
                address: ([127, 0, 0, 1], 1).into(),
                epoch: 1,
            })
            .collect()
    }

    #[test]
    fn every_node_is_watched_by_as_many_as_it_watches() {
        let all = targets(200);
        let mut watchers: BTreeMap<NodeName, usize> = BTreeMap::new();
        for node in &all {
            let chosen = choose(&node.name, all.clone(), 9);
            assert_eq!(chosen.len(), 9);
            assert!(!chosen.contains(node), "nobody watches itself");
            for target in chosen {
                *watchers.entry(target.name).or_default() += 1;
            }
        }
        assert_eq!(watchers.len(), 200);
        assert!(watchers.values().all(|count| *count == 9));
    }

    #[test]
    fn everybody_is_watched_where_there_is_room() {
        let all = targets(10);
        assert_eq!(choose(&all[3].name, all.clone(), 9).len(), 9);
        assert_eq!(choose(&all[3].name, all.clone(), 100).len(), 9);
        assert_eq!(choose(&all[3].name, Vec::new(), 9), Vec::new());
    }
}
