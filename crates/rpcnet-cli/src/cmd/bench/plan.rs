//! [`Plan`]: how a server is loaded, and for how long.

use std::time::Duration;

use crate::cmd::parse_duration;

/// Calls in flight where nothing else is said.
const IN_FLIGHT: u32 = 64;
/// Most calls in flight: each takes some kilobytes here and at the server.
const IN_FLIGHT_MAX: i64 = 16_384;
/// Most connections.
const CONNECTIONS_MAX: i64 = 1_024;
/// Most arrivals per second.
const RATE_MAX: f64 = 1e6;
/// Outstanding calls of an open loop where nothing else is said.
const OUTSTANDING: u32 = 4_096;
/// Most outstanding calls.
const OUTSTANDING_MAX: i64 = 65_536;

/// The options that shape the load.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadOptions {
    /// Closed loop: so many calls at once over all connections, each followed by the next
    /// [default: 64].
    #[arg(long, value_name = "N", conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..=IN_FLIGHT_MAX))]
    in_flight: Option<u32>,
    /// Open loop: so many calls a second, sent when they are due whether or not earlier ones were
    /// answered. Latency counts from when a call was due.
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Open loop: most calls that may be unanswered. Those that are due beyond it are sent late,
    /// with their latency counted all the same; those that could not be sent by the end count as
    /// failed.
    #[arg(long, value_name = "N", requires = "rate", default_value_t = OUTSTANDING,
          value_parser = clap::value_parser!(u32).range(1..=OUTSTANDING_MAX))]
    max_outstanding: u32,
    /// Connections, which the calls take in turn.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: u32,
    /// Give each connection a UDP socket and a task of its own, for machines with processors to
    /// spare.
    #[arg(long)]
    own_sockets: bool,
    /// Load for this long before anything is measured.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_warm_up)]
    warm_up: Duration,
    /// Measure for this long [default: 10s].
    #[arg(long, value_name = "DURATION", conflicts_with = "calls", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Measure so many calls instead.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// A call that has no answer by then has failed.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    deadline: Duration,
}

/// How long is measured where nothing else is said.
const DURATION: Duration = Duration::from_secs(10);

/// A load, in full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) load: Load,
    pub(super) amount: Amount,
    pub(super) connections: u32,
    pub(super) has_own_sockets: bool,
    pub(super) warm_up: Duration,
    pub(super) deadline: Duration,
}

/// When calls are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// When an earlier one has ended.
    Closed { in_flight: u32 },
    /// When they are due.
    Open { rate: f64, outstanding_max: u32 },
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Time(Duration),
    Calls(u64),
}

impl LoadOptions {
    pub(super) fn plan(&self) -> Plan {
        let load = match self.rate {
            Some(rate) => Load::Open {
                rate,
                outstanding_max: self.max_outstanding,
            },
            None => Load::Closed {
                in_flight: self.in_flight.unwrap_or(IN_FLIGHT),
            },
        };
        let amount = match self.calls {
            Some(calls) => Amount::Calls(calls),
            None => Amount::Time(self.duration.unwrap_or(DURATION)),
        };
        Plan {
            load,
            amount,
            connections: self.connections,
            has_own_sockets: self.own_sockets,
            warm_up: self.warm_up,
            deadline: self.deadline,
        }
    }
}

/// A duration, or `0` for none.
fn parse_warm_up(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => parse_duration(text),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| *rate >= 0.001 && *rate <= RATE_MAX)
        .ok_or_else(|| "expected calls per second, from 0.001 to 1000000".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_may_be_no_warm_up() {
        assert_eq!(parse_warm_up("0"), Ok(Duration::ZERO));
        assert_eq!(parse_warm_up("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_warm_up("2s"), Ok(Duration::from_secs(2)));
        assert!(parse_warm_up("2").is_err());
    }

    #[test]
    fn a_rate_is_a_number_within_bounds() {
        assert_eq!(parse_rate("0.5"), Ok(0.5));
        assert_eq!(parse_rate("1000000"), Ok(1e6));
        for text in ["0", "-1", "1000001", "nan", "inf", "x", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
