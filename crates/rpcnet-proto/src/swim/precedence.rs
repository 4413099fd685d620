//! Which of two statements of a member counts.

use std::cmp::Ordering;

use super::{MemberState, Record, Version};

/// What this node holds of a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) version: Version,
    pub(super) state: MemberState,
    pub(super) digest: u64,
}

/// What a record that was heard is to one that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precedence {
    /// It counts.
    Newer,
    /// It is the same.
    Same,
    /// It is older, or of an epoch that its member has left.
    Stale,
    /// Its version is the same and its content is not: two nodes use one name.
    /// It counts where its digest is greater, so that everybody chooses alike.
    Rival {
        /// Whether it counts.
        counts: bool,
    },
}

/// M-7, M-8: by epoch, then by rank where that is final, then by incarnation.
pub(super) fn precedence(held: Held, heard: &Record) -> Precedence {
    let version = heard.version();
    let epochs = version.epoch.cmp(&held.version.epoch);
    let incarnations = version.incarnation.cmp(&held.version.incarnation);
    match (epochs, held.state, incarnations) {
        (Ordering::Greater, _, _) => Precedence::Newer,
        (Ordering::Less, _, _) => Precedence::Stale,
        (_, _, Ordering::Equal) if heard.digest() == held.digest => Precedence::Same,
        (_, MemberState::Left, _) | (_, _, Ordering::Less) => Precedence::Stale,
        (_, _, Ordering::Greater) => Precedence::Newer,
        (_, _, Ordering::Equal) if heard.is_left() => Precedence::Newer,
        (_, _, Ordering::Equal) => Precedence::Rival {
            counts: heard.digest() > held.digest,
        },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::swim::{NodeName, Standing, Statement, Tags};

    fn record(epoch: u64, incarnation: u64, standing: Standing, port: u16) -> Record {
        let statement = Statement {
            name: NodeName::new("n").expect("the name is legal"),
            version: Version { epoch, incarnation },
            standing,
            address: ([10, 0, 0, 1], port).into(),
            tags: Tags::new(),
            tags_changed: 0,
            key: Bytes::new(),
        };
        Record::new(statement, Bytes::new())
    }

    /// M-7, M-8: every order of epoch and incarnation against every state.
    #[test]
    fn the_table_is_complete() {
        use MemberState::{Alive, Failed, Left, Suspect};
        use Precedence::{Newer, Same, Stale};
        for state in [Alive, Suspect, Failed, Left] {
            for standing in [Standing::Here, Standing::Left] {
                let standing_held = if state == Left {
                    Standing::Left
                } else {
                    Standing::Here
                };
                let held = record(5, 5, standing_held, 1);
                let check = |epoch, incarnation| {
                    let heard = record(epoch, incarnation, standing, 1);
                    let held = Held {
                        version: held.version(),
                        state,
                        digest: held.digest(),
                    };
                    precedence(held, &heard)
                };
                for incarnation in [0, 4, 5, 6, u64::MAX] {
                    assert_eq!(check(6, incarnation), Newer, "a newer epoch beats {state}");
                    assert_eq!(check(4, incarnation), Stale, "an older epoch never counts");
                }
                assert_eq!(check(5, 4), Stale);
                assert_eq!(check(5, 0), Stale);
                let within = if state == Left { Stale } else { Newer };
                assert_eq!(check(5, 6), within, "left is final within its epoch");
                assert_eq!(check(5, u64::MAX), within);
                let same = match (state, standing) {
                    (Left, Standing::Left) => Same,
                    (Left, Standing::Here) => Stale,
                    (_, Standing::Here) => Same,
                    (_, Standing::Left) => Newer,
                };
                assert_eq!(check(5, 5), same, "{state} {standing:?}");
            }
        }
    }

    #[test]
    fn of_two_rivals_everybody_chooses_the_same() {
        let (a, b) = (
            record(5, 5, Standing::Here, 1),
            record(5, 5, Standing::Here, 2),
        );
        let held = |record: &Record| Held {
            version: record.version(),
            state: MemberState::Alive,
            digest: record.digest(),
        };
        let counts = |held: Held, heard: &Record| {
            precedence(held, heard) == Precedence::Rival { counts: true }
        };
        assert_ne!(counts(held(&a), &b), counts(held(&b), &a));
    }

    /// M-4.
    #[test]
    fn versions_near_the_end_of_their_range_are_compared_as_numbers() {
        let held = record(u64::MAX, u64::MAX, Standing::Here, 1);
        let held = Held {
            version: held.version(),
            state: MemberState::Alive,
            digest: held.digest(),
        };
        assert_eq!(
            precedence(held, &record(0, 0, Standing::Here, 1)),
            Precedence::Stale
        );
        assert_eq!(
            precedence(held, &record(u64::MAX, 0, Standing::Here, 1)),
            Precedence::Stale
        );
    }
}
