//! Themes: a few semantic roles, each with one style. Views name roles, never colours.
//!
//! `NO_COLOR` is resolved here, into a theme without colours that keeps bold and reversed; nothing further down the line
//! may decide about colour, because erasing a colour there would erase the highlight with it.

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Collector, Diagnostic, suggestion};
use crate::words;

words!(closed
    /// What a piece of the screen means.
    Role {
        /// Plain text.
        Text = "text",
        /// Labels and what matters less.
        Muted = "muted",
        /// Frames of panes without focus.
        Border = "border",
        /// Frame and title of the pane with focus.
        Focus = "focus",
        /// Names, titles, the active tab.
        Accent = "accent",
        /// The selected row of the pane with focus.
        Selection = "selection",
        /// The selected row of another pane.
        SelectionIdle = "selection-idle",
        /// As wanted.
        Ok = "ok",
        /// On its way.
        Busy = "busy",
        /// Worth a look.
        Warn = "warn",
        /// Failed, or a person is needed.
        Error = "error",
        /// No evidence.
        Unknown = "unknown",
        /// Not running because nobody wants it to.
        Idle = "idle",
        /// A key that can be pressed.
        Key = "key",
        /// A count that waits for a person.
        Badge = "badge",
        /// A field that can be typed into.
        Field = "field",
        /// The button that Enter presses.
        Button = "button",
    }
);

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bit.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 of old.
    Ansi,
}

impl Depth {
    /// What `COLORTERM` and `TERM` promise.
    #[must_use]
    pub fn of(colorterm: Option<&str>, term: Option<&str>) -> Self {
        match (colorterm, term) {
            (Some("truecolor" | "24bit"), _) => Self::True,
            (_, Some(t)) if t.contains("256color") || t.contains("direct") => Self::Indexed,
            (Some(c), _) if !c.is_empty() => Self::Indexed,
            _ => Self::Ansi,
        }
    }
}

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
        /// Its text.
        text: String,
    },
}

/// The parts of the environment that a theme depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColourEnv {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLORFGBG`.
    pub colorfgbg: Option<String>,
    /// `COLORTERM`.
    pub colorterm: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
}

/// One style for every role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

const DARK: &str = include_str!("../../../themes/dark.toml");
const LIGHT: &str = include_str!("../../../themes/light.toml");

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

    /// Reads a theme file. What cannot be read keeps the plain style and is reported.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let file = format!("themes/{name}.toml");
        let mut found = Collector::new(&file, text);
        let mut styles = vec![None; Role::ALL.len()];
        match DeTable::parse(text) {
            Err(e) => found.at(e.span().map_or(0, |s| s.start), e.message()),
            Ok(table) => {
                for (key, value) in table.get_ref() {
                    let word = key.get_ref().as_ref();
                    match word.parse::<Role>() {
                        Ok(role) => {
                            if let Some(slot) = styles.get_mut(role as usize) {
                                *slot = Some(style_of(value, &mut found));
                            }
                        }
                        Err(_) => found.at(
                            key.span().start,
                            format!(
                                "unknown role {word:?}{}",
                                suggestion(word, Role::ALL.iter().map(|r| r.as_str()))
                            ),
                        ),
                    }
                }
                for role in Role::ALL {
                    if styles.get(*role as usize).is_some_and(Option::is_none) {
                        found.absent(format!("role {:?} has no style", role.as_str()));
                    }
                }
            }
        }
        let styles = styles.into_iter().map(Option::unwrap_or_default).collect();
        (Self { name: name.to_owned(), styles }, found.finish())
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

fn style_of(value: &toml::Spanned<DeValue<'_>>, found: &mut Collector<'_>) -> Style {
    let mut style = Style::new();
    let Some(table) = value.get_ref().as_table() else {
        found.at(value.span().start, "a role is a table: { fg = \"#7aa2f7\", bold = true }");
        return style;
    };
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        let at = value.span().start;
        match word {
            "fg" | "bg" => match value.get_ref().as_str().and_then(colour) {
                Some(c) if word == "fg" => style.fg = Some(c),
                Some(c) => style.bg = Some(c),
                None => found.at(at, "a colour is \"#rrggbb\", \"default\" or a name such as \"lightblue\""),
            },
            _ => match (modifier(word), value.get_ref().as_bool()) {
                (Some(m), Some(true)) => style = style.add_modifier(m),
                (Some(_), Some(false)) => {}
                (Some(_), None) => found.at(at, format!("{word} is true or false")),
                (None, _) => found.at(
                    key.span().start,
                    format!(
                        "unknown key {word:?}{}",
                        suggestion(word, ["fg", "bg", "bold", "dim", "italic", "underlined", "reversed"])
                    ),
                ),
            },
        }
    }
    style
}

