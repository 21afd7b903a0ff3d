//! The few values that a card asks for, and how they get into the request.
//!
//! ```text
//!   Text    typed
//!   Choice  one of a list: left and right turn it, Enter opens a long list, "another …" makes it a Text
//!   Toggle  yes or no
//! ```

use crossterm::event::KeyEvent;

use super::options::{self, Choice};
use crate::{
    contract::restore_from::RestoreFrom,
    domain::{operation::Kind, savepoint::Format},
    faces::tui::{input::Line, model::Model, msg::Request},
};

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldId {
    /// Restore point: a savepoint, `latest`, `none` …
    From,
    /// Where a savepoint is.
    Location,
    /// A person's words for a savepoint.
    Label,
    /// Binary format.
    Format,
    /// Let windows fire first.
    Drain,
    /// `APP/NAME` of a new deployment.
    NewDeployment,
    /// Where the new one runs.
    Target,
    /// Start the new one at once.
    StartNow,
    /// Number of a revision.
    Revision,
    /// State that maps to no operator may be dropped.
    DropState,
    /// Supersede the active operation.
    Supersede,
    /// Cancel a live job and start from the savepoint.
    CancelAndStart,
    /// Take over a job of another nutkin.
    TakeOver,
}

impl FieldId {
    /// The flag of the command line that asks for the same.
    #[must_use]
    pub const fn flag(self) -> Option<&'static str> {
        Some(match self {
            Self::From => "--from",
            Self::Label => "--label",
            Self::Format => "--format",
            Self::Drain => "--drain",
            Self::Target => "--target",
            Self::StartNow => "--start",
            Self::Revision => "--revision",
            Self::DropState => "--allow-non-restored-state",
            Self::Supersede => "--supersede",
            Self::CancelAndStart => "--cancel-and-start",
            Self::TakeOver => "--take-over",
            Self::Location | Self::NewDeployment => return None,
        })
    }
}

/// The fields whose flags a hint names: what to do about it here.
pub fn meant<'a>(hint: &str, fields: &'a [Field]) -> impl Iterator<Item = &'a Field> {
    let words: Vec<String> = hint
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-').to_owned())
        .collect();
    fields.iter().filter(move |f| f.id.flag().is_some_and(|flag| words.iter().any(|w| w == flag)))
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A line that a person types.
    Text(Line),
    /// One of the field's options, by its place.
    Choice(usize),
    /// Yes or no.
    Toggle(bool),
}

/// What a press on a field does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// It has another value now.
    Changed,
    /// Its options are to be listed.
    Lists,
    /// Nothing; go on to the next field.
    Nothing,
}

/// One field of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What for.
    pub id: FieldId,
    /// What it is called.
    pub label: &'static str,
    /// What it does, one line.
    pub help: &'static str,
    /// What it can be, where that is a list.
    pub options: Vec<Choice>,
    /// What is typed, chosen or ticked.
    pub value: Value,
}

/// So many options are turned through; more are listed.
const TURNED: usize = 3;

impl Field {
    fn text(id: FieldId, label: &'static str, help: &'static str, text: &str) -> Self {
        Self { id, label, help, options: vec![], value: Value::Text(Line::new(text)) }
    }
    const fn toggle(id: FieldId, label: &'static str, help: &'static str) -> Self {
        Self { id, label, help, options: vec![], value: Value::Toggle(false) }
    }
    const fn list(id: FieldId, label: &'static str, options: Vec<Choice>) -> Self {
        Self { id, label, help: "", options, value: Value::Choice(0) }
    }
    fn format() -> Self {
        let options = vec![
            Choice::new("", "as configured"),
            Choice::new("CANONICAL", "CANONICAL"),
            Choice::new("NATIVE", "NATIVE"),
        ];
        Self::list(FieldId::Format, "Format", options)
    }
    const fn drop_state() -> Self {
        Self::toggle(FieldId::DropState, "Drop state", "that no operator of the revision takes")
    }

    /// The same field with this value: one of its options, or typed.
    fn with(mut self, value: Option<&str>) -> Self {
        if let Some(v) = value {
            let known = self.options.iter().position(|o| o.value == v);
            self.value = known.map_or_else(|| Value::Text(Line::new(v)), Value::Choice);
        }
        self
    }

    /// Its text; a toggle's is empty.
    #[must_use]
    pub fn current(&self) -> &str {
        match &self.value {
            Value::Text(l) => l.as_str().trim(),
            Value::Choice(at) => self.options.get(*at).map_or("", |o| o.value.as_str()),
            Value::Toggle(_) => "",
        }
    }

