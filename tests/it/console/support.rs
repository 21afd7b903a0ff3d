//! A console without a terminal: keys in, screen out; effects are collected for the test to look at and answer.

use crossterm::event::KeyEvent;
use nutkin::{
    contract::{
        problem::{Code, Problem},
        watch::Snapshot,
    },
    domain::time::Timestamp,
    faces::tui::{
        data::{Tab, TabData},
        keymap::{Key, Keymap},
        model::{Model, Start},
        msg::{Effect, Msg, Reply, Wake},
        overlay::card::READ_MS,
        say::Zone,
        theme::{Role, Theme},
        update::update,
        view::view,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::world;

pub struct Console {
    pub model: Model,
    /// Effects that nobody has answered.
    pub effects: Vec<Effect>,
}

impl Console {
    /// Knows nothing yet.
    pub fn bare(theme: &str, size: (u16, u16)) -> Self {
        let model = Model::new(Start {
            keymap: Keymap::built_in().0,
            theme: Theme::built_in(theme).0,
            zone: Zone::Utc,
            hint: None,
            program: "nutkin".into(),
            key_seed: "key".into(),
            now: world::now(),
            size,
        });
        Self { model, effects: vec![] }
    }

    /// With a first window.
    pub fn with(snapshot: Snapshot, theme: &str, size: (u16, u16)) -> Self {
        let mut c = Self::bare(theme, size);
        c.send(Msg::Snapshot(Box::new(snapshot)));
        c
    }

    /// The usual world, dark.
    pub fn new(size: (u16, u16)) -> Self {
        Self::with(world::snapshot(), "dark", size)
    }

    pub fn send(&mut self, msg: Msg) -> &mut Self {
        let fx = update(&mut self.model, msg);
        self.effects.extend(fx);
        self
    }

    /// Presses keys, written as in a keymap file and separated by blanks: `tab p y`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            let key = Key::parse(word).unwrap_or_else(|| panic!("{word:?} is not a key"));
            self.send(Msg::Key(KeyEvent::new(key.code, key.mods)));
        }
        self
    }

    /// Types text character by character.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(KeyEvent::new(
                crossterm::event::KeyCode::Char(c),
                crossterm::event::KeyModifiers::NONE,
            )));
        }
        self
    }

    pub fn reply(&mut self, reply: Reply) -> &mut Self {
        self.send(Msg::Reply(reply))
    }

    /// Takes out the first effect that fits.
    pub fn take(&mut self, fits: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let i = self.effects.iter().position(fits)?;
        Some(self.effects.remove(i))
    }

    /// Answers the loads of the detail and its tabs.
    pub fn settle(&mut self) -> &mut Self {
        while let Some(e) = self.take(|e| {
            matches!(
                e,
                Effect::LoadDetail(_)
                    | Effect::LoadTab(..)
                    | Effect::SetInterest(_)
                    | Effect::LoadArtifacts
                    | Effect::LoadOperations
                    | Effect::LoadHistory(_)
            )
        }) {
            match e {
                Effect::LoadDetail(name) => {
                    let mut d = world::detail();
                    if name != world::PROD {
                        d.deployment.deployment.clone_from(&name);
                        (d.savepoints, d.deployment.next_restore_point) = (vec![], None);
                    }
                    self.reply(Reply::Detail(name, Ok(Box::new(d))));
                }
                Effect::LoadTab(name, tab) => {
                    let data = match tab {
                        Tab::Jobs => TabData::Jobs(world::jobs()),
                        Tab::Config => TabData::Config(world::revisions()),
                        _ => TabData::Events(
                            world::events()
                                .into_iter()
                                .filter(|e| e.deployment.as_deref() == Some(&*name))
                                .collect(),
                        ),
                    };
                    self.reply(Reply::Tab(name, tab, Ok(data)));
                }
                Effect::LoadArtifacts => {
                    self.reply(Reply::Artifacts(Ok(world::artifacts())));
                }
                Effect::LoadHistory(name) => {
                    self.reply(Reply::History(name, Ok(vec![])));
                }
                Effect::LoadOperations => {
                    self.reply(Reply::Operations(Ok(vec![])));
                }
                _ => {}
            }
        }
        self
    }

    /// Answers the open dry run with a plan, and gives a person the time to read it.
    pub fn plan(&mut self, plan: nutkin::contract::plan::Plan) -> &mut Self {
        self.plan_unread(plan).wait(READ_MS)
    }

    /// The clock goes on by so many milliseconds.
    pub fn wait(&mut self, ms: u64) -> &mut Self {
        self.effects.retain(|e| !matches!(e, Effect::Wake(_, Wake::Read(_))));
        let later = Timestamp::from_millis(self.model.now.millis() + i64::try_from(ms).unwrap());
        self.send(Msg::Tick(later))
    }

    /// Answers the open dry run with a plan.
    pub fn plan_unread(&mut self, plan: nutkin::contract::plan::Plan) -> &mut Self {
        let asked = self.take(|e| matches!(e, Effect::DryRun(..)));
        let Some(Effect::DryRun(ask, question, _)) = asked else {
            panic!("no dry run was asked: {:?}", self.effects)
        };
        self.reply(Reply::Plan(ask, question, Ok(Box::new(plan))))
    }

    /// Lets edits settle.
    pub fn rest(&mut self) -> &mut Self {
        while let Some(Effect::Wake(_, w)) = self.take(|e| matches!(e, Effect::Wake(..))) {
            self.send(Msg::Wake(w));
        }
        self
    }

    pub fn buffer(&self) -> Buffer {
        let area = Rect::new(0, 0, self.model.size.0, self.model.size.1);
        let mut buf = Buffer::empty(area);
        view(&self.model, area, &mut buf);
        buf
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        symbols(&self.buffer()).join("\n")
    }

    /// The screen as text and, per row, which cells have which role.
    pub fn styled(&self) -> String {
        styled(&self.buffer(), &self.model.theme)
    }

    #[track_caller]
    pub fn shows(&mut self, words: &str) -> &mut Self {
        assert!(self.screen().contains(words), "{words:?} is not on the screen:\n{}", self.screen());
        self
    }

    #[track_caller]
    pub fn hides(&mut self, words: &str) -> &mut Self {
        assert!(!self.screen().contains(words), "{words:?} is on the screen:\n{}", self.screen());
        self
    }
}

