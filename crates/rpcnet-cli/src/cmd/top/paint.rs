//! [`Paint`]: how things look, with and without colour.

use ratatui::style::{Color, Modifier, Style};

use super::tables::Weight;

/// Colours, or none. Nothing is said by colour alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    has_colour: bool,
}

impl Paint {
    /// As the environment wants it: none where `NO_COLOR` is set to anything, or the terminal is
    /// `dumb`.
    pub(super) fn from_environment() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            has_colour: !is_set("NO_COLOR") && !is_dumb,
        }
    }

    pub(super) const fn with_colour() -> Self {
        Self { has_colour: true }
    }

    #[cfg(test)]
    pub(super) const fn without_colour() -> Self {
        Self { has_colour: false }
    }

    pub(super) const fn plain(self) -> Style {
        Style::new()
    }

    pub(super) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) const fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) const fn doubtful(self) -> Style {
        self.coloured(Color::Yellow)
    }

    pub(super) const fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) const fn of(self, weight: Weight) -> Style {
        match weight {
            Weight::Plain => self.plain(),
            Weight::Doubtful => self.doubtful(),
            Weight::Bad => self.bad(),
        }
    }

    const fn coloured(self, colour: Color) -> Style {
        if self.has_colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }
}
