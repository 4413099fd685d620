//! The language of faults: what is done to a cluster, and when.
//!
//! A scenario is a list such as `5s crash 3; 10s split 0-7 for 30s; 60s restart 3`. A list reads
//! as it is written, so that the shortest list that still shows a defect can be run from a shell.
//!
//! ```
//! use rpcnet_sim::fault::{self, Fault};
//!
//! let faults = fault::read("5s crash 3; 250ms cut 0-3 to * for 10s")?;
//! assert!(matches!(faults[0].fault, Fault::Crash(_)));
//! assert_eq!(fault::write(&faults), "5s crash 3; 250ms cut 0-3 to * for 10s");
//! # Ok::<(), String>(())
//! ```

use std::fmt;
use std::time::Duration;

use crate::nodes::NodeSet;

/// A fault and when it happens, counted from the scenario's beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// Something that is done to nodes or to the network.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `crash NODES`: they stop without a word, as after a power cut.
    Crash(NodeSet),
    /// `restart NODES`: they start again (after a crash if they run) with their name and address
    /// and a newer epoch.
    Restart(NodeSet),
    /// `move NODES`: as restart, at a new address.
    Move(NodeSet),
    /// `leave NODES`: they say goodbye, and stop a little later.
    Leave(NodeSet),
    /// `tag NODES`: they change a tag.
    Tag(NodeSet),
    /// `pause NODES for TIME`: they neither run nor read, and then go on as if nothing had been.
    Pause(NodeSet, Duration),
    /// `slow NODES by TIME for TIME`: handling a message takes them that long.
    Slow(NodeSet, Duration, Duration),
    /// `drift NODES by PPM`: their clocks run fast by that many parts per million, or slow.
    Drift(NodeSet, i32),
    /// `split NODES for TIME`: nothing passes between them and the rest.
    Split(NodeSet, Duration),
    /// `cut NODES to NODES for TIME`: nothing passes from the first to the second.
    Cut(NodeSet, NodeSet, Duration),
    /// `loss NODES at RATE for TIME`: messages to and from them are lost with that probability.
    Loss(NodeSet, f64, Duration),
    /// `duplicate RATE for TIME`: messages arrive twice with that probability.
    Duplicate(f64, Duration),
    /// `reorder RATE for TIME`: messages are held up with that probability.
    Reorder(f64, Duration),
}

impl Fault {
    /// How long it lasts; zero if it is done at once.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Pause(_, lasts)
            | Self::Slow(_, _, lasts)
            | Self::Split(_, lasts)
            | Self::Cut(_, _, lasts)
            | Self::Loss(_, _, lasts)
            | Self::Duplicate(_, lasts)
            | Self::Reorder(_, lasts) => *lasts,
            _ => Duration::ZERO,
        }
    }
}

/// Reads a list of faults.
///
/// # Errors
///
/// Names the first part that is not understood.
pub fn read(text: &str) -> Result<Vec<Timed>, String> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| read_one(part).ok_or_else(|| format!("`{part}` is not a fault")))
        .collect()
}

/// Writes a list of faults, so that [`read`] gives it back.
#[must_use]
pub fn write(faults: &[Timed]) -> String {
    let parts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    parts.join("; ")
}

