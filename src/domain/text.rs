//! Untrusted text. Everything that came from Flink, a file, a jar or another person passes through [`SafeText`]
//! before it is drawn or printed, so that no job name can move a cursor.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text without control, bidirectional or zero-width characters; one line.
///
/// Offending characters are shown as visible escapes (`␛`, `\u{202e}`), line ends as `⏎`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SafeText(String);

impl SafeText {
    /// Neutralises `raw`, keeping it on one line.
    #[must_use]
    pub fn line(raw: &str) -> Self {
        if raw.chars().all(is_plain) {
            return Self(raw.to_owned());
        }
        let mut out = String::with_capacity(raw.len() + 8);
        for c in raw.chars() {
            push_safe(&mut out, c);
        }
        Self(out)
    }

    /// Neutralises `raw`, one entry per line; tabs become four spaces.
    #[must_use]
    pub fn lines(raw: &str) -> Vec<Self> {
        raw.lines().map(|l| Self::line(&l.replace('\t', "    "))).collect()
    }

    /// The harmless text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Width in terminal cells.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// At most `cells` wide, cut at a grapheme with `…` when something is missing.
    #[must_use]
    pub fn fit(&self, cells: usize) -> String {
        fit(&self.0, cells)
    }
}

/// Cuts harmless text to `cells` terminal cells, with `…` when something is missing.
#[must_use]
pub fn fit(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 0);
    for g in text.graphemes(true) {
        let w = g.width();
        if used + w + 1 > cells {
            break;
        }
        out.push_str(g);
        used += w;
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// Characters that are drawn as they are.
fn is_plain(c: char) -> bool {
    !(c.is_control() || is_invisible(c))
}

/// Bidirectional controls, zero-width characters, tags, variation of direction: they change what a reader sees.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180E | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
}

fn push_safe(out: &mut String, c: char) {
    match c {
        '\n' => out.push('⏎'),
        '\r' => {}
        '\t' => out.push(' '),
        // The control pictures block shows C0 and DEL as one cell each.
        c if (c as u32) < 0x20 => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => out.push('␡'),
        c if is_plain(c) => out.push(c),
        c => {
            use fmt::Write as _;
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl From<&str> for SafeText {
    fn from(s: &str) -> Self {
        Self::line(s)
    }
}
impl From<String> for SafeText {
    fn from(s: String) -> Self {
        Self::line(&s)
    }
}

/// Escapes what JSON leaves raw but a terminal obeys: DEL, C1, bidirectional and zero-width characters.
///
/// `json` is valid JSON text; the result is the same document.
#[must_use]
pub fn terminal_safe_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || is_plain(c) {
            out.push(c);
            continue;
        }
        let mut units = [0u16; 2];
        for unit in c.encode_utf16(&mut units) {
            use fmt::Write as _;
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// At most `most` bytes of a long text: its beginning and its end, where the first and the last cause stand.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most / 2);
    let tail = text.ceil_char_boundary(text.len() - most / 2);
    format!("{}\n… {} bytes left out …\n{}", &text[..head], tail - head, &text[tail..])
}

/// A size for people, in powers of 1024: `812 B`, `1.2 GiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut v = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for u in &UNITS[1..] {
        if v < 1024.0 {
            break;
        }
        v /= 1024.0;
        unit = u;
    }
    format!("{v:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_excerpt_keeps_both_ends_at_characters() {
        assert_eq!(excerpt("short", 5), "short");
        let long = format!("{}{}{}", "ä".repeat(10), "x".repeat(100), "ö".repeat(10));
        let cut = excerpt(&long, 21);
        assert!(cut.starts_with("äääää\n… 120 bytes left out …\n") && cut.ends_with("ööööö"), "{cut}");
    }

    #[test]
    fn controls_become_visible() {
        assert_eq!(SafeText::line("a\u{1b}[31mb").as_str(), "a␛[31mb");
        assert_eq!(SafeText::line("x\u{202e}y").as_str(), "x\\u{202e}y");
        assert_eq!(SafeText::line("a\nb\r\n").as_str(), "a⏎b⏎");
        assert_eq!(SafeText::line("\u{9b}31m").as_str(), "\\u{9b}31m");
    }

    #[test]
    fn fit_cuts_by_grapheme_and_width() {
        assert_eq!(fit("payments", 8), "payments");
        assert_eq!(fit("payments", 5), "paym…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("ab", 0), "");
    }

    #[test]
    fn json_stays_the_same_document() {
        let raw = "a\u{9b}\u{202e}\u{7f}é";
        let json = serde_json::to_string(raw).unwrap();
        let safe = terminal_safe_json(&json);
        assert!(safe.chars().all(is_plain));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), raw);
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(raw in any::<String>()) {
            prop_assert!(SafeText::line(&raw).as_str().chars().all(is_plain));
        }
    }
}
