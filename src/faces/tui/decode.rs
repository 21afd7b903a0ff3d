//! Keys out of a terminal's bytes.
//!
//! Our own, because a blocking reader in a library spins when the terminal is gone and waits inside a sequence that was
//! cut in half; here bytes come in as they are, and what is incomplete waits for more or for [`Decoder::flush`].

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Something a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
}

const ESC: u8 = 0x1b;
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// Pasted text beyond this is left out.
const PASTE_MOST: usize = 1 << 20;
/// A reply of the terminal longer than this is not one.
const REPLY_MOST: usize = 4096;

/// Bytes that are not yet a key.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    pasting: bool,
}

/// What the first bytes are.
enum Head {
    /// This input, in so many bytes.
    Input(Input, usize),
    /// Nothing of interest, in so many bytes.
    Skip(usize),
    /// More bytes are needed.
    Wait,
}

impl Decoder {
    /// Takes bytes in; complete inputs come out.
    #[must_use]
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.bytes.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            if !self.pasting && self.bytes.starts_with(PASTE_BEGIN) {
                self.bytes.drain(..PASTE_BEGIN.len());
                self.pasting = true;
            }
            let head = if self.pasting { self.pasted() } else { head(&self.bytes) };
            match head {
                Head::Wait => return out,
                Head::Skip(n) => drop(self.bytes.drain(..n)),
                Head::Input(input, n) => {
                    self.bytes.drain(..n);
                    self.pasting = false;
                    out.push(input);
                }
            }
        }
    }

    /// Whether an incomplete sequence waits; then [`Self::flush`] after a moment.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !self.bytes.is_empty() && !self.pasting
    }

    /// No more bytes came: an escape that waited was the key.
    #[must_use]
    pub fn flush(&mut self) -> Vec<Input> {
        if !self.waits() {
            return vec![];
        }
        let rest = std::mem::take(&mut self.bytes);
        match rest.split_first() {
            Some((&ESC, [])) => vec![key(KeyCode::Esc, KeyModifiers::NONE)],
            // A lone `ESC [` was Alt and a bracket; anything longer is a sequence that broke off.
            Some((&ESC, [c])) if c.is_ascii_graphic() => {
                vec![key(KeyCode::Char(char::from(*c)), KeyModifiers::ALT)]
            }
            _ => vec![],
        }
    }

    fn pasted(&self) -> Head {
        match find(&self.bytes, PASTE_END) {
            Some(end) => {
                let text = self.bytes.get(..end.min(PASTE_MOST)).unwrap_or_default();
                let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
                Head::Input(Input::Paste(text), end + PASTE_END.len())
            }
            None => Head::Wait,
        }
    }
}

const fn key(code: KeyCode, mods: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, mods))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn head(bytes: &[u8]) -> Head {
    match bytes.first() {
        None => Head::Wait,
        Some(&ESC) => escape(bytes),
        Some(_) => character(bytes, KeyModifiers::NONE, 0),
    }
}

/// One character (or control character) at `from`.
fn character(bytes: &[u8], mods: KeyModifiers, from: usize) -> Head {
    let Some(&b) = bytes.get(from) else { return Head::Wait };
    let end = from + 1;
    let ctrl = mods | KeyModifiers::CONTROL;
    match b {
        b'\r' | b'\n' => Head::Input(key(KeyCode::Enter, mods), end),
        b'\t' => Head::Input(key(KeyCode::Tab, mods), end),
        0x7f | 0x08 => Head::Input(key(KeyCode::Backspace, mods), end),
        0x00 => Head::Input(key(KeyCode::Char(' '), ctrl), end),
        0x01..=0x1a => Head::Input(key(KeyCode::Char(char::from(b + 0x60)), ctrl), end),
        0x1c..=0x1f => Head::Input(key(KeyCode::Char(char::from(b + 0x18)), ctrl), end),
        0x20..=0x7e => Head::Input(key(KeyCode::Char(char::from(b)), mods), end),
        _ => utf8(bytes, mods, from),
    }
}

fn utf8(bytes: &[u8], mods: KeyModifiers, from: usize) -> Head {
    let length = match bytes.get(from) {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return Head::Skip(from + 1),
    };
    let Some(encoded) = bytes.get(from..from + length) else { return Head::Wait };
    match std::str::from_utf8(encoded).ok().and_then(|s| s.chars().next()) {
        Some(c) => Head::Input(key(KeyCode::Char(c), mods), from + length),
        None => Head::Skip(from + 1),
    }
}

fn escape(bytes: &[u8]) -> Head {
    match bytes.get(1) {
        None => Head::Wait,
        Some(b'[') => control_sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Head::Wait,
            Some(&b) => named(b, KeyModifiers::NONE).map_or(Head::Skip(3), |i| Head::Input(i, 3)),
        },
        // Replies of the terminal: operating system commands, device control strings and their kin.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => reply(bytes),
        Some(&ESC) => Head::Input(key(KeyCode::Esc, KeyModifiers::NONE), 1),
        Some(_) => character(bytes, KeyModifiers::ALT, 1),
    }
}

/// A string that ends with BEL or ST: swallowed whole.
fn reply(bytes: &[u8]) -> Head {
    let bell = bytes.iter().position(|b| *b == 0x07).map(|i| i + 1);
    let end = find(bytes.get(2..).unwrap_or_default(), b"\x1b\\").map(|i| i + 4);
    match (bell, end) {
        (Some(a), Some(b)) => Head::Skip(a.min(b)),
        (Some(n), None) | (None, Some(n)) => Head::Skip(n),
        (None, None) if bytes.len() > REPLY_MOST => Head::Skip(bytes.len()),
        (None, None) => Head::Wait,
    }
}

