//! Calls per second over calls in flight, as an SVG.

use std::fmt::Write as _;

use super::plan::{Peer, Round};
use super::table::Spread;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Room for the axes, and for the names at the right.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 45.0;
/// The ends of the vertical axis, as powers of ten.
const LEAST: f64 = 3.0;
const MOST: f64 = 6.0;

/// Told apart by those who see few colours, on light and on dark paper.
const fn colour(peer: Peer) -> &'static str {
    match peer {
        Peer::Rpcnet => "#d55e00",
        Peer::Single => "#e69f00",
        Peer::Raw => "#0072b2",
        Peer::Tarpc => "#009e73",
        Peer::Tonic => "#cc79a7",
        Peer::Old => "#56b4e9",
        Peer::Floor | Peer::Jumbo | Peer::Many | Peer::Sharded => "#888888",
    }
}

/// Draws the rounds of 64-byte calls; `None` where there are fewer than two.
pub(super) fn draw(rounds: &[Round]) -> Option<String> {
    let of_calls = |round: &&Round| round.work.shape == "unary" && round.work.bytes == 64;
    let rounds: Vec<&Round> = rounds.iter().filter(of_calls).collect();
    let (first, steps) = (rounds.first()?, rounds.len().checked_sub(1)?);
    if steps == 0 {
        return None;
    }
    let x = |step: usize| LEFT + (WIDTH - LEFT - RIGHT) * step as f64 / steps as f64;
    let y = |rate: f64| {
        let share = (rate.log10() - LEAST) / (MOST - LEAST);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share.clamp(0.0, 1.0)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#888888\" role=\"img\">\n\
         <title>64-byte calls per second, by calls in flight</title>\n\
         <text x=\"{LEFT}\" y=\"16\">calls/s</text>\n"
    );
    for rate in [1e3, 1e4, 1e5, 1e6] {
        let (y, right) = (y(rate), WIDTH - RIGHT);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#88888866\"/>\
             <text x=\"8\" y=\"{:.1}\">{rate}</text>",
            y + 4.0
        );
    }
    for (step, round) in rounds.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(step),
            HEIGHT - 22.0,
            round.work.in_flight
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{:.1}\">calls in flight</text>",
        HEIGHT - 6.0
    );
    for (peer, samples) in &first.samples {
        if samples.is_empty() {
            continue;
        }
        let rates = rounds.iter().map(|round| {
            let rates = round.of(*peer).iter().map(|sample| sample.rate);
            Spread::of(rates).median
        });
        let points: Vec<(f64, f64)> = rates
            .enumerate()
            .map(|(step, rate)| (x(step), y(rate)))
            .collect();
        let line: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let colour = colour(*peer);
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        if let Some((x, y)) = points.last() {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x + 8.0,
                y + 4.0,
                peer.name()
            );
        }
    }
    out.push_str("</svg>\n");
    Some(out)
}
