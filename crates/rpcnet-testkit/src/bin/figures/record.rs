//! What all members have said so far.

use crate::group::BoxError;
use crate::moment::Moment;
use crate::told::{Kind, Sight, Told, What};
use rpcnet_testkit::process::Lines;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Everything that the members of a fleet say, in the order in which it arrives.
#[derive(Debug, Default)]
pub(crate) struct Record {
    told: Mutex<Vec<Told>>,
    grown: Notify,
}

impl Record {
    /// Takes down what a member's process says, until its output ends.
    pub(crate) async fn take_down(self: Arc<Self>, mut lines: Lines) {
        while let Some(line) = lines.next().await {
            let told = serde_json::from_str(&line).unwrap_or_else(|error| {
                let what = format!("a line that is not understood ({error}): {line:?}");
                Told::now("", What::Failed(what))
            });
            self.add(told);
        }
    }

    pub(crate) fn add(&self, told: Told) {
        let mut all = self.all();
        // Who says more than this measures nothing.
        if all.len() < TOLD_MAX {
            all.push(told);
        }
        drop(all);
        self.grown.notify_waiters();
    }

    /// Returns how much has been said; for [`since`](Self::since).
    pub(crate) fn len(&self) -> usize {
        self.all().len()
    }

    /// Returns what has been said after the first `start` things.
    pub(crate) fn since(&self, start: usize) -> Vec<Told> {
        self.all().get(start..).unwrap_or_default().to_vec()
    }

    /// Waits until `look` finds in everything that was said what it looks for.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut look: impl FnMut(&[Told]) -> Option<T>,
    ) -> Result<T, BoxError> {
        let deadline = Instant::now() + within;
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            // Before the look, so that nothing said after it is missed.
            grown.as_mut().enable();
            if let Some(found) = look(&self.all()) {
                return Ok(found);
            }
            self.check()?;
            if timeout_at(deadline, grown).await.is_err() {
                let sights = summary(&self.all());
                return Err(format!("{what}: not within {within:?}; {sights}").into());
            }
        }
    }

    /// Fails where a member could not do what it was told, or not all was heard.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        let all = self.all();
        if all.len() >= TOLD_MAX {
            return Err(format!("the members said more than {TOLD_MAX} things").into());
        }
        for told in all.iter() {
            match &told.what {
                What::Failed(why) => return Err(format!("{} failed: {why}", told.node).into()),
                What::Event {
                    kind: Kind::Lagged, ..
                } => return Err(format!("{} missed events", told.node).into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Told>> {
        // What a panic left is whole: it is pushed in one step.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Things that a record holds. A run of many members says some ten thousand.
const TOLD_MAX: usize = 1_000_000;

/// The last sight of each member that has any.
pub(crate) fn sights(told: &[Told]) -> BTreeMap<&str, (Moment, &Sight)> {
    let sights = told.iter().filter_map(|told| match &told.what {
        What::Sight(sight) => Some((told.node.as_str(), (told.at, sight))),
        _ => None,
    });
    sights.collect()
}

/// When the last of `nodes` came to see what `wanted` says, if all of them do now.
pub(crate) fn all_see(
    told: &[Told],
    nodes: &[String],
    wanted: impl Fn(&str, &Sight) -> bool,
) -> Option<Moment> {
    let sights = sights(told);
    let seen = nodes.iter().map(|node| {
        let (at, sight) = sights.get(node.as_str())?;
        // A sight is said when it changes: the side may have changed later than the number.
        wanted(node, sight).then_some(*at)
    });
    seen.collect::<Option<Vec<Moment>>>()?.into_iter().max()
}

/// The events of this kind about a member: who had it first when.
pub(crate) fn events<'a>(
    told: &'a [Told],
    wanted: Kind,
    member: &str,
) -> BTreeMap<&'a str, Moment> {
    let mut first = BTreeMap::new();
    for told in told {
        match &told.what {
            What::Event { kind, about, .. } if *kind == wanted && about == member => {
                first.entry(told.node.as_str()).or_insert(told.at);
            }
            _ => {}
        }
    }
    first
}

/// Who took whom for failed, where `is_false` says that this is wrong.
pub(crate) fn failures(told: &[Told], is_false: impl Fn(&str) -> bool) -> Vec<String> {
    let failures = told.iter().filter_map(|told| match &told.what {
        What::Event {
            kind: Kind::Failed,
            about,
            ..
        } if is_false(about) => Some(format!("{} took {about} for failed", told.node)),
        _ => None,
    });
    failures.collect()
}

/// How many events of this kind there are.
pub(crate) fn count(told: &[Told], wanted: Kind) -> usize {
    let is_wanted =
        |told: &&Told| matches!(&told.what, What::Event { kind, .. } if *kind == wanted);
    told.iter().filter(is_wanted).count()
}

fn summary(told: &[Told]) -> String {
    let sights = sights(told);
    let each = sights
        .iter()
        .map(|(node, (_, sight))| format!("{node} sees {} ({})", sight.live, sight.side));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(node: &str, live: usize) -> Told {
        let side = "Whole".to_owned();
        Told::now(node, What::Sight(Sight { live, side }))
    }

    fn event(node: &str, kind: Kind, about: &str) -> Told {
        let about = about.to_owned();
        let mark = None;
        Told::now(node, What::Event { kind, about, mark })
    }

    #[test]
    fn only_the_last_sight_of_everybody_counts() {
        let nodes = ["a".to_owned(), "b".to_owned()];
        let mut told = vec![sight("a", 2)];
        assert_eq!(all_see(&told, &nodes, |_, sight| sight.live == 2), None);
        told.push(sight("b", 2));
        let last = told[1].at;
        assert_eq!(
            all_see(&told, &nodes, |_, sight| sight.live == 2),
            Some(last)
        );
        told.push(sight("a", 1));
        assert_eq!(all_see(&told, &nodes, |_, sight| sight.live == 2), None);
    }

    #[test]
    fn events_are_told_apart_by_kind_and_member() {
        let told = [
            event("a", Kind::Failed, "c"),
            event("b", Kind::Failed, "c"),
            event("b", Kind::Failed, "c"),
            event("a", Kind::Left, "c"),
            event("a", Kind::Failed, "b"),
        ];
        assert_eq!(events(&told, Kind::Failed, "c").len(), 2);
        assert_eq!(events(&told, Kind::Left, "c").len(), 1);
        assert_eq!(count(&told, Kind::Failed), 4);
        assert_eq!(failures(&told, |member| member != "c").len(), 1);
    }

    #[tokio::test]
    async fn what_a_member_failed_to_do_ends_the_wait() {
        let record = Record::default();
        record.add(Told::now("a", What::Failed("no".to_owned())));
        let waited = record.until("anything", Duration::from_secs(60), |_| None::<()>);
        assert!(
            waited
                .await
                .expect_err("it failed")
                .to_string()
                .contains("no")
        );
    }

    #[tokio::test]
    async fn a_wait_in_vain_says_what_everybody_sees() {
        let record = Record::default();
        record.add(sight("a", 7));
        let waited = record.until("the end", Duration::from_millis(20), |_| None::<()>);
        let error = waited.await.expect_err("nothing comes").to_string();
        assert!(
            error.contains("the end") && error.contains("a sees 7"),
            "{error}"
        );
    }
}
