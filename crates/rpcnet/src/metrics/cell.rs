//! [`MethodCell`]: what is counted of the calls of one method.

use std::time::Duration;

use rpcnet_proto::Code;

use super::histogram::{BUCKETS, Histogram, bucket_of};
use super::methods::MethodMetrics;
use super::slots::{Count, Slots};

/// The calls of one method on one side. Written by calls, each on its thread's own copy.
///
/// Apart from the count of its owners, which changes with each call of a server: threads that
/// look for their copies would wait for each other.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct MethodCell {
    name: Box<str>,
    slots: Slots<Counts>,
}

/// Two lines of the cache apart from others: processors fetch them in pairs. In this order: a
/// call that ends well writes to the first line, and to the one with its bucket.
#[derive(Debug)]
#[repr(C, align(128))]
struct Counts {
    started: Count,
    ok: Count,
    nanos: Count,
    request_bytes: Count,
    response_bytes: Count,
    /// By code; there is none with number 0.
    failed: [Count; Code::ALL.len()],
    buckets: [Count; BUCKETS],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            started: Count::zero(),
            ok: Count::zero(),
            nanos: Count::zero(),
            request_bytes: Count::zero(),
            response_bytes: Count::zero(),
            failed: [const { Count::zero() }; Code::ALL.len()],
            buckets: [const { Count::zero() }; BUCKETS],
        }
    }
}

/// How a call ended: well, or with this code.
pub(crate) type Outcome = Option<Code>;

impl Counts {
    fn of(&self, outcome: Outcome) -> &Count {
        match outcome {
            None => &self.ok,
            Some(code) => &self.failed[place(code)],
        }
    }
}

/// Where a code is counted.
const fn place(code: Code) -> usize {
    // Codes are numbered from one, without a gap.
    code as usize - 1
}

impl MethodCell {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            slots: Slots::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A call begins; these bytes of its request are there.
    pub(super) fn begin(&self, request_bytes: usize) {
        let (counts, mode) = self.slots.mine();
        counts.started.add(1, mode);
        counts.request_bytes.add(request_bytes as u64, mode);
    }

    /// A call that began has ended; these bytes, of its request and its response, were not
    /// counted yet.
    pub(super) fn end(&self, outcome: Outcome, took: Duration, bytes: (usize, usize)) {
        let (counts, mode) = self.slots.mine();
        counts.of(outcome).add(1, mode);
        counts.request_bytes.add(bytes.0 as u64, mode);
        counts.response_bytes.add(bytes.1 as u64, mode);
        let nanos = took.as_secs() * 1_000_000_000 + u64::from(took.subsec_nanos());
        counts.nanos.add(nanos, mode);
        counts.buckets[bucket_of(nanos / 1000)].add(1, mode);
    }

    /// A call was refused: it took no time.
    pub(crate) fn refuse(&self, code: Code) {
        let (counts, mode) = self.slots.mine();
        counts.started.add(1, mode);
        counts.of(Some(code)).add(1, mode);
    }

    pub(crate) fn count_request(&self, bytes: usize) {
        let (counts, mode) = self.slots.mine();
        counts.request_bytes.add(bytes as u64, mode);
    }

    pub(crate) fn count_response(&self, bytes: usize) {
        let (counts, mode) = self.slots.mine();
        counts.response_bytes.add(bytes as u64, mode);
    }

    /// What was counted so far; `None` where no call has come.
    pub(crate) fn read(&self) -> Option<MethodMetrics> {
        let sum = |of: &dyn Fn(&Counts) -> &Count| -> u64 {
            self.slots.all().map(|counts| of(counts).get()).sum()
        };
        // Ends first, so that none seems to have ended before it began.
        let counts = (0..BUCKETS).map(|bucket| sum(&|it| &it.buckets[bucket]));
        let duration = Histogram::new(counts.collect(), Duration::from_nanos(sum(&|it| &it.nanos)));
        let failed = Code::ALL.map(|code| (code, sum(&|it| &it.failed[place(code)])));
        let ok = sum(&|it| &it.ok);
        let (request_bytes, response_bytes) =
            (sum(&|it| &it.request_bytes), sum(&|it| &it.response_bytes));
        let started = sum(&|it| &it.started);
        (started > 0).then(|| {
            let counted = Counted {
                started,
                ok,
                failed: &failed,
                duration,
                request_bytes,
                response_bytes,
            };
            MethodMetrics::new(&self.name, counted)
        })
    }
}

/// What a cell adds up to.
pub(super) struct Counted<'a> {
    pub(super) started: u64,
    pub(super) ok: u64,
    pub(super) failed: &'a [(Code, u64)],
    pub(super) duration: Histogram,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_count() {
        let cell = MethodCell::new("m");
        assert!(cell.read().is_none(), "nobody has called");
        cell.begin(3);
        cell.end(None, Duration::from_micros(5), (10, 20));
        for (times, code) in (1..).zip(Code::ALL) {
            for _ in 0..times {
                cell.begin(0);
                cell.end(Some(code), Duration::from_millis(1), (0, 0));
            }
        }
        cell.begin(0);
        cell.refuse(Code::Unavailable);
        cell.count_request(7);
        cell.count_response(8);
        let read = cell.read().expect("there were calls");
        assert_eq!(read.ok, 1);
        for (times, code) in (1..).zip(Code::ALL) {
            let more = u64::from(code == Code::Unavailable);
            assert_eq!(read.failed_with(code), times + more, "{code}");
        }
        assert_eq!((read.in_flight, read.started), (1, 1 + 136 + 2));
        assert_eq!(read.duration.count(), 137, "what was refused took no time");
        assert_eq!((read.request_bytes, read.response_bytes), (20, 28));
    }
}
