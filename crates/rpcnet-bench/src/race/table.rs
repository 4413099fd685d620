//! What came of the race, for people.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::plan::{Peer, Round};
use crate::runner::Error;

/// What one load measured.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) datagrams: f64,
    pub(super) cpu: f64,
    pub(super) switches: f64,
    pub(super) stolen: f64,
    /// KiB of an idle connection, at the client and at the server; not a number for other work.
    pub(super) client_kib: f64,
    pub(super) server_kib: f64,
}

impl Sample {
    /// Reads `name=value` pairs.
    pub(super) fn parse(line: &str) -> Result<Self, Error> {
        let pairs = line.split_whitespace().filter_map(|it| it.split_once('='));
        let pairs: HashMap<&str, &str> = pairs.collect();
        let read = |name: &str| -> Result<f64, Error> {
            let value = pairs.get(name).ok_or_else(|| format!("no {name}"))?;
            Ok(value.parse()?)
        };
        Ok(Self {
            rate: read("rate")?,
            p50: read("p50")?,
            p99: read("p99")?,
            p999: read("p999")?,
            datagrams: read("datagrams")?,
            cpu: read("cpu")?,
            switches: read("switches")?,
            stolen: read("stolen")?,
            client_kib: read("client_kib").unwrap_or(f64::NAN),
            server_kib: read("server_kib").unwrap_or(f64::NAN),
        })
    }
}

/// Least, middle and most of some numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

/// All rounds.
#[derive(Debug, Default)]
pub(super) struct Table {
    rounds: Vec<Round>,
}

impl Table {
    /// Adds a round and returns it as text.
    pub(super) fn add(&mut self, round: Round) -> String {
        let text = lines(&round);
        self.rounds.push(round);
        text
    }

    pub(super) fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// Everything, as a page of the book includes it.
    pub(super) fn markdown(&self) -> String {
        let mut out = String::from(
            "| work | peer | calls/s | min to max | p50 us | p99 us | p99.9 us | datagrams | CPU us | switches | rpcnet is |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for round in &self.rounds {
            for row in rows(round) {
                let _ = writeln!(out, "| {} |", row.join(" | "));
            }
        }
        let idle: Vec<String> = self.rounds.iter().flat_map(idle_rows).collect();
        if !idle.is_empty() {
            out.push_str(
                "\n| idle connections | peer | KiB each, client | KiB each, server |\n\
                 |---|---|---|---|\n",
            );
        }
        out.extend(idle);
        out
    }
}

/// What connections without a call take, where that was measured.
fn idle_rows(round: &Round) -> Vec<String> {
    let of = |samples: &[Sample], field: fn(&Sample) -> f64| {
        Spread::of(samples.iter().map(field)).median
    };
    let rows = round.samples.iter().filter_map(|(peer, samples)| {
        let client = of(samples, |it| it.client_kib);
        let server = of(samples, |it| it.server_kib);
        let (count, peer) = (round.work.in_flight, peer.name());
        (!client.is_nan()).then(|| format!("| {count} | {peer} | {client:.1} | {server:.1} |\n"))
    });
    rows.collect()
}

fn lines(round: &Round) -> String {
    let widths = [16, 19, 9, 19, 7, 8, 8, 6, 8, 6, 0];
    let mut out = String::new();
    for row in rows(round) {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(out, "{cell:>width$}  ");
        }
        out.push('\n');
    }
    out.extend(idle_rows(round));
    out
}

fn rows(round: &Round) -> Vec<[String; 11]> {
    let taking_part = round
        .samples
        .iter()
        .filter(|(_, samples)| !samples.is_empty());
    taking_part
        .map(|(peer, samples)| {
            let of = |field: fn(&Sample) -> f64| Spread::of(samples.iter().map(field));
            let rate = of(|it| it.rate);
            let ratio = Spread::of(round.ratios(*peer, |it| it.rate));
            let ratio = match peer {
                Peer::Rpcnet => String::new(),
                _ => format!("{:.2} [{:.2} to {:.2}]", ratio.median, ratio.min, ratio.max),
            };
            let whole = |spread: Spread| format!("{:.0}", spread.median);
            let fine = |spread: Spread| format!("{:.2}", spread.median);
            [
                round.work.name.clone(),
                peer.name().to_owned(),
                whole(rate),
                format!("{:.0} to {:.0}", rate.min, rate.max),
                whole(of(|it| it.p50)),
                whole(of(|it| it.p99)),
                whole(of(|it| it.p999)),
                fine(of(|it| it.datagrams)),
                fine(of(|it| it.cpu)),
                fine(of(|it| it.switches)),
                ratio,
            ]
        })
        .collect()
}
