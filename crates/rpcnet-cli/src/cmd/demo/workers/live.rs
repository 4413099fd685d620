//! [`Live`]: the workers and their calls, while it happens.
//!
//! On a terminal it is a block of lines that is drawn again in its place; elsewhere a line every
//! second. The block needs two sequences, *up* and *erase to the end*, and changes nothing about
//! the terminal: whenever the demo ends, there is nothing to restore.

use std::collections::VecDeque;
use std::env;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::interval;

use super::super::report::write;
use super::WORKERS;
use super::meter::Reading;
use super::tally::{Standing, Tally};
use crate::cmd::cluster::columns;

/// Shows tallies beside what a stage does.
pub(super) struct Live {
    form: Form,
    /// Lines of the block that are on the screen.
    drawn: usize,
    began: Instant,
    /// Of about the last second, oldest first.
    lately: VecDeque<(Instant, Tally)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Block,
    Lines,
}

/// Over this time calls per second are counted.
const RATE_OVER: Duration = Duration::from_secs(1);
/// The most that is kept to count them.
const LATELY_MAX: usize = 32;

impl Live {
    /// Shows on standard output, in the form that fits it.
    pub(super) fn stdout() -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let form = match io::stdout().is_terminal() && !is_dumb {
            true => Form::Block,
            false => Form::Lines,
        };
        Self {
            form,
            drawn: 0,
            began: Instant::now(),
            lately: VecDeque::new(),
        }
    }

    /// Shows what `meter` reads for as long as `run` takes.
    pub(super) async fn beside<T>(
        &mut self,
        meter: Option<watch::Receiver<Reading>>,
        mut run: impl Future<Output = T> + Unpin,
    ) -> io::Result<T> {
        let Some(meter) = meter else {
            return Ok(run.await);
        };
        let mut ticks = interval(match self.form {
            Form::Block => Duration::from_millis(200),
            Form::Lines => Duration::from_secs(1),
        });
        loop {
            tokio::select! {
                biased;
                ended = &mut run => {
                    self.erase()?;
                    return Ok(ended);
                }
                _ = ticks.tick() => {
                    if meter.has_changed().is_err() {
                        // The load is read no more.
                        self.erase()?;
                        continue;
                    }
                    let tally = meter.borrow().tally.clone();
                    self.show(Instant::now(), tally)?;
                }
            }
        }
    }

    fn show(&mut self, now: Instant, tally: Tally) -> io::Result<()> {
        while self.lately.len() == LATELY_MAX
            || self
                .lately
                .get(1)
                .is_some_and(|(at, _)| now - *at >= RATE_OVER)
        {
            self.lately.pop_front();
        }
        let before = self.lately.front();
        let rates = |of: &dyn Fn(&Tally) -> u64| match before {
            Some((at, before)) => {
                let calls = of(&tally).saturating_sub(of(before));
                calls as f64 / (now - *at).as_secs_f64().max(0.1)
            }
            None => 0.0,
        };
        let shown = match self.form {
            Form::Block => self.draw(&block(&tally, rates)),
            Form::Lines => write(&line(now - self.began, &tally, rates)),
        };
        self.lately.push_back((now, tally));
        shown
    }

    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (text, drawn) = redrawn(self.drawn, lines, window());
        self.drawn = drawn;
        write(&text)
    }

    fn erase(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.drawn) {
            0 => Ok(()),
            drawn => write(&home(drawn)),
        }
    }
}

/// What draws a block over one of so many lines, and how many lines it has itself: none where it
/// does not fit into the window, since what has scrolled out of that cannot be reached.
fn redrawn(drawn: usize, lines: &[String], (columns, rows): (usize, usize)) -> (String, usize) {
    if lines.len() >= rows {
        return (home(drawn), 0);
    }
    // A line that is as wide as the window may wrap.
    let width = columns.saturating_sub(1);
    let cut = |line: &String| line.chars().take(width).collect::<String>() + "\n";
    let text: String = lines.iter().map(cut).collect();
    (home(drawn) + &text, lines.len())
}

/// Back to the first of so many lines, with nothing below.
fn home(lines: usize) -> String {
    match lines {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}

/// Columns and rows of the window that standard output is.
#[cfg(unix)]
fn window() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    // Some terminals do not know, and say zero.
    let known = size.ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or(WINDOW, |size| (size.ws_col.into(), size.ws_row.into()))
}

#[cfg(not(unix))]
fn window() -> (usize, usize) {
    WINDOW
}

const WINDOW: (usize, usize) = (80, 24);

