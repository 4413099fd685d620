//! [`Strategy`]: how one of several workers is chosen.

/// How a [`Picker`](super::Picker) chooses.
///
/// | strategy | the call goes to |
/// |---|---|
/// | `RoundRobin` | the next in turn |
/// | `Random` | any |
/// | `LeastConnections` | the one with the fewest calls under way, of up to 32 looked at |
/// | `PowerOfTwoChoices` | of two at random, the one with fewer calls under way |
/// | `PeakEwma` | of two at random, the one whose calls are expected to end sooner |
/// | `Weighted` | of two at random by weight, the one less busy for its weight |
/// | `LeastLoaded` | of two at random, the one that reported less load |
/// | `Rendezvous` | the one that the key belongs to |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Each in turn. The turns are counted once for all threads, so that the counts of any
    /// two workers differ by one at most; a worker that is not accepted loses its turn, and
    /// its neighbour gets no second one.
    RoundRobin,
    /// One at random, all being equally likely.
    Random,
    /// The one with the fewest calls under way: exactly so among up to 32, among more the
    /// least of 32 that are looked at in a random order. Of several equals the first in
    /// that order.
    LeastConnections,
    /// Of two at random, the one with fewer calls under way.
    PowerOfTwoChoices,
    /// Of two at random, the one with the lower cost: its latency times the calls that
    /// would be under way with this one. The only strategy that notices by itself that a
    /// worker has become slow.
    #[default]
    PeakEwma,
    /// Shares of calls in proportion to the weights. Two are drawn by weight, and the one
    /// with fewer calls under way for its weight is taken; where both are idle that is the
    /// first, so that the shares are exact where nothing has to wait.
    Weighted,
    /// Of two at random, the one that reported a lower utilization. A difference below
    /// 0.05 is none; then, and where either is unknown, the one with fewer calls under way.
    LeastLoaded,
    /// The worker that the call's key belongs to, on every node the same one. A worker that
    /// comes or goes moves its own share of the keys and no others. One with more than
    /// 1.25 times the mean of calls under way, plus one, is passed over for the key's next
    /// choice. A call without a key goes to any.
    Rendezvous,
}