    /// Typing goes into it.
    #[must_use]
    pub const fn types(&self) -> bool {
        matches!(self.value, Value::Text(_))
    }

    /// It has a list that is worth opening.
    #[must_use]
    pub fn lists(&self) -> bool {
        self.options.len() > TURNED || self.id == FieldId::Revision
    }

    /// A key for a text field: `None` = not ours, else whether the value changed.
    pub fn key(&mut self, e: &KeyEvent) -> Option<bool> {
        match &mut self.value {
            Value::Text(l) => l.key(e),
            _ => None,
        }
    }

    /// Enter or blank: the next value, or the list of values.
    pub fn press(&mut self) -> Pressed {
        let lists = self.lists();
        match &mut self.value {
            Value::Choice(_) if lists => return Pressed::Lists,
            Value::Choice(_) => return self.turn(1),
            Value::Toggle(on) => *on = !*on,
            Value::Text(_) => return Pressed::Nothing,
        }
        Pressed::Changed
    }

    /// Left or right: another value.
    pub fn turn(&mut self, n: isize) -> Pressed {
        let values = self.options.iter().filter(|o| !o.is_typed()).count().max(1);
        match &mut self.value {
            Value::Choice(at) => *at = (at.wrapping_add(values).wrapping_add_signed(n)) % values,
            Value::Toggle(on) => *on = !*on,
            Value::Text(_) => return Pressed::Nothing,
        }
        Pressed::Changed
    }

    /// Takes one of its options.
    pub fn take(&mut self, at: usize) {
        self.value = match self.options.get(at) {
            Some(o) if o.is_typed() => Value::Text(Line::default()),
            _ => Value::Choice(at),
        };
    }

    /// Takes new options; its value stays.
    fn offer(&mut self, options: Vec<Choice>) {
        let value = self.current().to_owned();
        self.options = options;
        if let Value::Choice(at) = &mut self.value {
            *at = self.options.iter().position(|o| o.value == value).unwrap_or(0);
        }
    }
}

/// The fields of a request's card.
#[must_use]
pub fn of(request: &Request, model: &Model) -> Vec<Field> {
    let from = |value: Option<&str>| {
        Field::list(FieldId::From, "From", options::restore_points(request, model)).with(value)
    };
    match request {
        Request::Start(_, b) => vec![from(b.from.as_deref()), Field::drop_state()],
        Request::Suspend(..) => {
            vec![
                Field::format(),
                Field::toggle(FieldId::Drain, "Drain", "let windows fire first; no usual restore point"),
            ]
        }
        Request::Cancel(..) => {
            vec![Field::toggle(FieldId::Supersede, "Supersede", "also end the operation that is at work")]
        }
        Request::Savepoint(..) => {
            vec![Field::text(FieldId::Label, "Label", "your words for it", ""), Field::format()]
        }
        Request::Restart(..) => vec![from(None)],
        Request::Rollback(d, _) => vec![
            Field::list(FieldId::Revision, "Revision", options::revisions(d, model)),
            from(None),
            Field::drop_state(),
        ],
        Request::Fork(_, b) => vec![
            Field::text(FieldId::NewDeployment, "New name", "APP/NAME", &b.new_deployment),
            Field::list(FieldId::Target, "Target", options::targets(model)),
            from(b.from.as_deref()),
            Field::toggle(FieldId::StartNow, "Start it", "start the new deployment at once"),
        ],
        Request::Reset(..) => {
            vec![Field::toggle(
                FieldId::CancelAndStart,
                "And start",
                "cancel a live job and start from here at once",
            )]
        }
        Request::Adopt(_, _, b) => vec![
            Field::text(FieldId::NewDeployment, "New name", "APP/NAME", &b.deployment),
            Field::toggle(FieldId::TakeOver, "Take over", "also when another nutkin manages it"),
        ],
        Request::Import(b) => vec![
            Field::text(FieldId::Location, "Location", "its folder, as Flink sees it", &b.location),
            Field::text(FieldId::Label, "Label", "your words for it", ""),
        ],
        Request::Upgrade(..) | Request::Dispose(..) | Request::Delete(..) => vec![],
    }
}

/// Lists may have grown since the card was opened; values stay.
pub fn refresh(fields: &mut [Field], request: &Request, model: &Model) {
    for f in fields {
        match (f.id, request) {
            (FieldId::Revision, Request::Rollback(d, _)) => f.offer(options::revisions(d, model)),
            (FieldId::From, _) => f.offer(options::restore_points(request, model)),
            _ => {}
        }
    }
}

