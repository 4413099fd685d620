//! The network: how long messages travel, and which of them arrive.

use std::time::Duration;

use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::nodes::NodeSet;

/// What a link between two nodes is like when nothing is wrong with it in particular.
#[derive(Debug, Clone)]
pub struct Link {
    /// The shortest time that a message travels.
    pub latency_min: Duration,
    /// The longest time, but for the tail. In between every value is as likely.
    pub latency_max: Duration,
    /// How likely a message takes ten times as long, as behind a full queue.
    pub tail: f64,
    /// How likely a datagram is lost, in each direction.
    pub loss: f64,
    /// How likely a datagram arrives twice.
    pub duplicate: f64,
    /// How likely a datagram is held up by [`Link::reorder_by`].
    pub reorder: f64,
    /// How long a datagram is held up at most.
    pub reorder_by: Duration,
}

impl Default for Link {
    /// A local network: 0.2 to 1 ms and no loss.
    fn default() -> Self {
        Self {
            latency_min: Duration::from_micros(200),
            latency_max: Duration::from_micros(1000),
            tail: 0.0,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Duration::from_millis(20),
        }
    }
}

/// Nothing passes from some nodes to others for a while.
#[derive(Debug, Clone)]
struct Cut {
    from: NodeSet,
    to: NodeSet,
    begin: Time,
    end: Time,
}

/// Messages to and from some nodes are lost with a probability, for a while.
#[derive(Debug, Clone)]
struct Lossy {
    nodes: NodeSet,
    rate: f64,
    end: Time,
}

/// The network between all nodes.
#[derive(Debug)]
pub struct Network {
    link: Link,
    cuts: Vec<Cut>,
    lossy: Vec<Lossy>,
    duplicate: (f64, Time),
    reorder: (f64, Time),
    /// Streams of each sender, so that one sender's traffic changes nobody else's chances.
    senders: Vec<Chances>,
}

#[derive(Debug)]
struct Chances {
    latency: Stream,
    loss: Stream,
    duplicate: Stream,
    reorder: Stream,
}

/// When the copies of a message arrive: none, one or two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// When the message arrives.
    pub first: Option<Time>,
    /// When a copy of it arrives, if it was duplicated.
    pub second: Option<Time>,
}

/// How long a cut that has ended can be asked about with [`Network::was_cut`].
const REMEMBERED: Duration = Duration::from_secs(600);

/// How long a stream's sender waits for an acknowledgement at first; then twice as long, and so on.
const RETRANSMIT_AFTER: Duration = Duration::from_millis(100);
/// After how many transmissions a stream's sender gives up: 0.1 + 0.2 + ... + 3.2 s.
const TRANSMISSIONS: u32 = 7;

impl Network {
    /// A network of `count` nodes whose links are all like `link`.
    #[must_use]
    pub fn new(seed: u64, count: u32, link: Link) -> Self {
        let stream = |purpose, node: u32| Stream::new(seed, purpose, u64::from(node));
        let senders = (0..count).map(|node| Chances {
            latency: stream(Purpose::Latency, node),
            loss: stream(Purpose::Loss, node),
            duplicate: stream(Purpose::Duplicate, node),
            reorder: stream(Purpose::Reorder, node),
        });
        Self {
            link,
            cuts: Vec::new(),
            lossy: Vec::new(),
            duplicate: (0.0, Time::ZERO),
            reorder: (0.0, Time::ZERO),
            senders: senders.collect(),
        }
    }

    /// Ends all that is wrong, and makes every link a good one.
    pub fn calm(&mut self) {
        self.link = Link::default();
        self.lossy.clear();
        self.duplicate = (0.0, Time::ZERO);
        self.reorder = (0.0, Time::ZERO);
    }

    /// Lets nothing pass from `from` to `to` from `begin` to `end`.
    pub fn cut(&mut self, from: NodeSet, to: NodeSet, begin: Time, end: Time) {
        // Who asks what was cut looks back no farther.
        self.cuts.retain(|cut| begin.since(cut.end) < REMEMBERED);
        self.cuts.push(Cut {
            from,
            to,
            begin,
            end,
        });
    }

