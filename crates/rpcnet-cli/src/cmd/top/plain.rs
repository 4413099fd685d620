//! Lines in place of a screen.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::app::{Order, Tab};
use super::{tables, view};
use crate::cmd::access::ascii_json;
use crate::cmd::cluster::columns;
use crate::cmd::observe::{EventLine, Picture};

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Json,
}

/// Prints a table each interval, and what happened in between; so many times, or until Ctrl-C.
pub(super) async fn run(
    pictures: watch::Receiver<Arc<Picture>>,
    every: Duration,
    count: Option<u64>,
    form: Form,
) -> Result<(), Box<dyn Error>> {
    let printed = tokio::select! {
        printed = print(pictures, every, count, form) => printed,
        asked_to_end = tokio::signal::ctrl_c() => asked_to_end,
    };
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

async fn print(
    mut pictures: watch::Receiver<Arc<Picture>>,
    every: Duration,
    count: Option<u64>,
    form: Form,
) -> io::Result<()> {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<EventLine> = None;
    let mut printed = 0;
    loop {
        ticks.tick().await;
        let picture = Arc::clone(&pictures.borrow_and_update());
        let text = match form {
            Form::Table => lines(&picture, told.as_ref()),
            Form::Json => ascii_json(&serde_json::to_string(&*picture)?) + "\n",
        };
        told = picture.events.front().cloned().or(told);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        drop(out);
        printed += 1;
        if count.is_some_and(|count| printed >= count) {
            return Ok(());
        }
    }
}

/// What happened since `told`, oldest first, and then how things stand.
fn lines(picture: &Picture, told: Option<&EventLine>) -> String {
    let mut text = String::new();
    let new = picture
        .events
        .iter()
        .take_while(|event| Some(*event) != told);
    let new: Vec<&EventLine> = new.collect();
    for event in new.into_iter().rev() {
        text.push_str(&view::event_line(event));
        text.push('\n');
    }
    text.push_str(&format!("{}  {}\n", picture.at, tables::summary(picture)));
    text.push_str(&format!("{}\n", tables::totals(picture)));
    let table = tables::table(picture, Tab::Members, Order::Name);
    let heading = table.heading.iter().copied().map(String::from).collect();
    let rows = table.rows.into_iter().map(|row| row.cells);
    let rows: Vec<[String; 11]> = std::iter::once(heading)
        .chain(rows)
        .filter_map(|cells: Vec<String>| cells.try_into().ok())
        .collect();
    text.push_str(&columns(&rows));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::app;
    use super::*;

    #[test]
    fn an_event_is_told_once_and_the_members_each_time() {
        let picture = Picture::clone(&app().picture);
        let first = lines(&picture, None);
        assert!(first.contains("NodeFailed          worker-2\n"), "{first}");
        assert!(first.contains("worker-1  alive"), "{first}");
        let next = lines(&picture, picture.events.front());
        assert!(!next.contains("NodeFailed"), "{next}");
        assert!(next.contains("worker-1  alive"), "{next}");
    }
}
