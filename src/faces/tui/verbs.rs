//! Verbs: when they make sense, and how their card begins. What is allowed, the manager decides; this only saves a
//! person from cards that cannot lead anywhere, and says why.

use super::{
    command::Command,
    data::Link,
    model::Model,
    msg::{Effect, Request},
    overlay::{Overlay, card::Card, form::Form},
    theme::Role,
};
use crate::{
    contract::{
        intent::{self, PatchSavepoint},
        restore_from::StateWord,
        watch::Row,
    },
    domain::{
        deployment::{Health, Observed},
        savepoint::Status,
    },
};

/// Whether a command would do something now; if not, why.
pub(super) fn available(c: Command, m: &Model) -> Result<(), String> {
    use Command as C;
    match c {
        C::Start
        | C::Suspend
        | C::Restart
        | C::Cancel
        | C::Savepoint
        | C::Upgrade
        | C::Fork
        | C::Rollback
        | C::Delete => {
            writable(m)?;
            let row = row(m)?;
            fits(c, row)
        }
        C::Adopt => {
            writable(m)?;
            let job = m.home.job(&m.data).ok_or("select a job under * Unmanaged on …")?;
            match (&job.deployment, job.management.as_str()) {
                (_, "managed") => Err("this job is already managed".to_owned()),
                (Some(d), _) => Err(format!("this job was started for {d}")),
                (None, _) => Ok(()),
            }
        }
        C::Reset | C::ForkFrom | C::Dispose => {
            writable(m)?;
            let s = m.home.savepoint(&m.data).ok_or("select a savepoint")?;
            match (c, s.status) {
                (C::Dispose, _) if s.pinned => Err("it is pinned; unpin it first".to_owned()),
                (C::Dispose, _) | (_, Status::Completed) => Ok(()),
                (_, status) => Err(format!("this savepoint is {status}")),
            }
        }
        C::Choose if m.data.read_only => Err(READ_ONLY.to_owned()),
        C::Import => {
            writable(m)?;
            row(m).map(|_| ())
        }
        C::OpenSavepoint => {
            m.home.savepoint(&m.data).map(|_| ()).ok_or_else(|| "select a savepoint".to_owned())
        }
        C::OpenEvent | C::CopyEvent => {
            m.home.event(&m.data).map(|_| ()).ok_or_else(|| "select an event".to_owned())
        }
        C::Attention if !m.data.somebody_waits() => Err("nothing waits for a person".to_owned()),
        C::Pin => {
            writable(m)?;
            m.home.savepoint(&m.data).map(|_| ()).ok_or_else(|| "select a savepoint".to_owned())
        }
        C::CopyPath => match m.home.savepoint(&m.data) {
            None => Err("select a savepoint".to_owned()),
            Some(s) if s.location.is_none() => Err("its location is not known".to_owned()),
            Some(_) => Ok(()),
        },
        C::Operations if !m.pages.is_empty() => Err("they are on the screen".to_owned()),
        C::Filter => m.home.filter().map(|_| ()).ok_or_else(|| "nothing to filter here".to_owned()),
        _ => Ok(()),
    }
}

/// How the word for a job of another nutkin begins; what follows names its store.
pub(super) const ANOTHER: &str = "another nutkin";

/// The manager is, or the person may only look.
pub(super) const READ_ONLY: &str = "this console is read-only";

fn writable(m: &Model) -> Result<(), String> {
    match &m.data.link {
        Link::Connecting => Err("the manager has not answered yet".to_owned()),
        Link::Lost { .. } => Err("the manager does not answer".to_owned()),
        Link::Live if m.data.read_only => Err(READ_ONLY.to_owned()),
        Link::Live => Ok(()),
    }
}

fn row(m: &Model) -> Result<&Row, String> {
    m.home.deployment().and_then(|d| m.data.rows.get(d)).ok_or_else(|| {
        let adopt = m.keymap.key_of(Command::Adopt).unwrap_or_default();
        match m.home.job(&m.data) {
            Some(j) if j.deployment.is_some() || j.management.starts_with(ANOTHER) => {
                format!("this job is {}; select a deployment", j.management)
            }
            Some(_) => format!("nobody manages this job; {adopt} adopts it first"),
            None => "select a deployment".to_owned(),
        }
    })
}

