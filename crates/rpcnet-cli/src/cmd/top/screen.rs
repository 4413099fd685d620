//! The terminal: taken over, drawn to, and given back however this ends.

use std::error::Error;
use std::io::{self, Stdout, Write, stdout};
use std::sync::Arc;
use std::sync::Once;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{Event, EventStream, KeyEventKind};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use futures::StreamExt;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::app::{App, Flow};
use super::paint::Paint;
use super::view;
use crate::cmd::observe::Picture;

/// Shows until a key or a signal ends it.
pub(super) async fn run(mut pictures: watch::Receiver<Arc<Picture>>) -> Result<(), Box<dyn Error>> {
    let (mut interrupt, mut hangup, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
        signal(SignalKind::terminate())?,
    );
    let paint = Paint::from_environment();
    let mut screen = Screen::take()?;
    let mut keys = EventStream::new();
    let mut app = App::default();
    app.show(Arc::clone(&pictures.borrow_and_update()));
    loop {
        screen.draw(&app, paint)?;
        tokio::select! {
            changed = pictures.changed() => {
                changed?;
                app.show(Arc::clone(&pictures.borrow_and_update()));
            }
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    if app.press(key) == Flow::Quit {
                        return Ok(());
                    }
                }
                // Another size, or something of no matter: it is drawn anew.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                // Nobody is at the keyboard any more.
                None => return Ok(()),
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
        }
    }
}

/// The terminal while it is ours. Dropping it gives it back, and so does a panic.
struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    fn take() -> io::Result<Self> {
        restore_on_panic();
        let guard = Restore;
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        std::mem::forget(guard);
        Ok(Self(terminal))
    }

    fn draw(&mut self, app: &App, paint: Paint) -> io::Result<()> {
        self.0.draw(|frame| view::draw(frame, app, paint)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back where it could not be taken over in full.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // There is nothing to be done where a terminal is gone.
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    let _ = stdout().flush();
}

/// The message of a panic is to be seen, on the screen that was there before.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}