    /// Loses messages to and from `nodes` with probability `rate` from `now` until `end`.
    pub fn lose(&mut self, nodes: NodeSet, rate: f64, now: Time, end: Time) {
        self.lossy.retain(|lossy| lossy.end > now);
        self.lossy.push(Lossy { nodes, rate, end });
    }

    /// Duplicates datagrams with probability `rate` until `end`.
    pub fn duplicate(&mut self, rate: f64, end: Time) {
        self.duplicate = (rate, end);
    }

    /// Holds up datagrams with probability `rate` until `end`.
    pub fn reorder(&mut self, rate: f64, end: Time) {
        self.reorder = (rate, end);
    }

    /// Whether nothing passes from `from` to `to` at `now`.
    #[must_use]
    pub fn is_cut(&self, from: u32, to: u32, now: Time) -> bool {
        self.was_cut(from, to, now, now)
    }

    /// Whether at some instant of `since..=now` nothing passed from `from` to `to`.
    #[must_use]
    pub fn was_cut(&self, from: u32, to: u32, since: Time, now: Time) -> bool {
        self.cuts.iter().any(|cut| {
            cut.begin <= now && since < cut.end && cut.from.contains(from) && cut.to.contains(to)
        })
    }

    /// Whether no link at all was cut at any instant of `since..=now`.
    #[must_use]
    pub fn was_whole(&self, since: Time, now: Time) -> bool {
        !self
            .cuts
            .iter()
            .any(|cut| cut.begin <= now && since < cut.end)
    }

    /// Sends a datagram: it may be lost, held up or duplicated.
    pub fn datagram(&mut self, now: Time, from: u32, to: u32) -> Arrivals {
        // All chances are drawn for every message, so that a change of one rate leaves the others.
        let rate = self.loss_of(from, to, now);
        let is_lost = self.senders[from as usize].loss.chance(rate);
        let travel = self.travel(now, from);
        let doubles = rate_at(self.link.duplicate, self.duplicate, now);
        let is_double = self.senders[from as usize].duplicate.chance(doubles);
        if is_lost || self.is_cut(from, to, now) {
            return Arrivals::default();
        }
        let second = is_double.then(|| now + self.travel(now, from));
        Arrivals {
            first: Some(now + travel),
            second,
        }
    }

    /// Sends a message on a stream: what is lost is sent again, until the sender gives up.
    pub fn stream(&mut self, now: Time, from: u32, to: u32) -> Arrivals {
        let mut sent = now;
        let mut wait = RETRANSMIT_AFTER;
        for _ in 0..TRANSMISSIONS {
            let rate = self.loss_of(from, to, sent);
            let is_lost = self.senders[from as usize].loss.chance(rate);
            if !is_lost && !self.is_cut(from, to, sent) {
                let first = Some(sent + self.travel(sent, from));
                return Arrivals {
                    first,
                    second: None,
                };
            }
            sent = sent + wait;
            wait *= 2;
        }
        Arrivals::default()
    }

    fn travel(&mut self, now: Time, from: u32) -> Duration {
        let (low, high) = (self.link.latency_min, self.link.latency_max);
        let held_up = rate_at(self.link.reorder, self.reorder, now);
        let chances = &mut self.senders[from as usize];
        let drawn = chances
            .latency
            .within(crate::clock::micros(low), crate::clock::micros(high));
        let mut travel = Duration::from_micros(drawn);
        if self.link.tail > 0.0 && chances.latency.chance(self.link.tail) {
            travel *= 10;
        }
        if chances.reorder.chance(held_up) {
            let most = crate::clock::micros(self.link.reorder_by);
            travel += Duration::from_micros(chances.reorder.below(most));
        }
        travel
    }

    fn loss_of(&self, from: u32, to: u32, now: Time) -> f64 {
        let mut arrives = 1.0 - self.link.loss;
        for lossy in &self.lossy {
            if now < lossy.end && (lossy.nodes.contains(from) || lossy.nodes.contains(to)) {
                arrives *= 1.0 - lossy.rate;
            }
        }
        1.0 - arrives
    }
}

