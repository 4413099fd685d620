//! Who races, and at what.

use clap::ValueEnum;

use super::table::Sample;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// This library.
    Rpcnet,
    /// This library, each call on a stream of its own.
    Single,
    /// s2n-quic without an RPC layer.
    Raw,
    /// tarpc over TLS.
    Tarpc,
    /// tonic over TLS.
    Tonic,
    /// rpcnet 0.1.0.
    Old,
    /// Frames over TLS, pipelined.
    Floor,
}

impl Peer {
    /// As the tables call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rpcnet => "rpcnet",
            Self::Single => "rpcnet, no batches",
            Self::Raw => "raw s2n-quic",
            Self::Tarpc => "tarpc-TLS",
            Self::Tonic => "tonic-TLS",
            Self::Old => "rpcnet 0.1.0",
            Self::Floor => "TLS floor",
        }
    }

    /// As its program calls it.
    pub(super) const fn argument(self) -> &'static str {
        match self {
            Self::Rpcnet => "rpcnet",
            Self::Single => "single",
            Self::Raw => "raw",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
            Self::Old => "old",
            Self::Floor => "floor",
        }
    }

    /// Whether it is built apart from us.
    pub(super) const fn is_foreign(self) -> bool {
        matches!(self, Self::Tarpc | Self::Tonic | Self::Old | Self::Floor)
    }

    /// Whether it can do this work at all.
    pub(super) fn does(self, work: &Work) -> bool {
        let has_streams = !matches!(self, Self::Tarpc | Self::Floor);
        // Its requests of this length never end.
        let has_long_calls = self != Self::Old || work.bytes < 1 << 20;
        has_long_calls && (has_streams || work.shape != "stream")
    }
}

/// Everybody, or this library and those named.
pub(super) fn peers(against: &[Peer]) -> Vec<Peer> {
    let all = Peer::value_variants().iter().copied();
    all.filter(|peer| against.is_empty() || *peer == Peer::Rpcnet || against.contains(peer))
        .collect()
}

/// One kind of load.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) name: String,
    pub(super) shape: &'static str,
    pub(super) in_flight: usize,
    pub(super) bytes: usize,
    pub(super) messages: usize,
    pub(super) millis: u64,
}

/// Repetitions of each work.
pub(super) const fn repetitions(quick: bool) -> usize {
    if quick { 3 } else { 7 }
}

/// Everything that is raced at, or what begins with one of these names.
pub(super) fn works(quick: bool, only: &[String]) -> Vec<Work> {
    let millis = if quick { 500 } else { 2000 };
    let unary = |bytes: usize, in_flight: usize| Work {
        name: format!("unary-{bytes}-x{in_flight}"),
        shape: "unary",
        in_flight,
        bytes,
        messages: 1,
        millis,
    };
    let stream = |bytes: usize, messages: usize| Work {
        name: format!("stream-{bytes}"),
        shape: "stream",
        in_flight: 1,
        bytes,
        messages,
        millis,
    };
    let connect = Work {
        name: "connect".to_owned(),
        shape: "connect",
        in_flight: 1,
        bytes: 64,
        messages: 1,
        millis,
    };
    let all = vec![
        unary(64, 1),
        unary(64, 16),
        unary(64, 64),
        unary(64, 256),
        unary(64, 1024),
        unary(1 << 10, 16),
        unary(64 << 10, 16),
        unary(1 << 20, 16),
        stream(64, 20_000),
        stream(64 << 10, 400),
        connect,
    ];
    let is_wanted =
        |work: &Work| only.is_empty() || only.iter().any(|it| work.name.starts_with(it));
    all.into_iter().filter(is_wanted).collect()
}

/// What came of one work.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) work: Work,
    pub(super) samples: Vec<(Peer, Vec<Sample>)>,
}

impl Round {
    pub(super) fn new(work: Work, samples: Vec<(Peer, Vec<Sample>)>) -> Self {
        Self { work, samples }
    }

    /// The samples of one peer, repetition by repetition.
    pub(super) fn of(&self, peer: Peer) -> &[Sample] {
        let found = self.samples.iter().find(|(who, _)| *who == peer);
        found.map_or(&[], |(_, samples)| samples)
    }

    /// How this library compares with a peer, in each repetition.
    pub(super) fn ratios(&self, peer: Peer, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let pairs = self.of(Peer::Rpcnet).iter().zip(self.of(peer));
        pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect()
    }
}
