//! The screen writer: what changed between two buffers, as few bytes as possible, in one write.
//!
//! ```text
//!   view ─▶ next Buffer ─┐
//!           shown Buffer ─┴─ diff ─▶ cursor moves, SGR changes, symbols ─▶ one write(2)
//! ```
//!
//! Attributes are written here and not by a library: one that obeys `NO_COLOR` by erasing colours erases the reversed
//! highlight on coloured cells with them. Which colours exist at all is the theme's business.

use std::io::{self, Write};

use ratatui::{
    buffer::{Buffer, Cell},
    layout::{Position, Rect},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

/// Room for one frame; a full repaint of a large screen fits.
const FRAME: usize = 64 * 1024;
/// A frame of up to so many bytes is one small write, which no terminal shows by halves: it needs no marks.
const SMALL: usize = 64;
/// Unchanged cells that are cheaper to write again than to jump over.
const GAP: u16 = 4;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// How cells look: what an SGR sequence sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Look = Look { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Look {
    const fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }
}

/// Writes frames to a terminal and knows what it shows.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    shown: Buffer,
    bytes: Vec<u8>,
    look: Option<Look>,
    at: Option<Position>,
    cursor: Option<Position>,
    /// Nothing is known about what the terminal shows.
    blank: bool,
}

impl<W: Write> Screen<W> {
    /// A writer for an empty screen whose cursor is hidden.
    pub fn new(out: W) -> Self {
        Self {
            out,
            shown: Buffer::empty(Rect::ZERO),
            bytes: Vec::with_capacity(FRAME),
            look: None,
            at: None,
            cursor: None,
            blank: true,
        }
    }

    /// Forgets what the terminal shows: the next frame is drawn whole.
    pub fn forget(&mut self) {
        self.blank = true;
    }

