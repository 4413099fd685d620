//! One picture of the screen, as a file.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use tokio::sync::watch;
use tokio::time::sleep;

use super::app::App;
use super::paint::Paint;
use super::view;
use crate::cmd::observe::Picture;

const COLUMNS: u16 = 132;
const LINES: u16 = 28;
/// What a character takes up, in pixels.
const CHAR_WIDTH: usize = 8;
const LINE_HEIGHT: usize = 17;

/// Draws what there is to see after so many intervals.
pub(super) async fn write(
    file: &Path,
    pictures: watch::Receiver<Arc<Picture>>,
    every: Duration,
    looks: u64,
) -> Result<(), Box<dyn Error>> {
    // Time that passes is what is waited for.
    for _ in 0..looks {
        sleep(every).await;
    }
    let mut app = App::default();
    app.show(Arc::clone(&pictures.borrow()));
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, LINES))?;
    terminal.draw(|frame| view::draw(frame, &app, Paint::with_colour()))?;
    let svg = svg(terminal.backend().buffer());
    std::fs::write(file, svg)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(())
}

/// The buffer as text elements, one for each run of characters that look alike.
fn svg(buffer: &Buffer) -> String {
    let (columns, lines) = (
        usize::from(buffer.area.width),
        usize::from(buffer.area.height),
    );
    let (width, height) = (columns * CHAR_WIDTH + 16, lines * LINE_HEIGHT + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"rpcnet top\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#16181d\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"13\" fill=\"#d8dce3\" xml:space=\"preserve\">\n"
    );
    for (line, cells) in buffer.content.chunks(columns).enumerate() {
        let mut at = 0;
        for run in cells.chunk_by(|a, b| look(a) == look(b)) {
            let text: String = run.iter().map(Cell::symbol).collect();
            if !text.trim().is_empty() {
                svg.push_str(&format!(
                    "<text x=\"{}\" y=\"{}\" textLength=\"{}\"{}>{}</text>\n",
                    at * CHAR_WIDTH + 8,
                    line * LINE_HEIGHT + 21,
                    run.len() * CHAR_WIDTH,
                    look(&run[0]),
                    escaped(&text)
                ));
            }
            at += run.len();
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn look(cell: &Cell) -> &'static str {
    let is_bold = cell.modifier.contains(Modifier::BOLD);
    match (cell.fg, is_bold) {
        (Color::Red, _) => " fill=\"#ff8a80\" font-weight=\"bold\"",
        (Color::Yellow, _) => " fill=\"#ffd166\"",
        (_, true) => " font-weight=\"bold\"",
        _ if cell.modifier.contains(Modifier::DIM) => " fill=\"#9aa3b2\"",
        _ => "",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_one_element_and_markup_is_escaped() {
        let mut buffer = Buffer::with_lines(["a <b> & c"]);
        buffer.set_style(ratatui::layout::Rect::new(0, 0, 1, 1), Color::Red);
        let svg = svg(&buffer);
        assert_eq!(svg.matches("<text").count(), 2, "{svg}");
        assert!(svg.contains(" &lt;b&gt; &amp; c</text>"), "{svg}");
    }
}