/// A table of the workers, and what the calls came to.
fn block(tally: &Tally, rate: impl Fn(&dyn Fn(&Tally) -> u64) -> f64) -> Vec<String> {
    let heading = ["worker", "state", "answered", "per second", "in flight"].map(String::from);
    let mut rows = vec![heading];
    rows.extend(WORKERS.map(|worker| {
        [
            worker.to_owned(),
            state(tally.standing(worker)).to_owned(),
            tally.answered(worker).to_string(),
            format!("{:.0}", rate(&|tally| tally.answered(worker))),
            tally
                .share(worker)
                .map_or(0, |share| share.in_flight)
                .to_string(),
        ]
    }));
    let mut lines: Vec<String> = columns(&rows)
        .lines()
        .map(|line| format!("   {line}"))
        .collect();
    let rate = rate(&Tally::calls);
    lines.push(format!(
        "   {} calls, {rate:.0} per second, {}",
        tally.calls(),
        elsewhere(tally)
    ));
    lines.push(format!("   {}", failed(tally)));
    lines
}

/// The same in one line.
fn line(after: Duration, tally: &Tally, rate: impl Fn(&dyn Fn(&Tally) -> u64) -> f64) -> String {
    let workers = WORKERS.map(|worker| match tally.standing(worker) {
        Standing::Serving => format!("{worker} {:.0}/s", rate(&|tally| tally.answered(worker))),
        other => format!("{worker} {}", state(other)),
    });
    let seconds = after.as_secs_f64();
    let (workers, calls) = (workers.join(", "), tally.calls());
    let (elsewhere, failed) = (elsewhere(tally), failed(tally));
    format!("   {seconds:>5.1} s  {workers}; {calls} calls, {elsewhere}; {failed}\n")
}

fn elsewhere(tally: &Tally) -> String {
    format!("{} failed over, {} hedged", tally.failovers, tally.hedges)
}

fn failed(tally: &Tally) -> String {
    let (idempotent, others) = (tally.idempotent.failed, tally.once.failed);
    format!("failed: {idempotent} idempotent, {others} others")
}

fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Serving => "serving",
        Standing::Draining => "draining",
        Standing::Ejected => "ejected",
        Standing::Silent => "silent",
        Standing::Absent => "gone",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::{Ended, Share};
    use super::*;

    fn tally() -> Tally {
        let share = |worker: &str, standing, answered| Share {
            worker: worker.into(),
            standing,
            answered,
            in_flight: 2,
        };
        Tally {
            shares: vec![
                share("worker-1", Standing::Serving, 40),
                share("worker-2", Standing::Draining, 30),
                share("worker-4", Standing::Silent, 9),
            ],
            idempotent: Ended {
                well: 75,
                failed: 1,
            },
            once: Ended { well: 4, failed: 2 },
            failovers: 3,
            hedges: 5,
            ..Tally::default()
        }
    }

    #[test]
    fn a_line_says_how_each_worker_stands_and_what_the_calls_came_to() {
        let line = line(Duration::from_millis(12_340), &tally(), |of| {
            of(&tally()) as f64 / 2.0
        });
        assert_eq!(
            line,
            "    12.3 s  worker-1 20/s, worker-2 draining, worker-3 gone, worker-4 silent; 82 calls, \
             3 failed over, 5 hedged; failed: 1 idempotent, 2 others\n"
        );
    }

    #[test]
    fn a_block_has_a_row_for_each_worker_and_what_the_calls_came_to() {
        let lines = block(&tally(), |of| of(&tally()) as f64 / 2.0);
        assert_eq!(
            lines.join("\n"),
            "   worker    state     answered  per second  in flight
   worker-1  serving   40        20          2
   worker-2  draining  30        15          2
   worker-3  gone      0         0           0
   worker-4  silent    9         4           2
   82 calls, 41 per second, 3 failed over, 5 hedged
   failed: 1 idempotent, 2 others"
        );
    }

    #[test]
    fn a_block_takes_the_place_of_the_one_before_and_stays_within_its_window() {
        let lines = ["one and a half".to_owned(), "two".to_owned()];
        let (text, drawn) = redrawn(0, &lines, (80, 24));
        assert_eq!((text.as_str(), drawn), ("one and a half\ntwo\n", 2));
        let (text, drawn) = redrawn(2, &lines, (8, 3));
        assert_eq!((text.as_str(), drawn), ("\x1b[2A\r\x1b[Jone and\ntwo\n", 2));
        // Not high enough: what was there goes, and nothing comes.
        let (text, drawn) = redrawn(2, &lines, (8, 2));
        assert_eq!((text.as_str(), drawn), ("\x1b[2A\r\x1b[J", 0));
        assert_eq!(redrawn(0, &lines, (8, 2)), (String::new(), 0));
    }
}
