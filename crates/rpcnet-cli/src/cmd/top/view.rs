//! The screen, drawn from what is shown. Knows no terminal either.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table};

use super::app::{App, Tab};
use super::paint::Paint;
use super::tables;
use crate::cmd::access::printable;
use crate::cmd::observe::EventLine;

/// Below so many lines events are left out.
const LINES_WITH_EVENTS: u16 = 16;
/// Lines of events, their heading included.
const EVENT_LINES: u16 = 8;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, paint: Paint) {
    let area = frame.area();
    let events = if area.height < LINES_WITH_EVENTS {
        0
    } else {
        EVENT_LINES
    };
    let [head, tabs, body, happened, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(events),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_head(frame, head, app, paint);
    draw_tabs(frame, tabs, app, paint);
    draw_table(frame, body, app, paint);
    if events > 0 {
        draw_events(frame, happened, app, paint);
    }
    let keys = "q quit  tab table  s sort  up/down scroll  ? help";
    frame.render_widget(Paragraph::new(keys).style(paint.quiet()), foot);
    if app.is_helping {
        draw_help(frame, area, paint);
    }
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint) {
    let picture = &app.picture;
    let style = if picture.problem.is_some() {
        paint.bad()
    } else {
        paint.strong()
    };
    let seen = format!(
        "{}   as {} at {} sees it, {}",
        tables::totals(picture),
        printable(&picture.node, 64),
        printable(&picture.address, 64),
        picture.at
    );
    let lines = vec![
        Line::styled(tables::summary(picture), style),
        Line::raw(seen),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint) {
    let mut line = Line::default();
    for (at, tab) in Tab::ALL.into_iter().enumerate() {
        // Seen without colour too.
        let (text, style) = if tab == app.tab {
            (format!("[{} {}]", at + 1, tab.title()), paint.strong())
        } else {
            (format!(" {} {} ", at + 1, tab.title()), paint.quiet())
        };
        line.push_span(ratatui::text::Span::styled(text, style));
        line.push_span(" ");
    }
    line.push_span(format!(" sorted by {}", app.order.title()));
    frame.render_widget(Paragraph::new(line), area);
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint) {
    let table = tables::table(&app.picture, app.tab, app.order);
    if table.rows.is_empty() {
        return frame.render_widget(Paragraph::new(table.empty), area);
    }
    let room = usize::from(area.height.saturating_sub(1));
    let first = app.scroll.min(table.rows.len().saturating_sub(room));
    let shown = &table.rows[first..table.rows.len().min(first + room)];
    let columns = fitting(&table, shown, area.width);
    let widths = columns.iter().map(|(_, width)| Constraint::Length(*width));
    let rows = shown.iter().map(|row| {
        let cells = columns
            .iter()
            .map(|(at, _)| Cell::from(row.cells[*at].as_str()));
        Row::new(cells).style(paint.of(row.weight))
    });
    let heading = columns.iter().map(|(at, _)| table.heading[*at]);
    let drawn = Table::new(rows, widths)
        .header(Row::new(heading).style(paint.strong()))
        .column_spacing(SPACING);
    frame.render_widget(drawn, area);
}

/// The columns that have room, and how wide they are: where there is too little, those go first
/// that matter least, and the last one that stays is cut off.
fn fitting(table: &tables::Table, shown: &[tables::Row], room: u16) -> Vec<(usize, u16)> {
    let width = |at: usize| {
        let cells = shown.iter().map(|row| row.cells[at].chars().count());
        let widest = cells.max().unwrap_or_default().max(table.heading[at].len());
        u16::try_from(widest).unwrap_or(u16::MAX)
    };
    let mut columns: Vec<(usize, u16)> =
        (0..table.heading.len()).map(|at| (at, width(at))).collect();
    let needed = |columns: &[(usize, u16)]| {
        let widths = columns.iter().map(|(_, width)| *width);
        let least = widths
            .rev()
            .enumerate()
            .map(|(from_last, width)| match from_last {
                0 => width.min(LAST_COLUMN_LEAST),
                _ => width.saturating_add(SPACING),
            });
        least.fold(0, u16::saturating_add)
    };
    for dropped in table.dropped {
        if needed(&columns) <= room {
            break;
        }
        columns.retain(|(at, _)| at != dropped);
    }
    columns
}

/// Columns between two columns of a table.
const SPACING: u16 = 2;
/// What the last column of a table needs at least.
const LAST_COLUMN_LEAST: u16 = 12;

fn draw_events(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint) {
    let block = Block::new().borders(Borders::TOP).title(" Events ");
    let room = usize::from(area.height.saturating_sub(1));
    let lines = app.picture.events.iter().take(room).map(|event| {
        let style = match event.kind.as_str() {
            "NodeFailed" | "PartitionSuspected" | "NameConflict" => paint.bad(),
            "NodeSuspected" | "NodeUnreachable" | "Silent" => paint.doubtful(),
            _ => paint.plain(),
        };
        Line::styled(event_line(event), style)
    });
    let lines: Vec<Line<'_>> = lines.collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// An event as one line.
pub(super) fn event_line(event: &EventLine) -> String {
    format!(
        "{}  {:<18}  {}  {}",
        event.at,
        printable(&event.kind, 32),
        printable(&event.member, 64),
        printable(&event.details, 200)
    )
    .trim_end()
    .to_owned()
}

fn draw_help(frame: &mut Frame<'_>, area: Rect, paint: Paint) {
    let width = area.width.min(66);
    let height = area.height.min(HELP.len() as u16 + 2);
    let popup = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let lines: Vec<Line<'_>> = HELP.iter().copied().map(Line::raw).collect();
    let block = Block::bordered().title(" Help ").style(paint.plain());
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}

const HELP: [&str; 15] = [
    "q, esc, ctrl-c   quit",
    "tab, 1 to 4      another table",
    "up, down, page   scroll",
    "s                sort by name, calls/s, p99 or phi",
    "?                this help",
    "",
    "*                the node whose view of the members this is",
    "CALLS/S, FAIL/S  calls that ended, and of them those that failed",
    "RUN              calls that run now",
    "P50, P99         time within which half, or 99 in 100, ended",
    "PHI              how unlikely the member's silence is: 10^-phi",
    "TREND            calls/s of the last intervals",
    "",
    "What a member does it tells itself; of one that does not tell,",
    "the figures are those of the node whose view it is.",
];

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cmd::observe::{MemberRow, MethodRow, Picture};

    pub(in super::super) fn app() -> App {
        let alive = MemberRow {
            name: "worker-1".into(),
            address: "10.0.0.1:4433".into(),
            state: "alive".into(),
            tags: "role=worker".into(),
            reachable: true,
            phi: Some(0.3),
            running: Some(4),
            history: vec![(10.0, None), (20.0, None)],
            ..MemberRow::default()
        };
        let failed = MemberRow {
            name: "worker-2".into(),
            state: "failed".into(),
            phi: None,
            running: None,
            history: Vec::new(),
            ..alive.clone()
        };
        let event = EventLine {
            at: "T".into(),
            kind: "NodeFailed".into(),
            member: "worker-2".into(),
            details: String::new(),
        };
        let mut app = App::default();
        app.show(Arc::new(Picture {
            node: "director".into(),
            members: vec![alive, failed],
            methods: vec![MethodRow {
                method: "Work/do".into(),
                calls_per_s: 12.0,
                ..MethodRow::default()
            }],
            events: [event].into(),
            ..Picture::default()
        }));
        app
    }

    fn drawn(app: &App, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
        let paint = Paint::without_colour();
        let drawn = terminal.draw(|frame| draw(frame, app, paint));
        drawn.expect("it is memory");
        terminal.backend().to_string()
    }

    #[test]
    fn members_and_what_happened_are_shown() {
        let text = drawn(&app(), 120, 24);
        for expected in [
            "1 alive, 1 failed",
            "as director at",
            "[1 Members]",
            "NAME      STATE",
            "worker-1  alive",
            "worker-2  failed",
            "\u{2585}\u{2588}",
            "NodeFailed          worker-2",
        ] {
            assert!(text.contains(expected), "{expected:?} in\n{text}");
        }
    }

    #[test]
    fn every_table_is_drawn_at_every_size() {
        let mut app = app();
        for tab in Tab::ALL {
            app.tab = tab;
            for (width, height) in [(1, 1), (20, 5), (40, 16), (200, 60)] {
                for is_helping in [false, true] {
                    app.is_helping = is_helping;
                    drawn(&app, width, height);
                }
            }
        }
        app.is_helping = false;
        app.tab = Tab::Methods;
        assert!(drawn(&app, 80, 24).contains("Work/do  12 "));
    }

    #[test]
    fn a_problem_takes_the_place_of_the_summary() {
        let mut app = app();
        let problem = Some("no node tells what it does any more".to_owned());
        app.picture = Arc::new(Picture {
            problem,
            ..Picture::clone(&app.picture)
        });
        let text = drawn(&app, 80, 24);
        assert!(text.contains("no node tells"), "{text}");
        assert!(
            text.contains("worker-1"),
            "what was seen last stays: {text}"
        );
    }
}
