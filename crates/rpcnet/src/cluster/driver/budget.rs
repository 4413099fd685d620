//! What each member may cost in signatures that need not have been checked.

use std::collections::HashMap;
use std::time::Duration;

use rpcnet_proto::swim::NodeName;
use tokio::time::Instant;

/// Signatures that a member may have checked within a [`WINDOW`] to no purpose: of records
/// that prove to be forged, and of ever newer ones of its own. Honest members bring hardly
/// any of either. Beyond: its records are dropped unseen until the window is over.
pub(super) const WASTED_MAX: u32 = 64;

/// For how long what was spent counts.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// Members that are remembered; at most one per link and stream can be at it at once.
/// Beyond: all are forgotten, and begin anew.
const MEMBERS_MAX: usize = 4_096;

/// Who has spent how much.
#[derive(Debug, Default)]
pub(super) struct Budget(HashMap<NodeName, Spent>);

#[derive(Clone, Copy, Debug)]
struct Spent {
    since: Instant,
    signatures: u32,
}

impl Budget {
    /// What the member may still spend.
    pub(super) fn left(&self, now: Instant, name: &NodeName) -> u32 {
        let spent = self.0.get(name).filter(|spent| is_current(now, spent));
        WASTED_MAX.saturating_sub(spent.map_or(0, |spent| spent.signatures))
    }

    /// The member has spent so much.
    pub(super) fn spend(&mut self, now: Instant, name: &NodeName, signatures: u32) {
        if signatures == 0 {
            return;
        }
        if let Some(spent) = self.0.get_mut(name).filter(|spent| is_current(now, spent)) {
            spent.signatures = spent.signatures.saturating_add(signatures);
            return;
        }
        self.0.retain(|_, spent| is_current(now, spent));
        if self.0.len() >= MEMBERS_MAX {
            self.0.clear();
        }
        let since = now;
        let spent = Spent { since, signatures };
        self.0.insert(name.clone(), spent);
    }
}

fn is_current(now: Instant, spent: &Spent) -> bool {
    now.saturating_duration_since(spent.since) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> NodeName {
        NodeName::new(name).expect("the name is legal")
    }

    #[test]
    fn what_a_member_wastes_comes_to_an_end_and_back_with_time() {
        let (start, a) = (Instant::now(), name("a"));
        let mut budget = Budget::default();
        budget.spend(start, &a, WASTED_MAX - 1);
        assert_eq!(budget.left(start, &a), 1);
        budget.spend(start, &a, 5);
        assert_eq!(budget.left(start, &a), 0);
        assert_eq!(budget.left(start, &name("b")), WASTED_MAX);
        let just_before = start + WINDOW - Duration::from_nanos(1);
        assert_eq!(budget.left(just_before, &a), 0);
        assert_eq!(budget.left(start + WINDOW, &a), WASTED_MAX);
    }

    #[test]
    fn only_so_many_members_are_remembered() {
        let start = Instant::now();
        let mut budget = Budget::default();
        for index in 0..=MEMBERS_MAX {
            budget.spend(start, &name(&format!("n{index}")), 1);
            assert!(budget.0.len() <= MEMBERS_MAX);
        }
        budget.spend(start, &name("none"), 0);
        assert_eq!(budget.0.len(), 1);
        budget.spend(start + WINDOW, &name("later"), 1);
        assert_eq!(budget.0.len(), 1, "what is over is forgotten");
    }
}
