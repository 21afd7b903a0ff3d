//! Keys: what they are called, which command they mean where, and what is wrong in a keymap file.
//!
//! ```text
//!   key ─▶ pending ++ key ─▶ resolve(contexts, chord) ─▶ Command | Pending(next keys) | Nothing
//! ```

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::{DeTable, DeValue};

use super::{
    command::{COMMANDS, Command, Context},
    diagnostic::{Collector, Diagnostic, suggestion},
};

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key itself.
    pub code: KeyCode,
    /// Control, alt, shift, as far as they count for this key.
    pub mods: KeyModifiers,
}

/// Names of keys that are no character.
const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
];

impl Key {
    /// A key as the terminal reports it, in one form for all terminals.
    #[must_use]
    pub fn of(e: &KeyEvent) -> Self {
        let mut mods = e.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match e.code {
            KeyCode::BackTab => {
                mods |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            // A capital letter carries its shift in itself.
            KeyCode::Char(c) => {
                mods -= KeyModifiers::SHIFT;
                KeyCode::Char(c)
            }
            code => code,
        };
        Self { code, mods }
    }

    /// A letter with control.
    #[must_use]
    pub const fn ctrl(letter: char) -> Self {
        Self { code: KeyCode::Char(letter), mods: KeyModifiers::CONTROL }
    }

    /// Reads `ctrl-g`, `shift-tab`, `f1`, `?`, `G`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (mut rest, mut mods) = (word, KeyModifiers::NONE);
        loop {
            let before = mods;
            for (prefix, m) in [
                ("ctrl-", KeyModifiers::CONTROL),
                ("alt-", KeyModifiers::ALT),
                ("shift-", KeyModifiers::SHIFT),
            ] {
                if let Some(r) = rest.strip_prefix(prefix).filter(|r| !r.is_empty()) {
                    rest = r;
                    mods |= m;
                }
            }
            if mods == before {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => match NAMED.iter().find(|(n, _)| *n == rest) {
                Some((_, code)) => *code,
                None => KeyCode::F(rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n))?),
            },
        };
        if matches!(code, KeyCode::Char(c) if c != ' ') && mods.contains(KeyModifiers::SHIFT) {
            return None;
        }
        Some(Self { code, mods })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (m, name) in
            [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")]
        {
            if self.mods.contains(m) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, c)| *c == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "f{n}"),
            _ => f.write_str("?"),
        }
    }
}

/// Keys one after the other.
pub type Chord = Vec<Key>;

/// A chord as people write it.
#[must_use]
pub fn show(chord: &[Key]) -> String {
    chord.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn parse_chord(text: &str) -> Option<Chord> {
    let keys: Option<Chord> = text.split_whitespace().map(Key::parse).collect();
    keys.filter(|k| !k.is_empty())
}

/// What a chord means.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The whole of a chord: its command.
    Command(Command),
    /// Nothing yet; these keys would go on.
    Pending(Vec<(Key, Command)>),
    /// The keys lead to no command.
    None,
}

/// Which chord means which command, per context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Context, Chord, Command)>,
}

/// The keymap out of the box, as a file.
pub const DEFAULT: &str = include_str!("../../../keymaps/default.toml");

impl Keymap {
    /// The built-in keymap, and what is wrong with it (nothing; a test says so).
    #[must_use]
    pub fn built_in() -> (Self, Vec<Diagnostic>) {
        Self::parse("default", DEFAULT)
    }

    /// Reads a keymap file.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let mut map = Self { bindings: Vec::new() };
        let found = map.apply(name, text);
        (map, found)
    }

    /// Reads a file over this keymap: a command that it names has the file's keys, and no others.
    pub fn apply(&mut self, name: &str, text: &str) -> Vec<Diagnostic> {
        let file = format!("keymaps/{name}.toml");
        let mut found = Collector::new(&file, text);
        match DeTable::parse(text) {
            Err(e) => found.at(e.span().map_or(0, |s| s.start), e.message()),
            Ok(table) => {
                for (key, value) in table.get_ref() {
                    let word = key.get_ref().as_ref();
                    match (word.parse::<Context>(), value.get_ref().as_table()) {
                        (Ok(context), Some(table)) => self.read_context(context, table, &mut found),
                        (Ok(_), None) => found.at(value.span().start, "a context is a table"),
                        (Err(_), _) => found.at(
                            key.span().start,
                            format!(
                                "unknown context {word:?}{}",
                                suggestion(word, Context::ALL.iter().map(|c| c.as_str()))
                            ),
                        ),
                    }
                }
            }
        }
        found.finish()
    }

    fn read_context(&mut self, context: Context, table: &DeTable<'_>, found: &mut Collector<'_>) {
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let Some(command) = Command::find(context, word) else {
                let names = COMMANDS.iter().filter(|s| s.context == context).map(|s| s.name);
                found.at(
                    key.span().start,
                    format!("unknown command {word:?} in {context}{}", suggestion(word, names)),
                );
                continue;
            };
            self.bindings.retain(|(_, _, c)| *c != command);
            for (at, chord) in chords(value, found) {
                if let Some((_, _, other)) =
                    self.bindings.iter().find(|(c, k, _)| *c == context && *k == chord)
                {
                    found.at(
                        at,
                        format!("{:?} already means {} in {context}", show(&chord), other.spec().name),
                    );
                } else {
                    self.bindings.push((context, chord, command));
                }
            }
        }
    }

    /// What `chord` means where the innermost context comes first.
    #[must_use]
    pub fn resolve(&self, contexts: &[Context], chord: &[Key]) -> Resolution {
        for context in contexts {
            let here = || self.bindings.iter().filter(|(c, _, _)| c == context);
            if let Some((_, _, command)) = here().find(|(_, k, _)| k == chord) {
                return Resolution::Command(*command);
            }
            let next: Vec<_> = here()
                .filter(|(_, k, _)| k.starts_with(chord))
                .filter_map(|(_, k, c)| k.get(chord.len()).map(|key| (*key, *c)))
                .collect();
            if !next.is_empty() {
                return Resolution::Pending(next);
            }
        }
        Resolution::None
    }

    /// The chords of a command, the first one first.
    pub fn keys_of(&self, command: Command) -> impl Iterator<Item = &Chord> {
        self.bindings.iter().filter(move |(_, _, c)| *c == command).map(|(_, k, _)| k)
    }

    /// The first chord of a command, as people write it.
    #[must_use]
    pub fn key_of(&self, command: Command) -> Option<String> {
        self.keys_of(command).next().map(|k| show(k))
    }
}

