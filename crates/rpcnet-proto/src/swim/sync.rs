//! Comparing whole views: digests first, rows only where they differ.

use std::collections::BTreeSet;
use std::time::Duration;

use super::agenda::Key;
use super::codec::row_len;
use super::members::{Id, ME};
use super::message::Buckets;
use super::{Body, MemberState, NodeName, Row, Swim, Time, Verdict};

/// A comparison that this node asked for.
#[derive(Clone, Debug)]
pub(super) struct SyncAsked {
    nonce: u64,
    pub(super) peer: Id,
    at: Time,
    buckets: usize,
    /// What the peer has in the buckets that differ.
    seen: BTreeSet<(u64, MemberState)>,
    /// How many messages of its reply have arrived.
    arrived: u64,
}

impl Swim {
    /// M-26: compares views with one member, less often the more there are.
    pub(super) fn on_sync_turn(&mut self, now: Time) {
        let members = self.members.live().saturating_add(1);
        let interval = sync_interval(self.config.sync_interval, members);
        self.agenda.arm(Key::Sync, now + interval);
        if let Some(peer) = self.draw_live(1, ME).first() {
            self.ask_sync(now, *peer);
        }
    }

    pub(super) fn ask_sync(&mut self, now: Time, peer: Id) {
        self.syncs
            .retain(|sync| now.since(sync.at) < SYNC_ANSWERED_WITHIN && sync.peer != peer);
        if self.syncs.len() >= SYNCS_ASKED_MAX {
            self.syncs.remove(0);
        }
        let members = self.members.live().saturating_add(1);
        let buckets = bucket_count(members);
        let nonce = self.chance.next();
        self.syncs.push(SyncAsked {
            nonce,
            peer,
            at: now,
            buckets,
            seen: BTreeSet::new(),
            arrived: 0,
        });
        self.counters.syncs += 1;
        let digests = folded(self.members.digests(), buckets);
        self.send_whole(peer, Body::Sync { nonce, digests });
    }

    /// Answers with what lies in the buckets that differ.
    pub(super) fn on_sync(
        &mut self,
        now: Time,
        from: Option<Id>,
        name: &NodeName,
        nonce: u64,
        digests: &[u64],
    ) {
        if !self.may_serve(now) || !digests.len().is_power_of_two() {
            return;
        }
        let mine = folded(self.members.digests(), digests.len());
        let mut differing = Buckets::default();
        for (bucket, (mine, theirs)) in mine.iter().zip(digests).enumerate() {
            if mine != theirs {
                differing.insert(bucket);
            }
        }
        let rows = self.rows_in(differing, digests.len());
        let chunks = self.chunks(rows);
        let parts = chunks.len() as u64;
        for rows in chunks {
            let body = Body::SyncReply {
                nonce,
                differing,
                rows,
                parts,
            };
            self.answer(from, name, body, true);
        }
    }

    /// Takes the peer's rows, and pushes back what the peer lacks.
    pub(super) fn on_sync_reply(
        &mut self,
        now: Time,
        from: Option<Id>,
        nonce: u64,
        differing: Buckets,
        rows: &[Row],
        parts: u64,
    ) {
        let asked = |sync: &SyncAsked| sync.nonce == nonce && Some(sync.peer) == from;
        let (Some(at), Some(from)) = (self.syncs.iter().position(asked), from) else {
            self.counters.answers_ignored += 1;
            return;
        };
        self.apply_rows(now, rows, from);
        let room = self.config.limits.members;
        let Some(sync) = self.syncs.get_mut(at) else {
            return;
        };
        let seen = rows.iter().map(|row| (row.record.digest(), row.state));
        let space = room.saturating_sub(sync.seen.len());
        sync.seen.extend(seen.take(space));
        // They may overtake one another: each is a stream of its own.
        sync.arrived += 1;
        if sync.arrived < parts {
            return;
        }
        let sync = self.syncs.swap_remove(at);
        let mut lacking = self.rows_in(differing, sync.buckets);
        lacking.retain(|row| !sync.seen.contains(&(row.record.digest(), row.state)));
        if lacking.is_empty() {
            return;
        }
        for rows in self.chunks(lacking) {
            self.send_whole(from, Body::SyncPush { nonce, rows });
        }
    }

