//! Drawing: pieces of harmless text with a role, put into a [`Buffer`].
//!
//! A [`Piece`] can only be made through [`SafeText`], so nothing that Flink or a person wrote reaches the buffer as it
//! came. Views build [`Text`]s and give them to the [`Canvas`]; nobody else touches cells.

use std::ops::AddAssign;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Style},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme};
use crate::domain::text::SafeText;

/// Harmless text with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    text: SafeText,
    role: Role,
}

/// One line of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Piece>);

/// A line of one piece.
#[must_use]
pub fn text(raw: impl AsRef<str>, role: Role) -> Text {
    Text(vec![Piece { text: SafeText::line(raw.as_ref()), role }])
}

/// A line of one plain piece.
#[must_use]
pub fn plain(raw: impl AsRef<str>) -> Text {
    text(raw, Role::Text)
}

/// A line of one muted piece.
#[must_use]
pub fn muted(raw: impl AsRef<str>) -> Text {
    text(raw, Role::Muted)
}

impl Text {
    /// An empty line.
    #[must_use]
    pub const fn empty() -> Self {
        Self(vec![])
    }
    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, raw: impl AsRef<str>, role: Role) -> Self {
        self.0.push(Piece { text: SafeText::line(raw.as_ref()), role });
        self
    }
    /// Adds another line's pieces.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
    /// Fills up with blanks to `cells`, or cuts.
    #[must_use]
    pub fn pad(self, cells: usize) -> Self {
        let mut t = self.fit(cells);
        let missing = cells.saturating_sub(t.width());
        if missing > 0 {
            t.0.push(Piece { text: SafeText::line(&" ".repeat(missing)), role: Role::Text });
        }
        t
    }
    /// Width in cells.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.iter().map(|p| p.text.width()).sum()
    }
    /// Nothing to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|p| p.text.as_str().is_empty())
    }
    /// The same pieces with one role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        for p in &mut self.0 {
            p.role = role;
        }
        self
    }
    /// Cut to `cells`, with `…` when something is missing.
    #[must_use]
    pub fn fit(self, cells: usize) -> Self {
        if self.width() <= cells {
            return self;
        }
        let mut left = cells;
        let mut out = Vec::with_capacity(self.0.len());
        for p in self.0 {
            let w = p.text.width();
            // A piece that ends exactly at the edge must still give its last cell to the mark.
            if w < left {
                left -= w;
                out.push(p);
                continue;
            }
            out.push(Piece { text: SafeText::line(&cut(p.text.as_str(), left)), role: p.role });
            break;
        }
        Self(out)
    }
    /// Breaks into lines of at most `cells`, at blanks where there are some; continuation lines begin with `indent` blanks.
    #[must_use]
    pub fn wrap(&self, cells: usize, indent: usize) -> Vec<Self> {
        let cells = cells.max(8);
        let indent = indent.min(cells / 2);
        let (mut lines, mut line, mut used) = (Vec::new(), Self::empty(), 0usize);
        for p in &self.0 {
            for word in words(p.text.as_str()) {
                let mut word = word;
                while used + word.width() > cells {
                    if word.trim().is_empty() {
                        word = "";
                        break;
                    }
                    // A word longer than a line is cut; any other goes to the next line.
                    let head = if used <= indent || word.width() > cells - indent {
                        at_folder(head_of(word, cells - used), word)
                    } else {
                        ""
                    };
                    if !head.is_empty() {
                        line = line.with(head, p.role);
                    }
                    word = &word[head.len()..];
                    lines.push(std::mem::replace(&mut line, plain(" ".repeat(indent))));
                    used = indent;
                }
                if used == indent && !lines.is_empty() && word.trim().is_empty() {
                    continue;
                }
                line = line.with(word, p.role);
                used += word.width();
            }
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
    /// The text alone.
    #[cfg(test)]
    pub fn as_plain(&self) -> String {
        self.0.iter().map(|p| p.text.as_str()).collect()
    }
}

/// Runs of blanks and runs of everything else, in turn.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let blank = rest.chars().next()?.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
}

/// The start of `text` with a mark behind it, together at most `cells` wide.
fn cut(text: &str, cells: usize) -> String {
    let (mut out, mut used) = (String::new(), 1);
    for g in text.graphemes(true) {
        used += g.width();
        if used > cells {
            break;
        }
        out.push_str(g);
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// The longest start of `word` that fits, at least one grapheme.
fn head_of(word: &str, cells: usize) -> &str {
    let mut used = 0;
    for (i, g) in word.grapheme_indices(true) {
        used += g.width();
        if used > cells && i > 0 {
            return &word[..i];
        }
    }
    word
}

/// A cut path ends with a whole folder, unless that is far from the end of the line.
fn at_folder<'w>(head: &'w str, word: &str) -> &'w str {
    let end = head.rfind('/').map_or(0, |i| i + 1);
    if head.len() < word.len() && end * 2 > head.len() { &head[..end] } else { head }
}

/// Parts behind each other; one that finds no room begins another line.
#[must_use]
pub fn flow(parts: impl IntoIterator<Item = Text>, between: &str, cells: usize) -> Vec<Text> {
    let mut lines: Vec<Text> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + between.width() + part.width() <= cells => {
                *line += muted(between);
                *line += part;
            }
            _ => lines.push(part),
        }
    }
    lines
}

