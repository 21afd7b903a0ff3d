//! Tables for people: aligned by terminal cells, state told by words, colour only on top.

use unicode_width::UnicodeWidthStr as _;

use crate::domain::text::SafeText;

/// What a cell's text amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As wanted.
    Good,
    /// Worth a look.
    Warn,
    /// A person is needed.
    Bad,
    /// On its way.
    Busy,
    /// Less important.
    Dim,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
            Self::Busy => "\x1b[36m",
            Self::Dim => "\x1b[2m",
        }
    }

    /// The text in this tone, plain when colours are off.
    #[must_use]
    pub fn paint(self, text: &str, colour: bool) -> String {
        if colour && self != Self::Plain && !text.trim().is_empty() {
            format!("{}{text}\x1b[0m", self.code())
        } else {
            text.to_owned()
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    text: SafeText,
    tone: Tone,
}

impl Cell {
    /// Untrusted text, made harmless.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self { text: SafeText::line(text.as_ref()), tone: Tone::Plain }
    }
    /// A value that may be unknown.
    #[must_use]
    pub fn some(value: Option<impl ToString>) -> Self {
        value.map_or_else(|| Self::new("-").tone(Tone::Dim), |v| Self::new(v.to_string()))
    }
    /// In a tone.
    #[must_use]
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
    /// The harmless text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading, in capitals.
    pub title: &'static str,
    /// Only with `-o wide`.
    pub wide: bool,
}

/// A column that is always there.
#[must_use]
pub const fn column(title: &'static str) -> Column {
    Column { title, wide: false }
}

/// A column for those with room.
#[must_use]
pub const fn wide(title: &'static str) -> Column {
    Column { title, wide: true }
}

/// Draws a table. `titles` may be left out, for rows that follow an earlier table.
#[must_use]
pub fn draw(columns: &[Column], rows: &[Vec<Cell>], all: bool, titles: bool, colour: bool) -> String {
    let shown: Vec<usize> =
        columns.iter().enumerate().filter(|(_, c)| all || !c.wide).map(|(i, _)| i).collect();
    let mut lines: Vec<Vec<Cell>> = Vec::with_capacity(rows.len() + 1);
    if titles {
        lines.push(columns.iter().map(|c| Cell::new(c.title).tone(Tone::Dim)).collect());
    }
    lines.extend(rows.iter().cloned());
    let width =
        |i: usize| lines.iter().filter_map(|l| l.get(i)).map(|c| c.text().width()).max().unwrap_or_default();
    let widths: Vec<usize> = shown.iter().map(|i| width(*i)).collect();
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (n, (i, width)) in shown.iter().zip(&widths).enumerate() {
            let Some(cell) = line.get(*i) else { continue };
            text.push_str(&cell.tone.paint(cell.text(), colour));
            if n + 1 < shown.len() {
                text.extend(std::iter::repeat_n(' ', width - cell.text().width() + 3));
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_cells_and_text_is_harmless() {
        let columns = [column("NAME"), column("STATE"), wide("MORE")];
        let rows = vec![
            vec![Cell::new("日本"), Cell::new("RUNNING").tone(Tone::Good), Cell::new("x")],
            vec![Cell::new("a\u{1b}[2J"), Cell::some(None::<String>), Cell::new("y")],
        ];
        let expected = "NAME    STATE\n日本    RUNNING\na␛[2J   -\n";
        assert_eq!(draw(&columns, &rows, false, true, false), expected);
        assert_eq!(draw(&columns, &rows[..1], true, false, true), "日本   \u{1b}[32mRUNNING\u{1b}[0m   x\n");
    }
}