/// States in which a verb leads nowhere.
fn fits(c: Command, row: &Row) -> Result<(), String> {
    let busy = |what: &str| Err(format!("{what} is at work ({}); see it under operations", row.deployment));
    match (c, row.observed, &row.operation) {
        (Command::Cancel | Command::Suspend | Command::Fork, _, Some(_)) => Ok(()),
        (_, _, Some(op)) => busy(op),
        (Command::Start, Observed::Running | Observed::Transitioning, None) => {
            Err("it already runs".to_owned())
        }
        (
            Command::Suspend | Command::Savepoint,
            Observed::Suspended | Observed::Cancelled | Observed::Finished | Observed::Failed,
            None,
        ) => Err(format!("it is {}, there is no job", row.observed)),
        (Command::Delete, Observed::Running | Observed::Transitioning, None) => {
            Err("it has a job; suspend or cancel it first".to_owned())
        }
        // What is at rest and fails has a job that lives beside its books: a cancel ends that one.
        (Command::Cancel, Observed::Suspended | Observed::Cancelled, None)
            if row.health != Health::Failing =>
        {
            Err(format!("it is {}", row.observed))
        }
        _ => Ok(()),
    }
}

/// Opens the card or form of a verb.
pub(super) fn act(m: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    if c == Command::Upgrade
        && let Some(d) = m.home.deployment().map(str::to_owned)
    {
        let form = Form::open(&d, m, fx);
        m.overlays.push(Overlay::Form(Box::new(form)));
        return;
    }
    if let Some(request) = request(m, c) {
        let card = Card::open(request, m, fx);
        m.overlays.push(Overlay::Card(Box::new(card)));
    }
}

fn request(m: &Model, c: Command) -> Option<Request> {
    if c == Command::Adopt {
        let job = m.home.job(&m.data)?;
        let body = intent::Adopt { deployment: suggested_name(m, &job.name), ..Default::default() };
        return Some(Request::Adopt(job.target.clone(), job.flink_job_id.clone(), body));
    }
    let d = m.home.deployment()?.to_owned();
    let savepoint = || m.home.savepoint(&m.data).map(|s| s.savepoint_id.clone());
    Some(match c {
        Command::Start => Request::Start(d, intent::Start::default()),
        Command::Suspend => Request::Suspend(d, intent::Suspend::default()),
        Command::Restart => Request::Restart(d, intent::Restart::default()),
        Command::Cancel => Request::Cancel(d, intent::Cancel::default()),
        Command::Savepoint => Request::Savepoint(d, intent::TakeSavepoint::default()),
        Command::Rollback => Request::Rollback(d, intent::Rollback::default()),
        Command::Fork => {
            // Where no job runs, no new savepoint can be taken.
            let runs = m.data.runs(&d);
            let from = Some(if runs { StateWord::New } else { StateWord::Latest }.to_string());
            Request::Fork(d, intent::Fork { from, ..Default::default() })
        }
        Command::ForkFrom => Request::Fork(d, intent::Fork { from: savepoint(), ..Default::default() }),
        Command::Reset => Request::Reset(d, intent::Reset { savepoint: savepoint()?, ..Default::default() }),
        Command::Delete => Request::Delete(d, intent::DeleteDeployment::default()),
        Command::Import => Request::Import(intent::ImportSavepoint { deployment: d, ..Default::default() }),
        Command::Dispose => Request::Dispose(d, savepoint()?, intent::DisposeSavepoint::default()),
        _ => return None,
    })
}

/// `APP/NAME` for a job that somebody started: its name as a label, under the only application there is.
fn suggested_name(m: &Model, job: &str) -> String {
    let label: String = job
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect::<String>()
        .split('-')
        .filter(|p| !p.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let label: String = label.chars().take(40).collect();
    let label = label.trim_end_matches('-');
    let app = m.data.applications.keys().next().filter(|_| m.data.applications.len() == 1);
    match app {
        Some(app) => format!("{app}/{label}"),
        None => format!("{label}/adopted"),
    }
}

/// Pins or unpins the selected savepoint.
pub(super) fn pin(m: &mut Model, fx: &mut Vec<Effect>) {
    if let Some(s) = m.home.savepoint(&m.data) {
        let (savepoint, pinned) = (s.savepoint_id.clone(), !s.pinned);
        let key = m.next_key();
        fx.push(Effect::Patch { savepoint, body: PatchSavepoint { pinned: Some(pinned), label: None }, key });
    }
}

/// Copies the name of what is selected, or a savepoint's location.
pub(super) fn copy(m: &mut Model, c: Command, fx: &mut Vec<Effect>) {
    let text = match c {
        Command::CopyPath => m.home.savepoint(&m.data).and_then(|s| s.location.clone()),
        Command::CopyEvent => m.home.event(&m.data).map(|e| e.message.clone()),
        _ => {
            let job = m.home.job(&m.data).map(|j| j.flink_job_id.clone());
            m.home.deployment().map(str::to_owned).or(job)
        }
    };
    match text {
        Some(t) => fx.push(Effect::Copy(t)),
        None => m.toast("nothing is selected", Role::Warn),
    }
}
