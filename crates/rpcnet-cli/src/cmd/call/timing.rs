//! [`Timing`]: what took how long, as far as it can be seen from here.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The steps of a call.
#[derive(Debug, Default)]
pub(super) struct Timing {
    /// Until the server's settings were here.
    pub(super) connected: Duration,
    /// A call that is next to no work for the server.
    pub(super) described: Option<Duration>,
    /// When the call was begun.
    pub(super) began: Option<Instant>,
    first: Option<Duration>,
    last: Option<Duration>,
    responses: usize,
    bytes: usize,
}

impl Timing {
    pub(super) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    /// A response has arrived.
    pub(super) fn arrived(&mut self, bytes: usize) {
        let elapsed = self.elapsed();
        self.first.get_or_insert(elapsed);
        self.last = Some(elapsed);
        self.responses += 1;
        self.bytes += bytes;
    }

    fn elapsed(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// A line for each step.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |what: &str, took: Duration, note: &str| {
            let ms = took.as_secs_f64() * 1e3;
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{what:<16}{ms:>10.3} ms  {note}");
        };
        line("connected", self.connected, "QUIC, TLS and settings");
        if let Some(described) = self.described {
            let note = "asking what the method is: a round trip and next to no work";
            line("described", described, note);
        }
        if let Some(first) = self.first {
            let note = "request, server and the way back, since the call began";
            line("first response", first, note);
        }
        if let Some(last) = self.last.filter(|_| self.responses > 1) {
            let since = last.saturating_sub(self.first.unwrap_or_default());
            line("other responses", since, "since the first one");
        }
        let note = format!("{} responses, {} bytes", self.responses, self.bytes);
        line("whole call", self.elapsed(), &note);
        text
    }
}