/// The chords of a value: a string or a list of strings.
fn chords(value: &toml::Spanned<DeValue<'_>>, found: &mut Collector<'_>) -> Vec<(usize, Chord)> {
    let mut out = Vec::new();
    let mut read = |value: &toml::Spanned<DeValue<'_>>| {
        let at = value.span().start;
        match value.get_ref().as_str().map(parse_chord) {
            Some(Some(chord)) => out.push((at, chord)),
            Some(None) => {
                found.at(at, "not a key; write for example \"ctrl-g\", \"shift-tab\", \"f1\", \"g g\"")
            }
            None => found.at(at, "keys are strings"),
        }
    };
    match value.get_ref().as_array() {
        Some(list) => list.iter().for_each(read),
        None => read(value),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command table as a keymap file.
    fn render_default() -> String {
        use fmt::Write as _;
        let mut out = String::from(
            "# nutkin's keys. Copy the lines that you want to change into your own keymap file and name it with `keymap = \"…\"`:\n\
             # a command that your file names has your keys and no others; an empty list unbinds it.\n\
             # Keys: a character, or enter esc tab space up down left right home end pageup pagedown insert delete backspace f1…f12,\n\
             # with ctrl-, alt- or shift- before it; keys one after the other are written with a blank between them: \"g g\".\n",
        );
        for context in Context::ALL {
            let _ = write!(out, "\n[{context}]\n");
            for s in COMMANDS.iter().filter(|s| s.context == *context) {
                let keys = s.keys.iter().map(|k| format!("{k:?}")).collect::<Vec<_>>().join(", ");
                let _ = writeln!(out, "{:<42} # {}", format!("{} = [{keys}]", s.name), s.help);
            }
        }
        out
    }

    #[test]
    fn the_file_is_the_table() {
        if std::env::var_os("UPDATE_KEYMAPS").is_some() {
            std::fs::write("keymaps/default.toml", render_default()).unwrap();
        }
        assert_eq!(DEFAULT, render_default(), "run the test once with UPDATE_KEYMAPS=1");
    }

    #[test]
    fn the_built_in_keymap_has_no_diagnostics_and_every_command() {
        let (map, found) = Keymap::built_in();
        assert_eq!(found, vec![]);
        for s in COMMANDS {
            assert_eq!(map.keys_of(s.id).count(), s.keys.len(), "{}", s.name);
        }
    }

    #[test]
    fn keys_read_back_what_they_show() {
        for s in COMMANDS.iter().flat_map(|s| s.keys) {
            let chord = parse_chord(s).unwrap();
            assert_eq!(parse_chord(&show(&chord)).unwrap(), chord, "{s}");
        }
        for bad in ["shift-a", "strg-c", "f13", "", "ctrl-"] {
            assert_eq!(parse_chord(bad), None, "{bad}");
        }
        assert_eq!(Key::parse("-").unwrap().code, KeyCode::Char('-'));
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        let (mut map, _) = Keymap::built_in();
        let found = map.apply(
            "mine",
            "[home]\nsupend = \"p\"\nstart = \"p\"\ncancel = [\"strg-x\", 3]\n[hoem]\nup = \"k\"\n",
        );
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(
            lines[0].contains(":2: unknown command \"supend\" in home; did you mean \"suspend\"?"),
            "{lines:?}"
        );
        assert!(lines.iter().any(|l| l.contains(":3: \"p\" already means suspend in home")), "{lines:?}");
        assert!(lines.iter().any(|l| l.contains(":4: not a key")), "{lines:?}");
        assert!(
            lines.iter().any(|l| l.contains(":5: unknown context \"hoem\"; did you mean \"home\"?")),
            "{lines:?}"
        );
    }

    #[test]
    fn chords_wait_and_inner_contexts_win() {
        let (map, _) = Keymap::built_in();
        let g = Key::parse("g").unwrap();
        let f = Key::parse("f").unwrap();
        let stack = [Context::Savepoints, Context::List, Context::Home, Context::Global];
        assert_eq!(map.resolve(&stack, &[g]), Resolution::Pending(vec![(g, Command::First)]));
        assert_eq!(map.resolve(&stack, &[g, g]), Resolution::Command(Command::First));
        assert_eq!(map.resolve(&stack, &[f]), Resolution::Command(Command::ForkFrom));
        assert_eq!(map.resolve(&stack[1..], &[f]), Resolution::Command(Command::Fork));
        assert_eq!(map.resolve(&[Context::Card], &[g]), Resolution::None);
    }
}
