//! Reading a theme file: every slip is reported with its line, and what cannot be read keeps the plain style.

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::{Role, Theme};
use crate::faces::tui::diagnostic::{Collector, Diagnostic, suggestion};

impl Theme {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
