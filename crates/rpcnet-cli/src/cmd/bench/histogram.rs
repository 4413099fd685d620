//! Histograms of latencies, in nanoseconds.

use hdrhistogram::{Counter, Histogram};

/// The longest latency that is told apart: an hour, more than any deadline that makes sense.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;
/// Shorter than any call; what is shorter is still counted.
const LATENCY_MIN_NS: u64 = 100;

/// All latencies of a run: three significant digits, about 230 KiB.
pub(super) fn fine() -> Histogram<u64> {
    with_digits(3)
}

/// Those of an interval: two digits, about 14 KiB.
pub(super) fn coarse() -> Histogram<u32> {
    with_digits(2)
}

fn with_digits<C: Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, digits)
        .expect("the bounds are a range and the digits few")
}
