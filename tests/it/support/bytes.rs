//! What a program may send to a terminal (I10), read byte by byte as a terminal would.
//!
//! Everything that is not on the short list is a finding: it could only have come from text that nobody made harmless.

use vte::{Params, Parser, Perform};

/// Private modes that the console sets: cursor keys, focus, alternate screen, bracketed paste, synchronised output, mouse off.
const MODES: &[u16] = &[1, 7, 12, 25, 1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004, 2026];
/// Cursor, erasing, attributes, scroll region, cursor style.
const FINALS: &str = "ABCDEFGHJKdmrq";

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// Lines into a pipe: text alone.
    Pipe,
    /// Lines to a terminal: text and colours.
    Lines,
    /// A full-screen program's frames.
    Screen,
}

/// Collects what does not belong there.
struct Watch {
    to: To,
    found: Vec<String>,
}

impl Watch {
    fn finds(&mut self, what: String) {
        if self.found.len() < 20 {
            self.found.push(what);
        }
    }
}

impl Perform for Watch {
    fn print(&mut self, c: char) {
        let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || invisible {
            self.finds(format!("the character {c:?}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        if !matches!(byte, b'\n' | b'\r' | b'\t') {
            self.finds(format!("the control byte {byte:#04x}"));
        }
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.finds(format!("a device control string {action:?}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        let copies = matches!(params, [b"52", b"c", text] if text.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)));
        if !(self.to == To::Screen && copies) {
            let text: Vec<_> = params.iter().map(|p| String::from_utf8_lossy(p)).collect();
            self.finds(format!("an operating system command {text:?}"));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, marks: &[u8], _: bool, action: char) {
        let known = match marks {
            _ if self.to == To::Pipe => false,
            b"" if self.to == To::Lines => action == 'm',
            b"" => FINALS.contains(action),
            b"?" if self.to == To::Screen => {
                matches!(action, 'h' | 'l') && params.iter().flatten().all(|m| MODES.contains(m))
            }
            b" " if self.to == To::Screen => action == 'q',
            _ => false,
        };
        if !known {
            self.finds(format!("a control sequence {marks:?} {params:?} {action:?}"));
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], _: bool, byte: u8) {
        // The end of a string that began with ESC.
        if !(self.to == To::Screen && marks.is_empty() && byte == b'\\') {
            self.finds(format!("an escape {marks:?} {:?}", char::from(byte)));
        }
    }
}

fn look(to: To, bytes: &[u8]) -> Vec<String> {
    let mut watch = Watch { to, found: Vec::new() };
    Parser::new().advance(&mut watch, bytes);
    watch.found
}

#[track_caller]
fn harmless(to: To, bytes: &[u8]) {
    let found = look(to, bytes);
    assert!(found.is_empty(), "I10: {found:#?}\nin {}", String::from_utf8_lossy(bytes).escape_debug());
}

/// Panics when a full-screen program has sent its terminal anything but text and the usual sequences.
#[track_caller]
pub fn harmless_screen(bytes: &[u8]) {
    harmless(To::Screen, bytes);
}

/// Panics when lines that were printed to a terminal have anything in them but text and colours.
#[track_caller]
pub fn harmless_lines(bytes: &[u8]) {
    harmless(To::Lines, bytes);
}

/// Panics when lines that were printed to a pipe have anything but text in them.
#[track_caller]
pub fn harmless_text(bytes: &[u8]) {
    harmless(To::Pipe, bytes);
}

#[test]
fn what_could_act_on_a_terminal_is_found() {
    let everywhere = [
        "\x1b]0;title\x07",
        "\x07",
        "\u{9b}2J",
        "a\u{202e}b",
        "\x1bPq\x1b\\",
        "\x1bc",
        "\x08",
        "\x1b[5n",
        "\x1b[>4m",
    ];
    for (to, more) in [
        (To::Pipe, &["\x1b[1m", "\x1b[2J"][..]),
        (To::Lines, &["\x1b[2J", "\x1b[?25l", "\x1b]52;c;YQ==\x07"]),
        (To::Screen, &["\x1b[?1000;1034h"]),
    ] {
        for bad in everywhere.iter().chain(more) {
            assert!(!look(to, bad.as_bytes()).is_empty(), "{to:?}: {bad:?}");
        }
    }
    harmless_screen(b"\x1b[?2026h\x1b[1;1H\x1b[38;2;1;2;3mtext\x1b[K\x1b[?2026l\x1b]52;c;YQ==\x07");
    harmless_lines("NAME  \x1b[1;31m\u{25cf} FAILED\x1b[0m\r\n".as_bytes());
    harmless_text("NAME  \u{25cf} RUNNING\n".as_bytes());
}
