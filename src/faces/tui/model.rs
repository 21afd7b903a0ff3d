//! The console's whole state. It changes in [`super::update::update`] and nowhere else.

use std::collections::BTreeSet;

use super::{
    command::Context,
    data::Data,
    keymap::{Chord, Keymap},
    msg::AskId,
    overlay::{Overlay, card::Sending},
    pages::{Page, home::Home},
    say::{Zone, short_id},
    theme::{Role, Theme},
};
use crate::{
    client::program,
    contract::model::Savepoint,
    domain::{operation::OpState, time::Timestamp},
};

/// Seconds that a toast stays.
pub(super) const TOAST_SECONDS: u64 = 8;

/// A short message in the corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// How loud.
    pub role: Role,
    /// When it goes away.
    pub until: Timestamp,
}

/// The waiting operation that is to be opened as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attend {
    /// That of a deployment, `APP/NAME`.
    Of(String),
    /// Whichever it is: the rows that are known do not tell.
    Any,
}

/// An operation that does not end with the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoesOn {
    /// It waits for a person.
    pub waits: bool,
    /// Which, and how.
    pub words: String,
}

impl GoesOn {
    fn new(what: &str, waits: bool, id: &str) -> Self {
        let how = if waits { "waits for a person" } else { "goes on" };
        Self { waits, words: format!("{what} {how}{id}") }
    }
}

/// What the console begins with.
#[derive(Debug)]
pub struct Start {
    /// Which key is which command.
    pub keymap: Keymap,
    /// One style for each role.
    pub theme: Theme,
    /// In whose time times are shown.
    pub zone: Zone,
    /// One line in the footer's place until a key is pressed.
    pub hint: Option<String>,
    /// How command lines begin: `nutkin`, with the profile where there is one.
    pub program: String,
    /// Makes idempotency keys differ between consoles.
    pub key_seed: String,
    /// By this machine's clock.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// The console's whole state.
#[derive(Debug)]
pub struct Model {
    /// What is known of the manager's world.
    pub data: Data,
    /// The clock, as last told.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The page at the bottom.
    pub home: Home,
    /// Pages above it.
    pub pages: Vec<Page>,
    /// Cards, forms and lists on top; the last one has the keys.
    pub overlays: Vec<Overlay>,
    /// The first keys of a chord.
    pub pending: Chord,
    /// Short messages.
    pub toasts: Vec<Toast>,
    /// Which key is which command.
    pub keymap: Keymap,
    /// One style for each role.
    pub theme: Theme,
    /// In whose time times are shown.
    pub zone: Zone,
    /// A hint what to try.
    pub hint: Option<String>,
    /// How command lines begin.
    pub program: String,
    /// Operations that were submitted here.
    pub started: BTreeSet<String>,
    /// The operation that waits for a person is to be opened as soon as it is known.
    pub attend: Option<Attend>,
    /// Acts that were confirmed and whose card was left before the manager answered.
    pub unanswered: Vec<Sending>,
    /// What was last said to be looked at; `None` = nobody has been told on this stream.
    pub(super) interest: Option<Vec<String>>,
    /// The stream was begun anew because the manager had forgotten it; until it follows again, that is a failure.
    pub(super) asked_anew: bool,
    asks: AskId,
    key_seed: String,
    keys: u64,
}

impl Model {
    /// A console that knows nothing yet.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self {
            data: Data::default(),
            now: start.now,
            size: start.size,
            home: Home::default(),
            pages: vec![],
            overlays: vec![],
            pending: vec![],
            toasts: vec![],
            keymap: start.keymap,
            theme: start.theme,
            zone: start.zone,
            hint: start.hint,
            program: start.program,
            started: BTreeSet::new(),
            attend: None,
            unanswered: vec![],
            interest: None,
            asked_anew: false,
            asks: 0,
            key_seed: start.key_seed,
            keys: 0,
        }
    }

    /// The manager's clock.
    #[must_use]
    pub const fn manager_now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.millis() + self.data.skew)
    }

    /// When the state of a restore point was taken; a dash where nobody knows it.
    #[must_use]
    pub fn state_time(&self, s: &Savepoint) -> String {
        s.state_of().map_or_else(|| "–".to_owned(), |at| self.zone.minute(at, self.manager_now()))
    }

    /// A command line of the manager's, or a hint with one, as it must be typed here.
    #[must_use]
    pub fn command_line(&self, command: &str) -> String {
        program::addressed(command, &self.program)
    }

    /// A fresh name for a card or form.
    pub const fn next_ask(&mut self) -> AskId {
        self.asks += 1;
        self.asks
    }

    /// A fresh idempotency key: one per confirmed act.
    pub fn next_key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}", self.key_seed, self.keys)
    }

    /// Says something in the corner.
    pub fn toast(&mut self, text: impl Into<String>, role: Role) {
        let until = self.now + std::time::Duration::from_secs(TOAST_SECONDS);
        let text = text.into();
        self.toasts.retain(|t| t.text != text);
        self.toasts.push(Toast { text, role, until });
        if self.toasts.len() > 3 {
            self.toasts.remove(0);
        }
    }

    /// The contexts that keys are looked up in, innermost first.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        match (self.overlays.last(), self.pages.last()) {
            (Some(overlay), _) => overlay.contexts().to_vec(),
            (None, Some(Page::Operations(_))) => vec![Context::Operations, Context::List, Context::Global],
            (None, None) if self.home.filtering.is_some() => vec![Context::Filter],
            (None, None) => self.home.contexts(),
        }
    }

    /// Somebody types: characters belong to a field, and mean no command.
    #[must_use]
    pub fn types(&self) -> bool {
        let filter = self.overlays.is_empty() && self.pages.is_empty() && self.home.filtering.is_some();
        filter || self.overlays.last().is_some_and(Overlay::types)
    }

    /// Confirmed acts that nobody has answered: they may not have happened, and are asked for no more after leaving.
    #[must_use]
    pub fn without_answer(&self) -> Vec<String> {
        let on_cards = self.overlays.iter().filter_map(|o| match o {
            Overlay::Card(c) => c.sending.as_ref(),
            _ => None,
        });
        let all = self.unanswered.iter().chain(on_cards);
        all.map(Sending::words).collect()
    }

    /// Operations that would go on after leaving, for the words at the end; what waits for a person comes first.
    #[must_use]
    pub fn still_running(&self) -> Vec<GoesOn> {
        let known = self.data.active_operations().map(|o| {
            let what = format!("{} of {}", o.kind, o.deployment);
            GoesOn::new(
                &what,
                o.state == OpState::NeedsAttention,
                &format!("  {}", short_id(&o.operation_id)),
            )
        });
        let seen: BTreeSet<&str> = self.data.active_operations().map(|o| o.deployment.as_str()).collect();
        // Operations that this console has not seen in full are known by their rows.
        let others = self.data.rows.values().filter(|r| !seen.contains(r.deployment.as_str()));
        let by_row = others.filter_map(|r| {
            let what = format!("{} of {}", r.operation.as_ref()?, r.deployment);
            Some(GoesOn::new(&what, r.needs_attention, ""))
        });
        let mut all: Vec<_> = known.chain(by_row).collect();
        all.sort_by_key(|g| !g.waits);
        all
    }
}