fn modifier(word: &str) -> Option<Modifier> {
    Some(match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        _ => return None,
    })
}

fn colour(word: &str) -> Option<Color> {
    match word {
        "default" => Some(Color::Reset),
        _ => word.parse().ok(),
    }
}

fn reduce(c: Color, depth: Depth) -> Color {
    let Color::Rgb(r, g, b) = c else { return c };
    match depth {
        Depth::True => c,
        Depth::Indexed => Color::Indexed(indexed(r, g, b)),
        Depth::Ansi => ansi(r, g, b),
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    d(a.0, b.0) * 2 + d(a.1, b.1) * 4 + d(a.2, b.2) * 3
}

/// The nearest colour of xterm's cube or grey ramp.
fn indexed(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6u8).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(v)).unwrap_or(0);
    let (ri, gi, bi) = (nearest(r), nearest(g), nearest(b));
    let cube = (STEPS[usize::from(ri)], STEPS[usize::from(gi)], STEPS[usize::from(bi)]);
    let mean = u8::try_from((u16::from(r) + u16::from(g) + u16::from(b)) / 3).unwrap_or(u8::MAX);
    let grey_index = (mean.saturating_sub(3) / 10).min(23);
    let grey = 8 + grey_index * 10;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), cube) {
        232 + grey_index
    } else {
        16 + 36 * ri + 6 * gi + bi
    }
}

/// The nearest of the sixteen; dark colours become the terminal's own background.
fn ansi(r: u8, g: u8, b: u8) -> Color {
    const TABLE: [(Color, (u8, u8, u8)); 16] = [
        (Color::Black, (0, 0, 0)),
        (Color::Red, (170, 0, 0)),
        (Color::Green, (0, 170, 0)),
        (Color::Yellow, (170, 85, 0)),
        (Color::Blue, (0, 0, 170)),
        (Color::Magenta, (170, 0, 170)),
        (Color::Cyan, (0, 170, 170)),
        (Color::Gray, (170, 170, 170)),
        (Color::DarkGray, (85, 85, 85)),
        (Color::LightRed, (255, 85, 85)),
        (Color::LightGreen, (85, 255, 85)),
        (Color::LightYellow, (255, 255, 85)),
        (Color::LightBlue, (85, 85, 255)),
        (Color::LightMagenta, (255, 85, 255)),
        (Color::LightCyan, (85, 255, 255)),
        (Color::White, (255, 255, 255)),
    ];
    TABLE.into_iter().min_by_key(|(_, rgb)| distance((r, g, b), *rgb)).map_or(Color::Reset, |(c, _)| c)
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

    #[test]
    fn mistakes_have_a_line_and_a_suggestion() {
        let (_, found) = Theme::parse("mine", "ok = { fg = \"#00ff00\" }\nerorr = { fg = \"red\" }\n");
        assert_eq!(
            found[0].to_string(),
            "themes/mine.toml:2: unknown role \"erorr\"; did you mean \"error\"?"
        );
        assert!(found.iter().any(|d| d.message.contains("\"border\" has no style")));
        let (_, found) = Theme::parse("mine", "ok = { fg = \"greenish\", blink = true }");
        assert!(found.iter().any(|d| d.line == 1 && d.message.starts_with("a colour is")));
        assert!(found.iter().any(|d| d.message.starts_with("unknown key \"blink\"")));
    }

    #[test]
    fn colours_come_down_to_what_the_terminal_has() {
        assert_eq!(reduce(Color::Rgb(255, 0, 0), Depth::Indexed), Color::Indexed(196));
        assert_eq!(reduce(Color::Rgb(90, 90, 92), Depth::Indexed), Color::Indexed(240));
        assert_eq!(reduce(Color::Rgb(250, 80, 90), Depth::Ansi), Color::LightRed);
        assert_eq!(Depth::of(Some("truecolor"), Some("xterm-256color")), Depth::True);
        assert_eq!(Depth::of(None, Some("tmux-256color")), Depth::Indexed);
        assert_eq!(Depth::of(None, Some("linux")), Depth::Ansi);
    }
}
