//! Whom to ask to be let in, and who waits for an answer.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::Reply;
use crate::cluster::error::{JoinError, SeedFailure};
use crate::cluster::seeds::Seed;

/// The seeds, their addresses, and the calls of `join` that wait.
pub(super) struct Joining {
    seeds: Vec<Asked>,
    /// Addresses of the snapshot, those that were not asked for longest first.
    kept: VecDeque<SocketAddr>,
    /// Those of them that are being asked.
    kept_asked: Vec<SocketAddr>,
    /// Addresses that the core asks, and what became of each.
    handed: BTreeMap<SocketAddr, Option<String>>,
    waiting: Vec<Waiter>,
    resolving: Vec<(usize, Resolving)>,
    again_at: Option<Instant>,
    timeout: Duration,
    has_begun: bool,
    has_joined: bool,
    /// No look-up has begun since the last call of `join`.
    is_unresolved: bool,
}

struct Asked {
    seed: Seed,
    addresses: Vec<SocketAddr>,
    /// One of its addresses is this node's own.
    is_self: bool,
    /// Why it could not be resolved.
    unresolved: Option<String>,
}

struct Waiter {
    began: Instant,
    reply: oneshot::Sender<Result<(), JoinError>>,
}

type Resolved = Result<Vec<SocketAddr>, SeedFailure>;
type Resolving = Pin<Box<dyn Future<Output = Resolved> + Send>>;

impl Joining {
    pub(super) fn new(kept: Vec<SocketAddr>, timeout: Duration) -> Self {
        Self {
            seeds: Vec::new(),
            kept: kept.into(),
            kept_asked: Vec::new(),
            handed: BTreeMap::new(),
            waiting: Vec::new(),
            resolving: Vec::new(),
            again_at: None,
            // A sum with the present that is no instant would panic.
            timeout: timeout.min(TIMEOUT_MAX),
            has_begun: false,
            has_joined: false,
            is_unresolved: false,
        }
    }

    /// Asks these seeds besides the former ones; all are asked anew.
    pub(super) fn begin(
        &mut self,
        seeds: Vec<Seed>,
        reply: oneshot::Sender<Result<(), JoinError>>,
    ) {
        for seed in seeds {
            if self.seeds.iter().all(|asked| asked.seed != seed) {
                self.seeds.push(Asked {
                    seed,
                    addresses: Vec::new(),
                    is_self: false,
                    unresolved: None,
                });
            }
        }
        let excess = self.seeds.len().saturating_sub(SEEDS_MAX);
        self.seeds.drain(..excess);
        if self.seeds.is_empty() && self.kept.is_empty() && self.kept_asked.is_empty() {
            let _ = reply.send(Err(JoinError::NoSeeds));
            return;
        }
        self.has_begun = true;
        self.has_joined = false;
        self.handed.clear();
        // Those whose callers are gone make room.
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
        let began = Instant::now();
        self.waiting.push(Waiter { began, reply });
        // What is being resolved counted from the former list.
        self.resolving.clear();
        self.is_unresolved = true;
        self.again_at = Some(began);
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiters = self
            .waiting
            .iter()
            .map(|waiter| waiter.began + self.timeout);
        waiters.chain(self.again_at).min()
    }