pub fn problem(code: Code, detail: &str) -> Box<Problem> {
    Box::new(Problem::new(code, detail).hint("try something else"))
}

/// The rows of a buffer without trailing blanks.
pub fn symbols(buf: &Buffer) -> Vec<String> {
    let width = usize::from(buf.area.width.max(1));
    buf.content
        .chunks(width)
        .map(|row| {
            let mut line = String::new();
            let mut skip = 0;
            for cell in row {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                line.push_str(cell.symbol());
                skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Rows and, below all of them, the roles of every row: `12: 0..8 accent, 9..20 muted+selection`.
pub fn styled(buf: &Buffer, theme: &Theme) -> String {
    let width = usize::from(buf.area.width.max(1));
    let mut out = symbols(buf).join("\n");
    out.push_str("\n\n");
    for (y, row) in buf.content.chunks(width).enumerate() {
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (x, cell) in row.iter().enumerate() {
            let name = role_of(cell, theme);
            match runs.last_mut() {
                Some((_, end, last)) if *last == name => *end = x,
                _ => runs.push((x, x, name)),
            }
        }
        let named: Vec<String> = runs
            .into_iter()
            .filter(|(.., name)| !name.is_empty())
            .map(|(a, b, name)| if a == b { format!("{a} {name}") } else { format!("{a}-{b} {name}") })
            .collect();
        if !named.is_empty() {
            out.push_str(&format!("{y:>3}: {}\n", named.join(", ")));
        }
    }
    out
}

/// The role that a cell was drawn with, and what was laid over it.
fn role_of(cell: &ratatui::buffer::Cell, theme: &Theme) -> String {
    let blank = ratatui::buffer::Cell::default();
    let mut plain = ratatui::buffer::Cell::default();
    let same = |a: &ratatui::buffer::Cell, b: &ratatui::buffer::Cell| {
        (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)
    };
    if same(cell, &blank) {
        return String::new();
    }
    for role in Role::ALL {
        plain.reset();
        plain.set_style(theme.style(*role));
        if same(cell, &plain) && !same(&plain, &blank) {
            return role.as_str().to_owned();
        }
    }
    for over in [Role::Selection, Role::SelectionIdle] {
        for role in Role::ALL {
            plain.reset();
            plain.set_style(theme.style(*role));
            plain.set_style(theme.style(over));
            if same(cell, &plain) {
                let role = if *role == Role::Text { String::new() } else { format!("{role}+") };
                return format!("{role}{over}");
            }
        }
    }
    format!("{:?}/{:?}/{:?}", cell.fg, cell.bg, cell.modifier)
}
