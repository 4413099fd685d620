//! [`Progress`]: how far a run is, for somebody who watches.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::plan::{Amount, Plan};
use super::recorder::Board;
use super::words;

/// A bar on standard error where that is a terminal; nothing otherwise. Dropping it clears it.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<Bar>,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    amount: Amount,
}

impl Progress {
    pub(super) fn on_terminal(plan: &Plan) -> Self {
        if !io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let length = match plan.amount {
            Amount::Time(duration) => millis(duration),
            Amount::Calls(calls) => calls,
        };
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        let amount = plan.amount;
        Self {
            bar: Some(Bar { bar, amount }),
        }
    }

    pub(super) fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    pub(super) fn show(&mut self, board: &Board) {
        let Some(Bar { bar, amount }) = &self.bar else {
            return;
        };
        let glance = board.glance();
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(board.begin());
        let ended = glance.succeeded + glance.failed;
        bar.set_position(match amount {
            Amount::Time(_) => millis(elapsed),
            Amount::Calls(_) => ended,
        });
        bar.set_message(if elapsed.is_zero() {
            "warming up".to_owned()
        } else {
            let rate = ended as f64 / elapsed.as_secs_f64();
            format!(
                "{} calls, {}/s, {} failed",
                words::count(ended),
                words::count(rate as u64),
                words::count(glance.failed)
            )
        });
    }

    /// Takes the bar away: what comes next is the result.
    pub(super) fn finish(self) {
        drop(self);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