    /// Does what is due; returns addresses to ask. Names are looked up again for as long as
    /// this node has nobody.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        is_alone: bool,
        replies: &mut Vec<Reply>,
    ) -> Vec<SocketAddr> {
        let mut found = Vec::new();
        let is_looking = self.has_begun && (is_alone || !self.has_joined);
        let is_due = self.again_at.is_some_and(|at| at <= now);
        if is_due && is_looking && self.resolving.is_empty() {
            self.resolve_all();
            found = self.next_kept();
        }
        if is_due || self.again_at.is_none() {
            self.again_at = is_looking.then(|| now + RESOLVE_AGAIN);
        }
        self.answer_if_alone(replies);
        let timeout = self.timeout;
        let is_over = |waiter: &mut Waiter| now >= waiter.began + timeout;
        let over: Vec<Waiter> = self.waiting.extract_if(.., is_over).collect();
        for waiter in over {
            let result = if self.is_only_self() {
                Ok(())
            } else {
                Err(JoinError::NoAnswer {
                    waited: now - waiter.began,
                    seeds: self.failures(),
                })
            };
            replies.push(Reply::Join(waiter.reply, result));
        }
        found
    }

    /// This node leaves: nobody is asked any more, and who waits sees the end.
    pub(super) fn give_up(&mut self) {
        *self = Self::new(Vec::new(), self.timeout);
    }

    fn resolve_all(&mut self) {
        self.is_unresolved = false;
        // What a name stood for once is forgotten, however often it changes.
        let mut handed = std::mem::take(&mut self.handed);
        handed.retain(|address, _| self.is_current(*address));
        self.handed = handed;
        for (index, asked) in self.seeds.iter().enumerate() {
            let seed = asked.seed.clone();
            let resolving = async move { seed.resolve().await };
            self.resolving.push((index, Box::pin(resolving)));
        }
    }

    /// The next few of the snapshot, in turn, so that a few stale ones do not hide the rest.
    fn next_kept(&mut self) -> Vec<SocketAddr> {
        self.kept.extend(self.kept_asked.drain(..));
        let count = self.kept.len().min(KEPT_AT_ONCE);
        self.kept_asked.extend(self.kept.drain(..count));
        for address in &self.kept_asked {
            self.handed.entry(*address).or_default();
        }
        self.kept_asked.clone()
    }

    /// Waits for the next seed to be resolved.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was resolved meanwhile is returned by the next call.
    pub(super) async fn resolved(&mut self) -> (usize, Resolved) {
        let resolving = &mut self.resolving;
        poll_fn(|cx| {
            for at in 0..resolving.len() {
                let Some((index, future)) = resolving.get_mut(at) else {
                    break;
                };
                if let Poll::Ready(resolved) = future.as_mut().poll(cx) {
                    let index = *index;
                    drop(resolving.swap_remove(at));
                    return Poll::Ready((index, resolved));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Notes what a seed stands for; returns the addresses that are to be asked from now on.
    pub(super) fn note(
        &mut self,
        (index, resolved): (usize, Resolved),
        is_own: impl Fn(SocketAddr) -> bool,
    ) -> Vec<SocketAddr> {
        let Some(asked) = self.seeds.get_mut(index) else {
            return Vec::new();
        };
        let addresses = match resolved {
            Ok(addresses) => addresses,
            Err(failure) => {
                // What it stood for before may still be right.
                asked.unresolved = Some(failure.reason);
                return Vec::new();
            }
        };
        asked.unresolved = None;
        asked.is_self = addresses.iter().any(|address| is_own(*address));
        asked.addresses = addresses;
        asked.addresses.retain(|address| !is_own(*address));
        let handed = &mut self.handed;
        let fresh = |address: &&SocketAddr| handed.insert(**address, None).is_none();
        asked.addresses.iter().filter(fresh).copied().collect()
    }

    /// Whether a seed stands for the address now.
    pub(super) fn is_current(&self, address: SocketAddr) -> bool {
        let mut seeds = self.seeds.iter();
        seeds.any(|asked| asked.addresses.contains(&address)) || self.kept_asked.contains(&address)
    }

    /// A seed's address was of no use.
    pub(super) fn failed(&mut self, address: SocketAddr, reason: &str) {
        if let Some(became) = self.handed.get_mut(&address) {
            *became = Some(reason.to_owned());
        }
    }

    /// A seed has let this node in.
    pub(super) fn answered(&mut self, replies: &mut Vec<Reply>) {
        self.has_joined = true;
        self.let_go(replies);
    }

    fn let_go(&mut self, replies: &mut Vec<Reply>) {
        let waiting = self.waiting.drain(..);
        replies.extend(waiting.map(|waiter| Reply::Join(waiter.reply, Ok(()))));
    }

    /// The first node of a cluster may have nobody to ask but itself.
    fn answer_if_alone(&mut self, replies: &mut Vec<Reply>) {
        let is_resolved = !self.is_unresolved && self.resolving.is_empty();
        let has_kept = !self.kept.is_empty() || !self.kept_asked.is_empty();
        if is_resolved && !has_kept && self.is_only_self() {
            self.let_go(replies);
        }
    }

    fn is_only_self(&self) -> bool {
        !self.seeds.is_empty()
            && self
                .seeds
                .iter()
                .all(|asked| asked.is_self && asked.addresses.is_empty())
    }

    /// What became of each seed, for the error.
    fn failures(&self) -> Vec<SeedFailure> {
        let kept = self.kept_asked.iter().map(|address| {
            let text = format!("{address} (of the snapshot)");
            SeedFailure::new(&text, self.became(*address))
        });
        let given = self.seeds.iter().map(|asked| {
            let reason = match (&asked.unresolved, &asked.addresses[..]) {
                (Some(reason), []) => reason.clone(),
                (None, []) if asked.is_self => "it is this node itself".to_owned(),
                (None, []) => "it could not be resolved in time".to_owned(),
                (_, [address]) => self.became(*address),
                (_, addresses) => {
                    let each = addresses.iter().take(ADDRESSES_SHOWN);
                    let each = each.map(|address| format!("{address} {}", self.became(*address)));
                    each.collect::<Vec<_>>().join(", ")
                }
            };
            SeedFailure::new(asked.seed.text(), reason)
        });
        given.chain(kept).collect()
    }

    fn became(&self, address: SocketAddr) -> String {
        let known = self.handed.get(&address).cloned().flatten();
        known.unwrap_or_else(|| "no answer".to_owned())
    }
}

impl fmt::Debug for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining")
            .field("seeds", &self.seeds.len())
            .field("handed", &self.handed)
            .field("waiting", &self.waiting.len())
            .field("has_joined", &self.has_joined)
            .finish_non_exhaustive()
    }
}

/// Seeds that are asked; beyond, the oldest are left out.
const SEEDS_MAX: usize = 64;

/// The longest time that a call of `join` waits.
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often names are looked up while this node has nobody.
const RESOLVE_AGAIN: Duration = Duration::from_secs(5);

/// Addresses of the snapshot that are asked at once.
const KEPT_AT_ONCE: usize = 8;

/// Addresses of one seed that an error tells about.
const ADDRESSES_SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn seed(port: u16) -> Seed {
        Seed::parse(&at(port).to_string()).expect("it is an address")
    }

    type Waiting = oneshot::Receiver<Result<(), JoinError>>;

    /// Begins to join, and resolves every seed; the node itself is at port 1.
    async fn begin(joining: &mut Joining, ports: &[u16]) -> (Waiting, Vec<SocketAddr>) {
        let (reply, waiting) = oneshot::channel();
        joining.begin(ports.iter().map(|port| seed(*port)).collect(), reply);
        let mut found = tick(joining);
        for _ in ports {
            let resolved = joining.resolved().await;
            found.extend(joining.note(resolved, |address| address == at(1)));
        }
        found.extend(tick(joining));
        (waiting, found)
    }

    fn tick(joining: &mut Joining) -> Vec<SocketAddr> {
        let mut replies = Vec::new();
        let found = joining.tick(Instant::now(), true, &mut replies);
        replies.into_iter().for_each(Reply::send);
        found
    }

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_node_whose_only_seed_is_itself_has_joined_at_once() {
        let mut joining = Joining::new(Vec::new(), TIMEOUT);
        let (mut waiting, found) = begin(&mut joining, &[1]).await;
        assert!(found.is_empty());
        assert!(matches!(waiting.try_recv(), Ok(Ok(()))));
    }

    #[tokio::test(start_paused = true)]
    async fn its_own_address_among_others_is_left_out() {
        let mut joining = Joining::new(Vec::new(), TIMEOUT);
        let (mut waiting, found) = begin(&mut joining, &[1, 2]).await;
        assert_eq!(found, [at(2)]);
        assert!(waiting.try_recv().is_err(), "the other one has to answer");
        joining.failed(at(2), "nobody is there");
        tokio::time::advance(TIMEOUT).await;
        tick(&mut joining);
        let Ok(Err(JoinError::NoAnswer { waited, seeds })) = waiting.try_recv() else {
            panic!("nobody answered");
        };
        assert_eq!(waited, TIMEOUT);
        let reasons: Vec<&str> = seeds.iter().map(|seed| &*seed.reason).collect();
        assert_eq!(reasons, ["it is this node itself", "nobody is there"]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_seed_and_a_snapshot_there_is_nobody_to_ask() {
        let mut joining = Joining::new(Vec::new(), TIMEOUT);
        let (mut waiting, _) = begin(&mut joining, &[]).await;
        assert!(matches!(waiting.try_recv(), Ok(Err(JoinError::NoSeeds))));
        assert_eq!(joining.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_the_snapshot_are_asked_in_turn() {
        let kept: Vec<SocketAddr> = (10..34).map(at).collect();
        let mut joining = Joining::new(kept.clone(), TIMEOUT);
        let (_waiting, mut found) = begin(&mut joining, &[]).await;
        assert_eq!(found, kept[..KEPT_AT_ONCE]);
        for _ in 0..2 {
            tokio::time::advance(RESOLVE_AGAIN).await;
            let next = tick(&mut joining);
            assert_eq!(next.len(), KEPT_AT_ONCE);
            assert!(next.iter().all(|address| joining.is_current(*address)));
            assert!(!joining.is_current(found[0]), "its turn is over");
            found.extend(next);
        }
        assert!(kept.iter().all(|address| found.contains(address)));
    }

    #[tokio::test(start_paused = true)]
    async fn asking_goes_on_after_nobody_answered_and_ends_with_the_first_answer() {
        let mut joining = Joining::new(Vec::new(), TIMEOUT);
        let (mut waiting, _) = begin(&mut joining, &[2]).await;
        tokio::time::advance(TIMEOUT).await;
        tick(&mut joining);
        assert!(matches!(
            waiting.try_recv(),
            Ok(Err(JoinError::NoAnswer { .. }))
        ));
        assert!(joining.due().is_some() || !joining.resolving.is_empty());
        let (mut again, found) = begin(&mut joining, &[]).await;
        let resolved = joining.resolved().await;
        let found = [found, joining.note(resolved, |_| false)].concat();
        assert_eq!(found, [at(2)], "it is asked anew");
        let mut replies = Vec::new();
        joining.answered(&mut replies);
        replies.into_iter().for_each(Reply::send);
        assert!(matches!(again.try_recv(), Ok(Ok(()))));
        joining.tick(Instant::now(), false, &mut Vec::new());
        tokio::time::advance(RESOLVE_AGAIN).await;
        joining.tick(Instant::now(), false, &mut Vec::new());
        assert_eq!(joining.due(), None, "who has members looks nothing up");
    }

    #[tokio::test(start_paused = true)]
    async fn seeds_beyond_the_limit_push_out_the_oldest() {
        let mut joining = Joining::new(Vec::new(), TIMEOUT);
        for port in 2..=(SEEDS_MAX as u16 + 3) {
            let (reply, _) = oneshot::channel();
            joining.begin(vec![seed(port)], reply);
        }
        assert_eq!(joining.seeds.len(), SEEDS_MAX);
        assert_eq!(joining.seeds[0].seed, seed(4));
        assert_eq!(joining.waiting.len(), 1, "callers that are gone make room");
    }
}
