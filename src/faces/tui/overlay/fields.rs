//! The few values that a card asks for, and how they get into the request.

use crossterm::event::KeyEvent;

use crate::{
    domain::savepoint::Format,
    faces::tui::{input::Line, msg::Request},
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
    /// Supersede the active operation.
    Supersede,
    /// Cancel a live job and start from the savepoint.
    CancelAndStart,
    /// Take over a job of another nutkin.
    TakeOver,
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Typed.
    Text(Line),
    /// One of several; each with its words.
    Choice(Vec<(String, &'static str)>, usize),
    /// Yes or no.
    Toggle(bool),
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
    /// Its value.
    pub value: Value,
}

impl Field {
    fn text(id: FieldId, label: &'static str, help: &'static str, text: &str) -> Self {
        Self { id, label, help, value: Value::Text(Line::new(text)) }
    }
    const fn toggle(id: FieldId, label: &'static str, help: &'static str) -> Self {
        Self { id, label, help, value: Value::Toggle(false) }
    }
    fn format() -> Self {
        let options = vec![
            (String::new(), "as configured"),
            ("CANONICAL".into(), "CANONICAL"),
            ("NATIVE".into(), "NATIVE"),
        ];
        Self { id: FieldId::Format, label: "Format", help: "", value: Value::Choice(options, 0) }
    }

    /// Its text; a toggle's is empty.
    #[must_use]
    pub fn current(&self) -> &str {
        match &self.value {
            Value::Text(l) => l.as_str().trim(),
            Value::Choice(options, at) => options.get(*at).map_or("", |(v, _)| v),
            Value::Toggle(_) => "",
        }
    }

    /// Typing goes into it.
    #[must_use]
    pub const fn types(&self) -> bool {
        matches!(self.value, Value::Text(_))
    }

    /// A key for a text field: `None` = not ours, else whether the value changed.
    pub fn key(&mut self, e: &KeyEvent) -> Option<bool> {
        match &mut self.value {
            Value::Text(l) => l.key(e),
            _ => None,
        }
    }

    /// The next value of a choice or toggle; false for a text.
    pub fn turn(&mut self) -> bool {
        match &mut self.value {
            Value::Choice(options, at) => *at = (*at + 1) % options.len().max(1),
            Value::Toggle(on) => *on = !*on,
            Value::Text(_) => return false,
        }
        true
    }
}

/// The fields of a request's card.
#[must_use]
pub fn of(request: &Request) -> Vec<Field> {
    match request {
        Request::Start(_, b) => vec![Field::text(
            FieldId::From,
            "From",
            "a savepoint's id or location, latest or none; empty: by the restore strategy",
            b.from.as_deref().unwrap_or_default(),
        )],
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
        Request::Restart(..) => vec![from_checkpoint()],
        Request::Rollback(..) => vec![
            Field::text(FieldId::Revision, "Revision", "its number; empty: the previous one", ""),
            Field::text(FieldId::From, "From", "a savepoint, or last-checkpoint; empty: a new savepoint", ""),
        ],
        Request::Fork(_, b) => vec![
            Field::text(FieldId::NewDeployment, "New name", "APP/NAME", &b.new_deployment),
            Field::text(FieldId::Target, "Target", "empty: the same", ""),
            Field::text(
                FieldId::From,
                "From",
                "a savepoint's id or location, new, latest or none",
                b.from.as_deref().unwrap_or("new"),
            ),
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

fn from_checkpoint() -> Field {
    let options = vec![(String::new(), "a new savepoint"), ("last-checkpoint".into(), "the last checkpoint")];
    Field { id: FieldId::From, label: "From", help: "", value: Value::Choice(options, 0) }
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
        Request::Start(_, b) => b.from = word(FieldId::From),
        Request::Suspend(_, b) => (b.format, b.drain) = (format(), on(FieldId::Drain)),
        Request::Cancel(_, b) => b.supersede = on(FieldId::Supersede),
        Request::Savepoint(_, b) => (b.label, b.format) = (word(FieldId::Label), format()),
        Request::Restart(_, b) => b.from = word(FieldId::From),
        Request::Rollback(_, b) => {
            b.revision = word(FieldId::Revision).and_then(|w| w.parse().ok());
            b.from = word(FieldId::From);
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
pub fn complaint(fields: &[Field]) -> Option<String> {
    fields.iter().find_map(|f| match f.id {
        FieldId::NewDeployment => f
            .current()
            .parse::<crate::domain::ids::DeploymentName>()
            .err()
            .map(|e| format!("{}: {}", f.label, e.rule)),
        FieldId::Location if f.current().is_empty() => Some(format!("{}: where is the savepoint?", f.label)),
        FieldId::Revision if !f.current().is_empty() => {
            f.current().parse::<u32>().err().map(|_| format!("{} is a number", f.label))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::intent;

    #[test]
    fn fields_reach_the_request() {
        let r = Request::Fork("pay/prod".into(), intent::Fork::default());
        let mut fields = of(&r);
        assert!(complaint(&fields).is_some(), "a fork needs a name");
        fields[0].value = Value::Text(Line::new("pay/canary"));
        fields[3].turn();
        let Request::Fork(_, b) = filled(&r, &fields) else { unreachable!() };
        assert_eq!(
            (b.new_deployment.as_str(), b.from.as_deref(), b.start),
            ("pay/canary", Some("new"), true)
        );
        assert_eq!(complaint(&fields), None);

        let r = Request::Suspend("pay/prod".into(), intent::Suspend::default());
        let mut fields = of(&r);
        fields[0].turn();
        fields[0].turn();
        let Request::Suspend(_, b) = filled(&r, &fields) else { unreachable!() };
        assert_eq!((b.format, b.drain), (Some(Format::Native), false));
    }
}
