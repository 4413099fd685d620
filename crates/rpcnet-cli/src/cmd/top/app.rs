//! [`App`]: what is shown, and what keys do to it. Knows no terminal.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::cmd::observe::Picture;

/// Which table is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Members,
    Methods,
    Calls,
    Errors,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Members, Self::Methods, Self::Calls, Self::Errors];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Members => "Members",
            Self::Methods => "Methods",
            Self::Calls => "Calls",
            Self::Errors => "Errors",
        }
    }

    fn moved(self, by: usize) -> Self {
        let at = Self::ALL
            .iter()
            .position(|tab| *tab == self)
            .unwrap_or_default();
        Self::ALL[(at + by) % Self::ALL.len()]
    }
}

/// What rows are sorted by, where a table has it; else it keeps its own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    Rate,
    Slowest,
    Phi,
}

impl Order {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Rate => "calls/s",
            Self::Slowest => "p99",
            Self::Phi => "phi",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Name => Self::Rate,
            Self::Rate => Self::Slowest,
            Self::Slowest => Self::Phi,
            Self::Phi => Self::Name,
        }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    Quit,
}

/// What is shown and how.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) picture: Arc<Picture>,
    pub(super) tab: Tab,
    pub(super) order: Order,
    /// The first row that is shown; the view does not go beyond the last.
    pub(super) scroll: usize,
    pub(super) is_helping: bool,
}

/// Rows that a page key goes.
const PAGE: usize = 10;

impl App {
    /// There is something new to see.
    pub(super) fn show(&mut self, picture: Arc<Picture>) {
        self.picture = picture;
        self.scroll = self.scroll.min(self.rows().saturating_sub(1));
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: KeyEvent) -> Flow {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if is_control => return Flow::Quit,
            KeyCode::Char('q') => return Flow::Quit,
            KeyCode::Esc if !self.is_helping => return Flow::Quit,
            KeyCode::Esc => self.is_helping = false,
            KeyCode::Char('?' | 'h') => self.is_helping = !self.is_helping,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Tab | KeyCode::Right => self.turn(self.tab.moved(1)),
            KeyCode::BackTab | KeyCode::Left => self.turn(self.tab.moved(Tab::ALL.len() - 1)),
            KeyCode::Char(digit @ '1'..='4') => {
                let at = digit as usize - '1' as usize;
                self.turn(Tab::ALL[at]);
            }
            KeyCode::Down | KeyCode::Char('j') => self.scroll_to(self.scroll + 1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll_to(self.scroll.saturating_sub(1)),
            KeyCode::PageDown => self.scroll_to(self.scroll + PAGE),
            KeyCode::PageUp => self.scroll_to(self.scroll.saturating_sub(PAGE)),
            KeyCode::Home => self.scroll_to(0),
            KeyCode::End => self.scroll_to(usize::MAX),
            _ => {}
        }
        Flow::Continue
    }

    fn turn(&mut self, tab: Tab) {
        self.tab = tab;
        self.scroll = 0;
    }

    fn scroll_to(&mut self, row: usize) {
        self.scroll = row.min(self.rows().saturating_sub(1));
    }

    fn rows(&self) -> usize {
        match self.tab {
            Tab::Members => self.picture.members.len(),
            Tab::Methods => self.picture.methods.len(),
            Tab::Calls => self.picture.calls.len(),
            Tab::Errors => self.picture.errors.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cmd::observe::MemberRow;

    use super::*;

    fn press(app: &mut App, code: KeyCode) -> Flow {
        app.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn with_members(count: usize) -> Arc<Picture> {
        Arc::new(Picture {
            members: vec![MemberRow::default(); count],
            ..Picture::default()
        })
    }

    #[test]
    fn tabs_go_round_both_ways() {
        let mut app = App::default();
        press(&mut app, KeyCode::BackTab);
        assert_eq!(app.tab, Tab::Errors);
        press(&mut app, KeyCode::Tab);
        assert_eq!(app.tab, Tab::Members);
        press(&mut app, KeyCode::Char('3'));
        assert_eq!(app.tab, Tab::Calls);
    }

    #[test]
    fn scrolling_stays_within_the_rows_as_they_come_and_go() {
        let mut app = App::default();
        press(&mut app, KeyCode::Down);
        assert_eq!(app.scroll, 0);
        app.show(with_members(30));
        press(&mut app, KeyCode::End);
        assert_eq!(app.scroll, 29);
        press(&mut app, KeyCode::PageUp);
        assert_eq!(app.scroll, 19);
        app.show(with_members(5));
        assert_eq!(app.scroll, 4);
    }

    #[test]
    fn escape_closes_the_help_before_it_quits() {
        let mut app = App::default();
        press(&mut app, KeyCode::Char('?'));
        assert!(app.is_helping);
        assert_eq!(press(&mut app, KeyCode::Esc), Flow::Continue);
        assert!(!app.is_helping);
        assert_eq!(press(&mut app, KeyCode::Esc), Flow::Quit);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(app.press(interrupt), Flow::Quit);
        assert_eq!(press(&mut app, KeyCode::Char('c')), Flow::Continue);
    }

    #[test]
    fn the_order_comes_round() {
        let mut app = App::default();
        let orders: Vec<Order> = (0..4)
            .map(|_| {
                press(&mut app, KeyCode::Char('s'));
                app.order
            })
            .collect();
        assert_eq!(
            orders,
            [Order::Rate, Order::Slowest, Order::Phi, Order::Name]
        );
    }
}
