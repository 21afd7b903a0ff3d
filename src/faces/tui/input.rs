//! One line of text that a person types.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::paint::{Text, text};
use super::theme::Role;
use crate::domain::text::SafeText;

/// A line and a cursor in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    text: String,
    cursor: usize,
}

impl Line {
    /// A line with the cursor at its end.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    /// What was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What was typed, or nothing when it is blank.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        let t = self.text.trim();
        (!t.is_empty()).then(|| t.to_owned())
    }

    /// Puts text at the cursor; line ends and control characters are left out.
    pub fn insert(&mut self, s: &str) {
        let clean: String = s.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
    }

    /// Edits; `None` when the key means nothing here, else whether the text changed.
    pub fn key(&mut self, e: &KeyEvent) -> Option<bool> {
        let ctrl = e.modifiers.contains(KeyModifiers::CONTROL);
        let alt = e.modifiers.contains(KeyModifiers::ALT);
        match (e.code, ctrl, alt) {
            (KeyCode::Char(c), false, false) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
                Some(true)
            }
            (KeyCode::Backspace, false, false) => Some(self.cut(self.before(), self.cursor)),
            (KeyCode::Delete, ..) | (KeyCode::Char('d'), true, _) => {
                Some(self.cut(self.cursor, self.after()))
            }
            (KeyCode::Char('w'), true, _) | (KeyCode::Backspace, ..) => {
                Some(self.cut(self.word(), self.cursor))
            }
            (KeyCode::Char('u'), true, _) => Some(self.cut(0, self.cursor)),
            (KeyCode::Char('k'), true, _) => Some(self.cut(self.cursor, self.text.len())),
            (KeyCode::Left, ..) => self.to(self.before()),
            (KeyCode::Right, ..) => self.to(self.after()),
            (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => self.to(0),
            (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => self.to(self.text.len()),
            _ => None,
        }
    }

    const fn to(&mut self, at: usize) -> Option<bool> {
        self.cursor = at;
        Some(false)
    }

    fn cut(&mut self, from: usize, to: usize) -> bool {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        from < to
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(i, _)| i)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }

    fn word(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace).map_or(0, |i| i + 1)
    }

    /// The part that fits into `cells`, and the cursor's column in it.
    #[must_use]
    pub fn shown(&self, cells: usize, role: Role) -> (Text, u16) {
        let before = SafeText::line(&self.text[..self.cursor]);
        let after = SafeText::line(&self.text[self.cursor..]);
        let room = cells.saturating_sub(1);
        let mut head = before.as_str();
        // Scroll by dropping graphemes at the left until the cursor fits.
        while head.width() > room {
            let mut g = head.graphemes(true);
            g.next();
            head = g.as_str();
        }
        let column = u16::try_from(head.width()).unwrap_or(u16::MAX);
        (text(head, role).with(after.as_str(), role).pad(cells).role(role), column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(l: &mut Line, code: KeyCode, mods: KeyModifiers) {
        l.key(&KeyEvent::new(code, mods));
    }

    #[test]
    fn edits_by_grapheme() {
        let mut l = Line::new("ae\u{301}");
        press(&mut l, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(l.as_str(), "a");
        l.insert("b\u{1b}[31mc\nd");
        assert_eq!(l.as_str(), "ab[31mcd", "control characters never get in");
        press(&mut l, KeyCode::Home, KeyModifiers::NONE);
        press(&mut l, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(l.as_str(), "b[31mcd");
        press(&mut l, KeyCode::Char('k'), KeyModifiers::CONTROL);
        assert_eq!(l.value(), None);
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        let l = Line::new("0123456789");
        let (t, column) = l.shown(5, Role::Field);
        assert_eq!((t.as_plain().as_str(), column), ("6789 ", 4));
    }
}
