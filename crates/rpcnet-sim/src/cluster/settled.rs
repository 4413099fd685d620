//! When all is quiet: whether every view is equal, and true.

use super::Cluster;
use crate::engine::{Engine, Rank, Row};
use crate::invariant::Rule;

impl<E: Engine> Cluster<E> {
    /// Whether every member counts as many members as there are. Quick, and wrong only if a view is wrong
    /// twice; [`Cluster::untruths`] looks closely.
    #[must_use]
    pub fn is_converged(&self) -> bool {
        let members = self.nodes.iter().filter(|node| node.is_member()).count();
        self.nodes
            .iter()
            .filter(|node| node.is_member())
            .filter_map(|node| node.engine.as_ref())
            .all(|engine| engine.live() == members)
    }

    /// Compares every view with the truth; returns how many rows are wrong, and notes the first of them as broken.
    ///
    /// Right is: a member is alive, with the incarnation and tags that it gives itself. Who crashed has
    /// failed, who left has left; either may be forgotten, or never have been met.
    pub fn settled(&mut self) -> u64 {
        let (wrong, first) = self.untruths();
        if let Some(detail) = first {
            let detail = format!("{wrong} rows, the first: {detail}");
            self.checker.broken(self.now, Rule::Settled, detail);
        }
        wrong
    }

    /// How many rows are wrong, and the first of them.
    #[must_use]
    pub fn untruths(&self) -> (u64, Option<String>) {
        let mut wrong = 0;
        let mut first = None;
        let truth: Vec<Option<Row>> = (0..)
            .zip(&self.nodes)
            .map(|(number, node)| {
                node.engine
                    .as_ref()
                    .filter(|_| node.is_member())?
                    .row(number)
            })
            .collect();
        for (observer, node) in (0..).zip(&self.nodes) {
            let Some(engine) = node.engine.as_ref().filter(|_| node.is_member()) else {
                continue;
            };
            for (about, truth) in (0_u32..).zip(&truth) {
                if about == observer {
                    continue;
                }
                let row = engine.row(about);
                if !is_true(row, *truth) {
                    wrong += 1;
                    first.get_or_insert_with(|| {
                        format!("node {observer} about {about}: {row:?}, in truth {truth:?}")
                    });
                }
            }
        }
        (wrong, first)
    }
}

fn is_true(row: Option<Row>, truth: Option<Row>) -> bool {
    match (row, truth) {
        (None, None) => true,
        (Some(row), None) => row.rank >= Rank::Failed,
        (Some(row), Some(truth)) => row == truth,
        (None, Some(_)) => false,
    }
}