    /// Takes what a member sees: records first, then its opinion, which is one
    /// vote like any other (M-9).
    pub(super) fn apply_rows(&mut self, now: Time, rows: &[Row], from: Id) {
        for row in rows {
            self.learn(now, &row.record, row.state);
            let verdict = match row.state {
                MemberState::Suspect => Verdict::Suspect,
                MemberState::Failed => Verdict::Failed,
                MemberState::Alive | MemberState::Left => continue,
            };
            let Some(id) = self.members.find(row.record.name()) else {
                continue;
            };
            let held = self.members.record(id).map(|record| record.version());
            if id != ME
                && id != from
                && held == Some(row.record.version())
                && self.members.is_live(from)
            {
                self.doubt(now, id, from, verdict);
            }
        }
    }

    /// Everything in the buckets, gone members included. Walks the table.
    fn rows_in(&self, differing: Buckets, buckets: usize) -> Vec<Row> {
        if differing.is_empty() {
            return Vec::new();
        }
        let rows = self.members.rows();
        let wanted = rows.filter(|(_, record, _)| {
            differing.contains(bucket_of(record.name().hash64(), buckets))
        });
        wanted
            .map(|(_, record, state)| Row {
                record: record.clone(),
                state,
            })
            .collect()
    }

    /// Cuts rows into messages, at least one.
    pub(super) fn chunks(&self, rows: Vec<Row>) -> Vec<Vec<Row>> {
        let budget = self.config.limits.stream_bytes - CHUNK_OVERHEAD;
        let mut chunks = Vec::new();
        let (mut chunk, mut len) = (Vec::new(), 0);
        for row in rows {
            let row_len = row_len(&row);
            if len + row_len > budget {
                chunks.push(std::mem::take(&mut chunk));
                len = 0;
            }
            len += row_len;
            chunk.push(row);
        }
        chunks.push(chunk);
        chunks
    }

    /// M-27: so many exchanges are served per gossip interval, and no more.
    pub(super) fn may_serve(&mut self, now: Time) -> bool {
        if now.since(self.served_since) >= self.config.gossip_interval {
            self.served_since = now;
            self.served = 0;
        }
        if self.served >= self.config.limits.syncs {
            return false;
        }
        self.served += 1;
        self.counters.syncs_served += 1;
        true
    }
}

/// M-26: the interval, once more for every doubling beyond 32 members.
fn sync_interval(base: Duration, members: usize) -> Duration {
    let doublings = (members.max(1) as f64 / 32.0).log2().ceil().max(0.0);
    base.saturating_mul(doublings as u32 + 1)
}

/// M-28: about one bucket per eight members.
fn bucket_count(members: usize) -> usize {
    (members / 8)
        .next_power_of_two()
        .clamp(1, Buckets::COUNT_MAX)
}

/// M-28: the highest bits of the name's hash.
const fn bucket_of(hash: u64, buckets: usize) -> usize {
    (hash >> 56) as usize * buckets / Buckets::COUNT_MAX
}

/// The digests of fewer buckets: neighbours belong together.
fn folded(digests: &[u64], buckets: usize) -> Vec<u64> {
    let width = (digests.len() / buckets.max(1)).max(1);
    let fold = |group: &[u64]| group.iter().fold(0, |all, digest| all ^ digest);
    digests.chunks(width).map(fold).collect()
}

/// Kind, nonce, buckets, count, flag and no update, generously.
const CHUNK_OVERHEAD: usize = 64;
/// A reply that takes longer is not waited for.
const SYNC_ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const SYNCS_ASKED_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// M-26.
    #[test]
    fn large_clusters_compare_less_often() {
        let base = Duration::from_secs(30);
        for (members, factor) in [
            (1, 1),
            (32, 1),
            (33, 2),
            (64, 2),
            (65, 3),
            (1024, 6),
            (10_000, 10),
        ] {
            assert_eq!(sync_interval(base, members), factor * base, "{members}");
        }
    }

    /// M-28.
    #[test]
    fn buckets_grow_with_the_cluster_and_fold_onto_fewer() {
        for (members, buckets) in [(1, 1), (16, 2), (64, 8), (1000, 128), (10_000, 256)] {
            assert_eq!(bucket_count(members), buckets, "{members}");
        }
        let fine: Vec<u64> = (0..256).map(|bucket| 1 << (bucket % 64)).collect();
        for shift in 0..=8 {
            let buckets = 1 << shift;
            let folded = folded(&fine, buckets);
            assert_eq!(folded.len(), buckets);
            for hash in (0..=255_u64).map(|high| high << 56 | 7) {
                assert!(bucket_of(hash, buckets) < buckets);
            }
        }
        assert_eq!(bucket_of(u64::MAX, 1), 0);
        assert_eq!(bucket_of(u64::MAX, 256), 255);
        assert_eq!(folded(&fine, 256), fine);
    }
}
