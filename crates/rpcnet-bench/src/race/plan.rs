//! Who races, and at what.

use clap::ValueEnum;

use super::Args;
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
    /// This library, on a path that carries jumbo packets.
    Jumbo,
    /// This library, for many connections.
    Many,
    /// This library, a server for each thread.
    Sharded,
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
            Self::Jumbo => "rpcnet, jumbo",
            Self::Many => "rpcnet, many connections",
            Self::Sharded => "rpcnet, sharded",
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
            Self::Jumbo => "jumbo",
            Self::Many => "many",
            Self::Sharded => "sharded",
        }
    }

    /// Whether it is built apart from us.
    pub(super) const fn is_foreign(self) -> bool {
        matches!(self, Self::Tarpc | Self::Tonic | Self::Old | Self::Floor)
    }

    /// Whether it can do this work at all.
    pub(super) fn does(self, work: &Work) -> bool {
        let has_streams = !matches!(self, Self::Tarpc | Self::Floor);
        let is_stream = matches!(work.shape, "stream" | "beside");
        match self {
            // Its requests of this length never end.
            Self::Old if work.bytes >= 1 << 20 => false,
            Self::Single => work.shape == "unary",
            Self::Jumbo => work.bytes >= 64 << 10,
            Self::Many => work.shape == "idle",
            Self::Sharded => work.shape == "unary" && work.bytes == 64 && work.in_flight >= 256,
            // Descriptors, one for each connection.
            _ if work.shape == "idle" && work.in_flight > IDLE => false,
            _ => has_streams || !is_stream,
        }
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

/// Connections that everybody can hold, and that few can.
const IDLE: usize = 800;
const MANY: usize = 10_000;

/// What is raced at over a network, without loss and with some: among it, small calls beside a
/// stream.
fn network_works(quick: bool) -> Vec<(f64, Work)> {
    let millis = if quick { 1500 } else { 5000 };
    let work = |name: &str, shape: &'static str, in_flight, bytes| Work {
        name: name.to_owned(),
        shape,
        in_flight,
        bytes,
        messages: 400,
        millis,
    };
    let all = [
        work("unary-64-x1", "unary", 1, 64),
        work("unary-64-x64", "unary", 64, 64),
        work("unary-65536-x16", "unary", 16, 64 << 10),
        work("stream-65536", "stream", 1, 64 << 10),
        work("beside-64-x4", "beside", 4, 64),
    ];
    let rounds = [("network", 0.0), ("lossy", 1.0)].into_iter();
    let rounds = rounds.flat_map(|(place, loss)| {
        all.clone().map(|work| {
            let name = format!("{place}-{}", work.name);
            (loss, Work { name, ..work })
        })
    });
    rounds.collect()
}

/// Repetitions of each work.
pub(super) const fn repetitions(quick: bool) -> usize {
    if quick { 3 } else { 7 }
}

/// Everything that is raced at, or what begins with the names that are asked for; and of 100
/// packets how many are lost meanwhile.
pub(super) fn works(args: &Args) -> Vec<(f64, Work)> {
    let all = match args.network {
        true => network_works(args.quick),
        false => loopback_works(args.quick),
    };
    let only = &args.only;
    let is_wanted =
        |work: &Work| only.is_empty() || only.iter().any(|it| work.name.starts_with(it));
    let all = all.into_iter();
    all.filter(|(_, work)| is_wanted(work)).collect()
}

fn loopback_works(quick: bool) -> Vec<(f64, Work)> {
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
    let idle = |connections: usize| Work {
        name: format!("idle-{connections}"),
        shape: "idle",
        in_flight: connections,
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
        idle(IDLE),
        idle(MANY),
    ];
    all.into_iter().map(|work| (0.0, work)).collect()
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
        self.ratios_of(Peer::Rpcnet, peer, of)
    }

    /// How one compares with another, in each repetition.
    pub(super) fn ratios_of(
        &self,
        one: Peer,
        other: Peer,
        of: impl Fn(&Sample) -> f64,
    ) -> Vec<f64> {
        let pairs = self.of(one).iter().zip(self.of(other));
        pairs.map(|(one, other)| of(one) / of(other)).collect()
    }
}