impl AddAssign for Text {
    fn add_assign(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// A buffer and the theme it is drawn with.
#[derive(Debug)]
pub struct Canvas<'a> {
    buf: &'a mut Buffer,
    theme: &'a Theme,
}

impl<'a> Canvas<'a> {
    /// Draws into `buf`.
    pub const fn new(buf: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buf, theme }
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Draws a line into the row at the top of `area`, cut to its width.
    pub fn line(&mut self, area: Rect, line: &Text) {
        if area.height == 0 || area.width == 0 || !self.buf.area.contains(Position::new(area.x, area.y)) {
            return;
        }
        let fitted;
        let line = if line.width() > usize::from(area.width) {
            fitted = line.clone().fit(usize::from(area.width));
            &fitted
        } else {
            line
        };
        let (mut x, end) = (area.x, area.right());
        for p in &line.0 {
            let left = usize::from(end.saturating_sub(x));
            // What lay there before (a frame's line) must not shine through.
            let style = Style::reset().patch(self.theme.style(p.role));
            (x, _) = self.buf.set_stringn(x, area.y, p.text.as_str(), left, style);
        }
    }

    /// Draws lines from the top of `area` until it is full.
    pub fn lines<'l>(&mut self, area: Rect, lines: impl IntoIterator<Item = &'l Text>) {
        for (row, line) in area.rows().zip(lines) {
            self.line(row, line);
        }
    }

    /// Draws a line at the right end of the row.
    pub fn right(&mut self, area: Rect, line: &Text) {
        let w = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.line(Rect { x: area.right() - w, width: w, ..area }, line);
    }

    /// Draws a line in the middle of the row.
    pub fn centred(&mut self, area: Rect, line: &Text) {
        let w = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.line(Rect { x: area.x + (area.width - w) / 2, width: w, ..area }, line);
    }

    /// Lays a role over what is drawn: its background and modifiers, and its foreground if it has one. What has a
    /// background of its own, as a badge, keeps it: its text could not be read on another.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        for pos in area.intersection(self.buf.area).positions() {
            if let Some(cell) = self.buf.cell_mut(pos).filter(|c| c.bg == Color::Reset) {
                cell.set_style(style);
            }
        }
    }

    /// One of our own symbols in one cell.
    pub fn glyph(&mut self, x: u16, y: u16, symbol: &'static str, role: Role) {
        if let Some(cell) = self.buf.cell_mut(Position::new(x, y)) {
            cell.set_symbol(symbol);
            cell.set_style(Style::reset());
            cell.set_style(self.theme.style(role));
        }
    }

    /// Blanks an area.
    pub fn clear(&mut self, area: Rect) {
        for pos in area.intersection(self.buf.area).positions() {
            if let Some(cell) = self.buf.cell_mut(pos) {
                cell.reset();
            }
        }
        // A wide character that began left of the area must not reach into it.
        for y in area.top()..area.bottom() {
            if area.x > 0
                && let Some(cell) = self.buf.cell_mut(Position::new(area.x - 1, y))
                && cell.symbol().width() > 1
            {
                cell.set_symbol(" ");
            }
        }
    }

    /// The buffer itself, for widgets of other libraries.
    pub const fn buffer(&mut self) -> &mut Buffer {
        self.buf
    }
}

/// A rounded frame with a title; the inside is returned.
pub fn frame(c: &mut Canvas<'_>, area: Rect, title: &Text, role: Role) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let (l, t, r, b) = (area.left(), area.top(), area.right() - 1, area.bottom() - 1);
    for x in l + 1..r {
        c.glyph(x, t, "─", role);
        c.glyph(x, b, "─", role);
    }
    for y in t + 1..b {
        c.glyph(l, y, "│", role);
        c.glyph(r, y, "│", role);
    }
    for (x, y, s) in [(l, t, "╭"), (r, t, "╮"), (l, b, "╰"), (r, b, "╯")] {
        c.glyph(x, y, s, role);
    }
    if !title.is_empty() && area.width > 6 {
        let inner = Rect { x: l + 2, y: t, width: area.width - 4, height: 1 };
        c.line(inner, &plain(" ").then(title.clone()).with(" ", Role::Text));
    }
    Rect { x: l + 1, y: t + 1, width: area.width - 2, height: area.height - 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_lines(t: &Text, cells: usize) -> Vec<String> {
        t.wrap(cells, 2).iter().map(Text::as_plain).collect()
    }

    #[test]
    fn wrapping_breaks_at_blanks_and_cuts_long_words() {
        assert_eq!(plain_lines(&plain("one two three"), 8), ["one two ", "  three"]);
        assert_eq!(plain_lines(&plain("abcdefghijklmnop"), 8), ["abcdefgh", "  ijklmn", "  op"]);
        assert_eq!(plain_lines(&plain("/aaa/bbb/cc"), 10), ["/aaa/bbb/", "  cc"]);
        assert_eq!(plain_lines(&Text::empty(), 8), [""]);
        assert_eq!(plain_lines(&plain("日本語日本語"), 8), ["日本語日", "  本語"]);
    }

    #[test]
    fn fitting_keeps_roles_and_marks_the_cut() {
        let t = text("abc", Role::Ok).with("defgh", Role::Error);
        assert_eq!(t.clone().fit(5).as_plain(), "abcd…");
        assert_eq!(t.clone().fit(3).as_plain(), "ab…");
        assert_eq!(t.fit(8).as_plain(), "abcdefgh");
        assert_eq!(plain("ab").pad(4).as_plain(), "ab  ");
    }
}