fn read_one(text: &str) -> Option<Timed> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let nodes = |text: &str| text.parse::<NodeSet>().ok();
    let (at, rest) = words.split_first()?;
    let fault = match *rest {
        ["crash", who] => Fault::Crash(nodes(who)?),
        ["restart", who] => Fault::Restart(nodes(who)?),
        ["move", who] => Fault::Move(nodes(who)?),
        ["leave", who] => Fault::Leave(nodes(who)?),
        ["tag", who] => Fault::Tag(nodes(who)?),
        ["pause", who, "for", time] => Fault::Pause(nodes(who)?, read_duration(time)?),
        ["slow", who, "by", service, "for", time] => {
            Fault::Slow(nodes(who)?, read_duration(service)?, read_duration(time)?)
        }
        ["drift", who, "by", ppm] => Fault::Drift(nodes(who)?, ppm.parse().ok()?),
        ["split", who, "for", time] => Fault::Split(nodes(who)?, read_duration(time)?),
        ["cut", who, "to", whom, "for", time] => {
            Fault::Cut(nodes(who)?, nodes(whom)?, read_duration(time)?)
        }
        ["loss", who, "at", rate, "for", time] => {
            Fault::Loss(nodes(who)?, read_rate(rate)?, read_duration(time)?)
        }
        ["duplicate", rate, "for", time] => {
            Fault::Duplicate(read_rate(rate)?, read_duration(time)?)
        }
        ["reorder", rate, "for", time] => Fault::Reorder(read_rate(rate)?, read_duration(time)?),
        _ => return None,
    };
    Some(Timed {
        at: read_duration(at)?,
        fault,
    })
}

fn read_rate(text: &str) -> Option<f64> {
    let rate: f64 = text.parse().ok()?;
    (0.0..=1.0).contains(&rate).then_some(rate)
}

/// Reads `500us`, `250ms`, `30s`, `5m` or `24h`.
#[must_use]
pub fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let count: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    count.checked_mul(unit).map(Duration::from_micros)
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Shown(self.at))?;
        match &self.fault {
            Fault::Crash(who) => write!(f, "crash {who}"),
            Fault::Restart(who) => write!(f, "restart {who}"),
            Fault::Move(who) => write!(f, "move {who}"),
            Fault::Leave(who) => write!(f, "leave {who}"),
            Fault::Tag(who) => write!(f, "tag {who}"),
            Fault::Pause(who, lasts) => write!(f, "pause {who} for {}", Shown(*lasts)),
            Fault::Slow(who, service, lasts) => {
                write!(f, "slow {who} by {} for {}", Shown(*service), Shown(*lasts))
            }
            Fault::Drift(who, ppm) => write!(f, "drift {who} by {ppm}"),
            Fault::Split(who, lasts) => write!(f, "split {who} for {}", Shown(*lasts)),
            Fault::Cut(who, whom, lasts) => write!(f, "cut {who} to {whom} for {}", Shown(*lasts)),
            Fault::Loss(who, rate, lasts) => {
                write!(f, "loss {who} at {rate} for {}", Shown(*lasts))
            }
            Fault::Duplicate(rate, lasts) => write!(f, "duplicate {rate} for {}", Shown(*lasts)),
            Fault::Reorder(rate, lasts) => write!(f, "reorder {rate} for {}", Shown(*lasts)),
        }
    }
}

/// A duration in the largest unit that is exact.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let units = [
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
        ];
        for (unit, name) in units {
            if micros >= unit && micros.is_multiple_of(unit) {
                return write!(f, "{}{name}", micros / unit);
            }
        }
        write!(f, "{micros}us")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_as_it_is_written() {
        let text = "0us drift 3 by -200; 1s crash 0-3,7; 2s restart 1; 2s move 2; 3s leave 4; \
                    1500ms tag *; 4s pause 5 for 800ms; 5s slow 6 by 2ms for 1m; \
                    6s split 0-7 for 24h; 7s cut 1 to 2,4 for 3s; 8s loss * at 0.1 for 2s; \
                    9s duplicate 0.05 for 1s; 10s reorder 0.25 for 5s";
        let faults = read(text).expect("all of these are faults");
        assert_eq!(write(&faults), text);
        assert_eq!(faults.len(), 13);
    }

    #[test]
    fn what_is_not_a_fault_is_named() {
        for text in [
            "crash 3",
            "1s crash",
            "1s pause 3 for ever",
            "1x crash 3",
            "1s loss 3 at 2 for 1s",
        ] {
            let error = read(text).expect_err("none of these is a fault");
            assert!(error.contains(text), "{error}");
        }
    }
}
