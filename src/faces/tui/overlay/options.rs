//! What a card's field can be: restore points, revisions, targets, each in words that tell it from the others.

use crate::{
    contract::{
        model::{Revision, Savepoint},
        restore_from::StateWord,
    },
    domain::{savepoint::Status, text::bytes},
    faces::tui::{history, model::Model, msg::Request, say},
};

/// One value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What a person reads.
    pub words: String,
    /// What speaks against it.
    pub warning: Option<&'static str>,
}

/// The value of the option that is typed. No id and no place has a control character in it.
const TYPED: &str = "\u{0}";

impl Choice {
    /// A value and its words.
    #[must_use]
    pub fn new(value: &str, words: impl Into<String>) -> Self {
        Self { value: value.to_owned(), words: words.into(), warning: None }
    }
    /// The option that lets a person type.
    #[must_use]
    pub fn typed() -> Self {
        Self::new(TYPED, "another place, which you type")
    }
    /// It lets a person type.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        self.value == TYPED
    }
}

/// Where a request can take its state from: its own words first, then every complete savepoint, newest first.
#[must_use]
pub fn restore_points(request: &Request, model: &Model) -> Vec<Choice> {
    let deployment = request.subject();
    let runs = model.data.runs(deployment);
    let words = StateWord::of(request.kind()).iter().map(|w| state(request, *w));
    let mut out: Vec<Choice> = match request {
        Request::Start(..) => {
            std::iter::once(Choice::new("", "as the restore strategy says")).chain(words).collect()
        }
        Request::Fork(..) => words.collect(),
        _ => std::iter::once(Choice::new("", if runs { "a new savepoint" } else { "the newest state" }))
            .chain(words)
            .collect(),
    };
    if matches!(request, Request::Fork(..)) && !runs {
        // Where no job runs, no new savepoint can be taken.
        out.rotate_left(1);
    }
    let known = model.data.detail(deployment).map(|d| d.savepoints.as_slice()).unwrap_or_default();
    out.extend(known.iter().filter(|s| s.status == Status::Completed).map(|s| savepoint(model, s)));
    out.push(Choice::typed());
    out
}

/// A word for a state, and what it means to this request.
fn state(request: &Request, word: StateWord) -> Choice {
    let words = match word {
        StateWord::Latest if matches!(request, Request::Fork(..)) => "the newest savepoint",
        StateWord::Latest => "the newest state",
        StateWord::None => "nothing: begin empty",
        StateWord::New => "a new savepoint; the job goes on",
        StateWord::LastCheckpoint => "the last checkpoint",
    };
    Choice::new(word.as_str(), words)
}

fn savepoint(model: &Model, s: &Savepoint) -> Choice {
    let when = model.state_time(s);
    let size = s.size_bytes.map(|b| format!("  {}", bytes(b))).unwrap_or_default();
    let label = s.label.as_ref().map(|l| format!("  {l}")).unwrap_or_default();
    let words = format!("{when} {}{size}  {}{label}", say::origin(s.origin), say::short_id(&s.savepoint_id));
    Choice::new(&s.savepoint_id, words)
}

/// The revisions that a deployment can go back to, newest first; those that failed say so.
#[must_use]
pub fn revisions(deployment: &str, model: &Model) -> Vec<Choice> {
    let all = model.data.revisions(deployment);
    let now = model.data.detail(deployment).and_then(|d| d.deployment.revision);
    // As the manager chooses: one that failed is never what "back" means.
    let earlier = |r: &&Revision| now.is_some_and(|n| r.number < n) && r.failed_in.is_none();
    let previous = all.iter().find(earlier);
    let words = previous.map_or_else(
        || "the previous one".to_owned(),
        |r| format!("the previous one: {} {}", r.number, r.version_label),
    );
    let mut out = vec![Choice::new("", words)];
    out.extend(all.iter().filter(|r| Some(r.number) != now).map(|r| {
        let when = model.zone.minute(r.created_at, model.manager_now());
        Choice {
            warning: history::failure(&model.data, r),
            ..Choice::new(
                &r.number.to_string(),
                format!("{} {}  {when} by {}", r.number, r.version_label, r.author),
            )
        }
    }));
    out
}

/// Where a fork can run.
#[must_use]
pub fn targets(model: &Model) -> Vec<Choice> {
    let mut out = vec![Choice::new("", "the same")];
    out.extend(model.data.targets.values().map(|t| {
        let slots = t.slots_free.map(|n| format!("  {n} slots free")).unwrap_or_default();
        Choice {
            warning: (t.reachable == Some(false)).then_some("unreachable"),
            ..Choice::new(&t.name, format!("{}{slots}", t.name))
        }
    }));
    out
}
