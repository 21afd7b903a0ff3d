//! Themes: a few semantic roles, each with one style. Views name roles, never colours.
//!
//! `NO_COLOR` is resolved here, into a theme without colours that keeps bold and reversed; nothing further down the line
//! may decide about colour, because erasing a colour there would erase the highlight with it.

mod depth;
mod file;

use ratatui::style::{Modifier, Style};

pub use self::depth::Depth;
use self::depth::reduce;
use super::diagnostic::{Diagnostic, suggestion};
pub use crate::domain::role::Role;

/// Which theme a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// By `NO_COLOR` and `COLORFGBG`, else dark.
    #[default]
    Auto,
    /// Built in: `dark`, `light` or `mono`.
    Named(String),
    /// A file's name and text.
    File {
        /// Its name, for diagnostics.
        name: String,
        /// What is in it.
        text: String,
    },
}

/// The parts of the environment that a theme depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColourEnv {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLORFGBG`: numbers of the text's and the background's colour.
    pub colorfgbg: Option<String>,
    /// `COLORTERM`: whether there are 24 bits of colour.
    pub colorterm: Option<String>,
    /// `TERM`: the kind of terminal.
    pub term: Option<String>,
}

/// One style for every role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// A built-in one's name, or the file's.
    pub name: String,
    styles: Vec<Style>,
}

const DARK: &str = include_str!("../../../../themes/dark.toml");
const LIGHT: &str = include_str!("../../../../themes/light.toml");

/// Names of the built-in themes.
pub const BUILT_IN: &[&str] = &["dark", "light", "mono"];

impl Theme {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Picks and reads the theme for a terminal.
    #[must_use]
    pub fn resolve(choice: &ThemeChoice, env: &ColourEnv) -> (Self, Vec<Diagnostic>) {
        if env.no_color {
            return (Self::mono(), vec![]);
        }
        let (theme, diagnostics) = match choice {
            ThemeChoice::Auto => Self::built_in(if is_light(env) { "light" } else { "dark" }),
            ThemeChoice::Named(name) => Self::built_in(name),
            ThemeChoice::File { name, text } => Self::parse(name, text),
        };
        (theme.at_depth(Depth::of(env.colorterm.as_deref(), env.term.as_deref())), diagnostics)
    }

    /// A built-in theme; an unknown name gives `dark` and a diagnostic.
    #[must_use]
    pub fn built_in(name: &str) -> (Self, Vec<Diagnostic>) {
        match name {
            "mono" => (Self::mono(), vec![]),
            "light" => Self::parse("light", LIGHT),
            "dark" => Self::parse("dark", DARK),
            other => {
                let (theme, mut found) = Self::parse("dark", DARK);
                found.push(Diagnostic {
                    file: "theme".to_owned(),
                    line: 0,
                    message: format!(
                        "no theme is called {other:?}{}",
                        suggestion(other, BUILT_IN.iter().copied())
                    ),
                });
                (theme, found)
            }
        }
    }

    /// Without colours: everything is told by glyphs, words, bold, dim, underlined and reversed.
    #[must_use]
    pub fn mono() -> Self {
        let style = |role: &Role| {
            let m = match role {
                Role::Muted | Role::Border | Role::Idle => Modifier::DIM,
                Role::Focus | Role::Accent | Role::Error | Role::Key | Role::Warn => Modifier::BOLD,
                Role::SelectionIdle => Modifier::UNDERLINED,
                Role::Field => Modifier::UNDERLINED,
                Role::Selection | Role::Badge | Role::Button => Modifier::REVERSED,
                Role::Text | Role::Ok | Role::Busy | Role::Unknown => Modifier::empty(),
            };
            Style::new().add_modifier(m)
        };
        Self { name: "mono".to_owned(), styles: Role::ALL.iter().map(style).collect() }
    }

    /// The same theme in the colours that a terminal has.
    #[must_use]
    pub fn at_depth(mut self, depth: Depth) -> Self {
        for style in &mut self.styles {
            style.fg = style.fg.map(|c| reduce(c, depth));
            style.bg = style.bg.map(|c| reduce(c, depth));
        }
        self
    }
}

/// `COLORFGBG` ends with the background's number; 7 and 15 are light.
fn is_light(env: &ColourEnv) -> bool {
    let bg = env.colorfgbg.as_deref().and_then(|v| v.rsplit(';').next()).and_then(|v| v.parse::<u8>().ok());
    matches!(bg, Some(7 | 15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_load_without_diagnostics() {
        for name in BUILT_IN {
            assert_eq!(Theme::built_in(name).1, vec![], "{name}");
        }
    }

    #[test]
    fn roles_are_told_apart_in_dark_and_light() {
        for name in ["dark", "light"] {
            let theme = Theme::built_in(name).0;
            for (i, a) in Role::ALL.iter().enumerate() {
                for b in &Role::ALL[i + 1..] {
                    assert_ne!(theme.style(*a), theme.style(*b), "{name}: {a} and {b}");
                }
            }
        }
    }

    #[test]
    fn mono_has_no_colour_and_keeps_the_highlight() {
        let mono = Theme::mono();
        for role in Role::ALL {
            let s = mono.style(*role);
            assert_eq!((s.fg, s.bg), (None, None), "{role}");
        }
        assert!(mono.style(Role::Selection).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn no_color_wins_over_every_choice() {
        let env = ColourEnv { no_color: true, ..Default::default() };
        assert_eq!(Theme::resolve(&ThemeChoice::Named("light".into()), &env).0.name, "mono");
        let light = ColourEnv { colorfgbg: Some("0;15".into()), ..Default::default() };
        assert_eq!(Theme::resolve(&ThemeChoice::Auto, &light).0.name, "light");
        assert_eq!(Theme::resolve(&ThemeChoice::Auto, &ColourEnv::default()).0.name, "dark");
    }
}