/// The request with the fields' values in it.
#[must_use]
pub fn filled(request: &Request, fields: &[Field]) -> Request {
    let mut r = request.clone();
    let find = |id: FieldId| fields.iter().find(|f| f.id == id);
    let word = |id| find(id).map(|f| f.current().to_owned()).filter(|s| !s.is_empty());
    let on = |id| matches!(find(id).map(|f| &f.value), Some(Value::Toggle(true)));
    let format = || word(FieldId::Format).and_then(|w| w.parse::<Format>().ok());
    match &mut r {
        Request::Start(_, b) => {
            (b.from, b.allow_non_restored_state) = (word(FieldId::From), on(FieldId::DropState));
        }
        Request::Suspend(_, b) => (b.format, b.drain) = (format(), on(FieldId::Drain)),
        Request::Cancel(_, b) => b.supersede = on(FieldId::Supersede),
        Request::Savepoint(_, b) => (b.label, b.format) = (word(FieldId::Label), format()),
        Request::Restart(_, b) => b.from = word(FieldId::From),
        Request::Rollback(_, b) => {
            b.revision = word(FieldId::Revision).and_then(|w| w.parse().ok());
            (b.from, b.allow_non_restored_state) = (word(FieldId::From), on(FieldId::DropState));
        }
        Request::Fork(_, b) => {
            b.new_deployment = word(FieldId::NewDeployment).unwrap_or_default();
            (b.target, b.from, b.start) = (word(FieldId::Target), word(FieldId::From), on(FieldId::StartNow));
        }
        Request::Reset(_, b) => b.cancel_and_start = on(FieldId::CancelAndStart),
        Request::Adopt(_, _, b) => {
            b.deployment = word(FieldId::NewDeployment).unwrap_or_default();
            b.take_over = on(FieldId::TakeOver);
        }
        Request::Import(b) => {
            (b.location, b.label) = (word(FieldId::Location).unwrap_or_default(), word(FieldId::Label));
        }
        Request::Upgrade(..) | Request::Dispose(..) | Request::Delete(..) => {}
    }
    r
}

/// What is wrong with the fields before anybody is asked.
#[must_use]
pub fn complaint(kind: Kind, fields: &[Field]) -> Option<String> {
    fields.iter().find_map(|f| match (f.id, &f.value) {
        (FieldId::NewDeployment, _) => f
            .current()
            .parse::<crate::domain::ids::DeploymentName>()
            .err()
            .map(|e| format!("{}: {}", f.label, e.rule)),
        (FieldId::Location, _) if f.current().is_empty() => {
            Some(format!("{}: where is the savepoint?", f.label))
        }
        (FieldId::From, Value::Text(l)) if l.value().is_none() => {
            Some(format!("{}: type a savepoint's id or place", f.label))
        }
        (FieldId::From, Value::Text(l)) => {
            let refused = RestoreFrom::parse(kind, l.as_str().trim()).err()?;
            Some(format!("{}; {}", refused.detail, refused.hint.unwrap_or_default()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: FieldId, values: &[&str]) -> Field {
        let mut options: Vec<Choice> = values.iter().map(|v| Choice::new(v, *v)).collect();
        options.push(Choice::typed());
        Field::list(id, "From", options)
    }

    #[test]
    fn a_list_is_turned_picked_and_typed() {
        let mut f = field(FieldId::From, &["", "a", "b"]);
        assert_eq!(f.press(), Pressed::Lists, "too many to turn through");
        f.turn(-1);
        assert_eq!(f.current(), "b", "turning never ends on the option that is typed");
        f.turn(1);
        assert_eq!(f.current(), "");
        f.take(3);
        assert!(
            f.types() && complaint(Kind::Upgrade, std::slice::from_ref(&f)).is_some(),
            "nothing is typed yet"
        );
        f.value = Value::Text(Line::new("s3://x"));
        assert_eq!((f.current(), complaint(Kind::Upgrade, std::slice::from_ref(&f))), ("s3://x", None));
        f.value = Value::Text(Line::new("none"));
        let refused = complaint(Kind::Rollback, std::slice::from_ref(&f)).unwrap();
        assert!(refused.contains("rollback does not go on from \"none\""), "{refused}");
    }

    #[test]
    fn a_value_stays_when_the_list_grows() {
        let mut f = field(FieldId::Revision, &["", "2"]);
        f.take(1);
        f.offer(["", "3", "2"].map(|v| Choice::new(v, v)).into());
        assert_eq!(f.current(), "2");
        assert_eq!(f.clone().with(Some("3")).value, Value::Choice(1));
        assert_eq!(f.with(Some("s3://y")).current(), "s3://y");
    }
}