fn control_sequence(bytes: &[u8]) -> Head {
    let Some(last) = bytes.iter().skip(2).position(|b| (0x40..=0x7e).contains(b)).map(|i| i + 2) else {
        return if bytes.len() > 64 { Head::Skip(bytes.len()) } else { Head::Wait };
    };
    // The old mouse report has three bytes behind its final one.
    if bytes.get(2) == Some(&b'M') {
        return if bytes.len() < 6 { Head::Wait } else { Head::Skip(6) };
    }
    let end = last + 1;
    let text = std::str::from_utf8(bytes.get(2..last).unwrap_or_default()).unwrap_or_default();
    if text.starts_with(['?', '<', '>', '=']) {
        return Head::Skip(end);
    }
    let mut numbers = text.split(';').map(|n| n.split(':').next().and_then(|n| n.parse::<u16>().ok()));
    let first = numbers.next().flatten();
    let mods = modifiers(numbers.next().flatten().unwrap_or(1));
    let final_byte = bytes.get(last).copied().unwrap_or_default();
    let input = match (final_byte, first) {
        (b'Z', _) => Some(key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        (b'~', Some(n)) => numbered(n).map(|c| key(c, mods)),
        (b'u', Some(n)) => char::from_u32(u32::from(n)).map(|c| match c {
            '\r' => key(KeyCode::Enter, mods),
            '\t' => key(KeyCode::Tab, mods),
            '\u{1b}' => key(KeyCode::Esc, mods),
            '\u{7f}' => key(KeyCode::Backspace, mods),
            c => key(KeyCode::Char(c), mods),
        }),
        (b, _) => named(b, mods),
    };
    input.map_or(Head::Skip(end), |i| Head::Input(i, end))
}

fn modifiers(n: u16) -> KeyModifiers {
    let bits = n.saturating_sub(1);
    let mut m = KeyModifiers::NONE;
    for (bit, which) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        if bits & bit != 0 {
            m |= which;
        }
    }
    m
}

const fn named(b: u8, mods: KeyModifiers) -> Option<Input> {
    let code = match b {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'R' => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        _ => return None,
    };
    Some(key(code, mods))
}

fn numbered(n: u16) -> Option<KeyCode> {
    Some(match n {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(u8::try_from(n - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(n - 11).ok()?),
        23 | 24 => KeyCode::F(u8::try_from(n - 12).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const NONE: KeyModifiers = KeyModifiers::NONE;

    #[rstest]
    #[case(b"a", KeyCode::Char('a'), NONE)]
    #[case("é".as_bytes(), KeyCode::Char('é'), NONE)]
    #[case(b"\r", KeyCode::Enter, NONE)]
    #[case(b"\x13", KeyCode::Char('s'), KeyModifiers::CONTROL)]
    #[case(b"\x1b[A", KeyCode::Up, NONE)]
    #[case(b"\x1bOA", KeyCode::Up, NONE)]
    #[case(b"\x1b[1;5C", KeyCode::Right, KeyModifiers::CONTROL)]
    #[case(b"\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT)]
    #[case(b"\x1b[3~", KeyCode::Delete, NONE)]
    #[case(b"\x1b[5~", KeyCode::PageUp, NONE)]
    #[case(b"\x1b[21~", KeyCode::F(10), NONE)]
    #[case(b"\x1bOP", KeyCode::F(1), NONE)]
    #[case(b"\x1bx", KeyCode::Char('x'), KeyModifiers::ALT)]
    #[case(b"\x7f", KeyCode::Backspace, NONE)]
    fn keys(#[case] bytes: &[u8], #[case] code: KeyCode, #[case] mods: KeyModifiers) {
        assert_eq!(Decoder::default().feed(bytes), [key(code, mods)]);
        // The same key when a slow line cuts it anywhere.
        for cut in 1..bytes.len() {
            let mut d = Decoder::default();
            let mut got = d.feed(&bytes[..cut]);
            got.extend(d.feed(&bytes[cut..]));
            assert_eq!(got, [key(code, mods)], "cut at {cut}");
        }
    }

    #[test]
    fn a_lone_escape_is_a_key_after_a_moment() {
        let mut d = Decoder::default();
        assert_eq!(d.feed(b"\x1b"), []);
        assert!(d.waits());
        assert_eq!(d.flush(), [key(KeyCode::Esc, NONE)]);
        assert!(!d.waits());
        assert_eq!(d.feed(b"\x1b\x1b[B"), [key(KeyCode::Esc, NONE), key(KeyCode::Down, NONE)]);
    }

    #[test]
    fn pasted_text_is_no_keys() {
        let mut d = Decoder::default();
        assert_eq!(d.feed(b"\x1b[200~y\rq"), []);
        assert!(!d.waits(), "a paste has all the time it needs");
        assert_eq!(d.feed(b"x\x1b[201~z"), [Input::Paste("y\nqx".into()), key(KeyCode::Char('z'), NONE)]);
    }

    #[test]
    fn late_replies_of_the_terminal_are_swallowed() {
        let mut d = Decoder::default();
        let replies = b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07\x1b[?62;22c\x1bP>|xterm\x1b\\\x1b[<0;3;4M\x1b[12;3Rk";
        // A cursor report looks like F3 with modifiers; nothing asks for one.
        let got = d.feed(replies);
        assert_eq!(got.last(), Some(&key(KeyCode::Char('k'), NONE)));
        assert!(got.len() <= 2, "{got:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10)) {
            let mut d = Decoder::default();
            for c in chunks {
                let _ = d.feed(&c);
            }
            let _ = d.flush();
        }
    }
}