fn rate_at(base: f64, (rate, end): (f64, Time), now: Time) -> f64 {
    if now < end { base.max(rate) } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn latency_stays_within_its_range_and_fills_it() {
        let mut network = Network::new(1, 2, Link::default());
        let travels: Vec<u64> = (0..10_000)
            .filter_map(|_| network.datagram(at(1), 0, 1).first)
            .map(|arrival| arrival.as_micros() - at(1).as_micros())
            .collect();
        assert_eq!(travels.len(), 10_000);
        assert!(travels.iter().all(|travel| (200..=1000).contains(travel)));
        assert!(travels.iter().any(|travel| *travel < 210));
        assert!(travels.iter().any(|travel| *travel > 990));
    }

    #[test]
    fn as_many_are_lost_and_doubled_as_the_rates_say() {
        let link = Link {
            loss: 0.1,
            duplicate: 0.05,
            ..Link::default()
        };
        let mut network = Network::new(1, 2, link);
        let sent: Vec<Arrivals> = (0..20_000).map(|_| network.datagram(at(1), 0, 1)).collect();
        let lost = sent.iter().filter(|one| one.first.is_none()).count();
        let doubled = sent.iter().filter(|one| one.second.is_some()).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!((800..1_000).contains(&doubled), "{doubled}");
    }

    #[test]
    fn held_up_datagrams_are_overtaken() {
        let mut network = Network::new(1, 2, Link::default());
        network.reorder(0.2, at(100));
        let arrivals: Vec<Time> = (0..1000_u64)
            .filter_map(|n| network.datagram(Time::from_micros(n * 2000), 0, 1).first)
            .collect();
        let overtaken = arrivals.windows(2).filter(|two| two[1] < two[0]).count();
        assert!((100..250).contains(&overtaken), "{overtaken}");
        let later = at(200);
        let plain = (0..1000).filter_map(|_| network.datagram(later, 0, 1).first);
        assert!(
            plain
                .into_iter()
                .all(|arrival| arrival <= later + Duration::from_millis(1))
        );
    }

    #[test]
    fn a_cut_holds_in_its_direction_and_its_time_only() {
        let mut network = Network::new(1, 4, Link::default());
        network.cut(NodeSet::range(0, 1), NodeSet::one(2), at(10), at(20));
        let passes = |network: &mut Network, from, to, now| {
            network.datagram(at(now), from, to).first.is_some()
        };
        assert!(passes(&mut network, 0, 2, 9));
        assert!(!passes(&mut network, 0, 2, 10));
        assert!(!passes(&mut network, 1, 2, 19));
        assert!(passes(&mut network, 2, 0, 15));
        assert!(passes(&mut network, 0, 3, 15));
        assert!(passes(&mut network, 0, 2, 20));
        assert!(network.was_cut(0, 2, at(19), at(40)));
        assert!(!network.was_cut(0, 2, at(20), at(40)));
    }

    #[test]
    fn a_stream_outlasts_loss_and_short_cuts_but_not_long_ones() {
        let link = Link {
            loss: 0.3,
            ..Link::default()
        };
        let mut network = Network::new(1, 2, link);
        network.cut(NodeSet::all(), NodeSet::all(), at(10), at(11));
        network.cut(NodeSet::all(), NodeSet::all(), at(20), at(40));
        let arrived = (0..1000).filter(|_| network.stream(at(1), 0, 1).first.is_some());
        assert!(arrived.count() > 990);
        let late = network.stream(at(10), 0, 1).first;
        assert!(late.is_some_and(|late| late >= at(11)));
        assert_eq!(network.stream(at(20), 0, 1), Arrivals::default());
    }

    #[test]
    fn loss_at_one_node_leaves_the_chances_of_the_others() {
        let run = |with_fault: bool| {
            let mut network = Network::new(9, 3, Link::default());
            if with_fault {
                network.lose(NodeSet::one(0), 0.5, at(0), at(100));
            }
            (0..100)
                .map(|_| {
                    network.datagram(at(1), 0, 1);
                    network.stream(at(1), 0, 2);
                    network.datagram(at(1), 1, 2)
                })
                .collect::<Vec<Arrivals>>()
        };
        assert_eq!(run(true), run(false));
    }
}