    /// The writer below.
    pub const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Brings the terminal to `next`; answers the bytes written, 0 when nothing changed. `next` becomes a buffer to draw
    /// the frame after it into.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, next: &mut Buffer, cursor: Option<Position>) -> io::Result<usize> {
        self.bytes.clear();
        if self.blank || self.shown.area != next.area {
            self.shown = Buffer::empty(next.area);
            self.bytes.extend_from_slice(b"\x1b[?25l\x1b[0m\x1b[H\x1b[2J");
            (self.look, self.at, self.cursor) = (Some(PLAIN), Some(Position::ORIGIN), None);
            self.blank = false;
        }
        self.changes(next);
        self.place_cursor(cursor);
        std::mem::swap(&mut self.shown, next);
        if self.bytes.is_empty() {
            return Ok(0);
        }
        let written = self.flush();
        if written.is_err() {
            self.blank = true;
        }
        written
    }

    fn flush(&mut self) -> io::Result<usize> {
        if self.bytes.len() > SMALL {
            self.bytes.splice(0..0, BEGIN.iter().copied());
            self.bytes.extend_from_slice(END);
        }
        self.out.write_all(&self.bytes)?;
        self.out.flush()?;
        Ok(self.bytes.len())
    }

    fn changes(&mut self, next: &Buffer) {
        let width = usize::from(next.area.width);
        if width == 0 {
            return;
        }
        let shown = std::mem::replace(&mut self.shown, Buffer::empty(Rect::ZERO));
        let rows = next.content.chunks(width).zip(shown.content.chunks(width));
        for (y, (new, old)) in (0u16..).zip(rows) {
            if new != old {
                self.row(y, new, old);
            }
        }
        self.shown = shown;
    }

    /// Writes what differs in one row.
    fn row(&mut self, y: u16, new: &[Cell], old: &[Cell]) {
        // Behind a wide character lies a cell that is not drawn; when the character goes, that cell is bare.
        let (mut covered, mut bared) = (0usize, 0usize);
        let mut x = 0u16;
        for (n, o) in new.iter().zip(old) {
            let n_width = n.symbol().width().max(1);
            let changed = n != o || bared > 0;
            if covered == 0 && changed {
                let until = usize::from(x) + n_width;
                // The last column is never half filled by a wide character.
                if until <= new.len() {
                    self.cell(Position::new(x, y), n, new, n_width);
                }
                covered = n_width;
            }
            if covered == 0 {
                covered = n_width;
            }
            bared =
                bared.max(if changed { o.symbol().width().max(1).max(n_width) } else { 0 }).saturating_sub(1);
            covered -= 1;
            x = x.saturating_add(1);
        }
    }

    fn cell(&mut self, to: Position, cell: &Cell, row: &[Cell], width: usize) {
        self.go(to, row);
        self.style(Look::of(cell));
        self.bytes.extend_from_slice(cell.symbol().as_bytes());
        // At the last column terminals wait with the wrap: where the cursor then is differs between them.
        let x = to.x.saturating_add(u16::try_from(width).unwrap_or(1));
        self.at = (usize::from(x) < row.len()).then_some(Position::new(x, to.y));
    }

    /// Moves the cursor by the shortest way.
    fn go(&mut self, to: Position, row: &[Cell]) {
        if self.at == Some(to) {
            return;
        }
        match self.at {
            Some(at) if at.y == to.y && at.x < to.x => {
                let gap = to.x - at.x;
                let between = row.get(usize::from(at.x)..usize::from(to.x)).unwrap_or_default();
                let same = between.iter().all(|c| Some(Look::of(c)) == self.look && c.symbol().len() == 1);
                if gap <= GAP && same {
                    between.iter().for_each(|c| self.bytes.extend_from_slice(c.symbol().as_bytes()));
                } else {
                    self.put(format_args!("\x1b[{}C", Number(gap)));
                }
            }
            Some(at) if to.x == 0 && to.y == at.y + 1 => self.bytes.extend_from_slice(b"\r\n"),
            _ if to.x == 0 => self.put(format_args!("\x1b[{}H", Number(to.y + 1))),
            _ => self.put(format_args!("\x1b[{};{}H", to.y + 1, to.x + 1)),
        }
        self.at = Some(to);
    }

    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        // A Vec takes everything.
        let _ = self.bytes.write_fmt(args);
    }

    /// Changes only what differs from the look that is set.
    fn style(&mut self, to: Look) {
        if self.look == Some(to) {
            return;
        }
        let from = self.look.unwrap_or(PLAIN);
        let mut codes = Codes::default();
        let gone = from.modifier - to.modifier;
        let full = self.look.is_none() || to == PLAIN;
        if full {
            codes.push("0");
        }
        let from = if full { PLAIN } else { from };
        let mut added = to.modifier - from.modifier;
        if !full {
            // One code ends bold and dim together.
            if gone.intersects(Modifier::BOLD | Modifier::DIM) {
                codes.push("22");
                added |= to.modifier & (Modifier::BOLD | Modifier::DIM);
            }
            for (m, off) in [
                (Modifier::ITALIC, "23"),
                (Modifier::UNDERLINED, "24"),
                (Modifier::SLOW_BLINK, "25"),
                (Modifier::REVERSED, "27"),
                (Modifier::CROSSED_OUT, "29"),
            ] {
                if gone.contains(m) {
                    codes.push(off);
                }
            }
        }
        for (m, on) in [
            (Modifier::BOLD, "1"),
            (Modifier::DIM, "2"),
            (Modifier::ITALIC, "3"),
            (Modifier::UNDERLINED, "4"),
            (Modifier::SLOW_BLINK, "5"),
            (Modifier::REVERSED, "7"),
            (Modifier::CROSSED_OUT, "9"),
        ] {
            if added.contains(m) {
                codes.push(on);
            }
        }
        if to.fg != from.fg {
            codes.colour(to.fg, false);
        }
        if to.bg != from.bg {
            codes.colour(to.bg, true);
        }
        if !codes.0.is_empty() {
            let codes = if codes.0 == "0" { "" } else { &codes.0 };
            let sequence = format!("\x1b[{codes}m");
            self.bytes.extend_from_slice(sequence.as_bytes());
        }
        self.look = Some(to);
    }

    fn place_cursor(&mut self, cursor: Option<Position>) {
        match (self.cursor, cursor) {
            (_, Some(to)) => {
                if self.at != Some(to) {
                    self.put(format_args!("\x1b[{};{}H", to.y + 1, to.x + 1));
                    self.at = Some(to);
                }
                if self.cursor.is_none() {
                    self.bytes.extend_from_slice(b"\x1b[?25h");
                }
            }
            (Some(_), None) => self.bytes.extend_from_slice(b"\x1b[?25l"),
            (None, None) => {}
        }
        self.cursor = cursor;
    }
}

/// A parameter that is left out when it is 1.
struct Number(u16);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 1 { Ok(()) } else { write!(f, "{}", self.0) }
    }
}

/// Codes of one SGR sequence.
#[derive(Default)]
struct Codes(String);

impl Codes {
    fn push(&mut self, code: &str) {
        if !self.0.is_empty() {
            self.0.push(';');
        }
        self.0.push_str(code);
    }

    fn colour(&mut self, c: Color, background: bool) {
        let base = if background { 40 } else { 30 };
        let named = |n: u16| (base + n).to_string();
        let bright = |n: u16| (base + 60 + n).to_string();
        let code = match c {
            Color::Reset => named(9),
            Color::Black => named(0),
            Color::Red => named(1),
            Color::Green => named(2),
            Color::Yellow => named(3),
            Color::Blue => named(4),
            Color::Magenta => named(5),
            Color::Cyan => named(6),
            Color::Gray => named(7),
            Color::DarkGray => bright(0),
            Color::LightRed => bright(1),
            Color::LightGreen => bright(2),
            Color::LightYellow => bright(3),
            Color::LightBlue => bright(4),
            Color::LightMagenta => bright(5),
            Color::LightCyan => bright(6),
            Color::White => bright(7),
            Color::Indexed(i) => format!("{};5;{i}", base + 8),
            Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
        };
        self.push(&code);
    }
}
