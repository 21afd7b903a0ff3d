//! From a verb and the facts to a draft: the operation's plan, its steps, its rows, and the card.

mod ends;
mod finish;
mod fork;
mod restore;
mod revise;

use std::sync::Arc;

use super::{
    Draft, desired_after,
    facts::Facts,
    preflight::{self, Checks},
    words,
};
use crate::{
    contract::{
        intent::{Upgrade, Verb},
        problem::{Code, Problem},
        restore_from::{RestoreFrom, StateWord},
    },
    domain::{
        operation::{
            Kind, Plan,
            recipe::Stop,
            supersede::{self, Takeover},
        },
        restore::{Advice, Request},
        savepoint::{Format, Origin},
        spec::{RestoreStrategy, Spec, UpgradeStrategy},
    },
    manager::{
        ManagerResult, history,
        inner::Inner,
        ports::store::{Changes, DeploymentRow, RevisionRow},
        view,
    },
};

/// A draft under construction.
pub(in crate::manager::submit) struct Building<'a> {
    pub inner: &'a Arc<Inner>,
    pub facts: &'a Facts,
    pub kind: Kind,
    pub plan: Plan,
    pub checks: Checks,
    pub rows: Changes,
    pub stop: Stop,
    pub takeover: Option<Takeover>,
    pub to_run: Option<(RevisionRow, Spec)>,
    pub previous: Option<(RevisionRow, Spec)>,
    /// What a fork starts at once, as an operation of its own.
    pub starts: Option<Spec>,
    pub advice: Option<Advice>,
    /// Progress that is repeated, in seconds, where no advice tells it.
    pub rewind: Option<u64>,
    pub warnings: Vec<String>,
    pub irreversible: Vec<String>,
    pub destructive: bool,
}

/// Drafts a verb on a deployment.
pub async fn of_verb(inner: &Arc<Inner>, f: &Facts, verb: &Verb) -> ManagerResult<Draft> {
    let mut b = Building::new(inner, f, verb.kind());
    let reachable = match verb {
        Verb::Delete(_) => true,
        _ => preflight::reachable(&mut b.checks, f),
    };
    b.take_over(super::takeover::asked_for(verb));
    match verb {
        Verb::Start(r) => {
            b.wants_no_job()?;
            b.adopted_start()?;
            b.current_revision()?;
            b.plan.allow_non_restored_state = r.allow_non_restored_state;
            let from = read_from(b.kind, r.from.as_deref())?;
            b.restore(&request_of(from, f));
        }
        Verb::Suspend(r) => {
            b.wants_job()?;
            b.take(r.format, Origin::Suspend);
            b.plan.drain = r.drain;
            if r.drain {
                b.warnings.push(
                    "draining fires all windows and timers; the restore advisor passes such a savepoint over"
                        .to_owned(),
                );
            }
            if reachable {
                // A savepoint that is superseded may fail: that is what was asked for.
                preflight::snapshot(&mut b.checks, f, b.takeover.is_none());
            }
            b.adopted_warning();
            b.supervisor_warning();
        }
        Verb::Savepoint(r) => {
            b.wants_job()?;
            b.take(r.format, Origin::UserRequest);
            b.plan.label.clone_from(&r.label);
            if let Some(dir) = &r.directory {
                b.plan.savepoint_base = Some(dir.clone());
            }
            if reachable {
                preflight::snapshot(&mut b.checks, f, false);
            }
        }
        Verb::Cancel(_) => b.cancel()?,
        Verb::Restart(r) => {
            b.current_revision()?;
            b.previous = b.to_run.clone();
            let from = read_from(b.kind, r.from.as_deref())?;
            b.replace(from, UpgradeStrategy::Stateful, None, reachable);
        }
        Verb::Upgrade(r) => b.upgrade(r, reachable).await?,
        Verb::Rollback(r) => {
            b.plan.allow_non_restored_state = r.allow_non_restored_state;
            let done = history::operations(&*inner.deps.store, &f.entry.row.id).await?;
            b.roll_back(r, &done, reachable)?;
        }
        Verb::Reset(r) => b.reset(r)?,
        Verb::Fork(r) => b.fork(r, reachable)?,
        Verb::Delete(_) => {
            if f.live.is_some() || !f.other_live.is_empty() {
                return Err(wrong_state(f, "it has a live job", "suspend or cancel it first"));
            }
            if f.silent.is_some() && f.entry.job.as_ref().is_some_and(|j| j.ended_at.is_none()) {
                return Err(wrong_state(
                    f,
                    "its cluster does not answer, and its job may live",
                    &format!("try again when the cluster answers: nutkin target check {}", f.entry.target()),
                ));
            }
            b.destructive = true;
            b.irreversible.push("the name is removed; savepoints and their files stay".to_owned());
        }
    }
    b.plan.desired_after = desired_after(b.kind);
    b.finish(words::command(&f.entry.row.name, verb)).await
}

/// Drafts the upgrade that a changed manifest asks for.
pub async fn of_row(inner: &Arc<Inner>, f: &Facts, mut next: DeploymentRow) -> ManagerResult<Draft> {
    let mut b = Building::new(inner, f, Kind::Upgrade);
    let reachable = preflight::reachable(&mut b.checks, f);
    if std::mem::take(&mut next.adopted) {
        b.told_by(&next.layer)?;
    }
    b.upgrade_row(next, &Upgrade::default(), None, reachable)?;
    b.plan.desired_after = desired_after(b.kind);
    let name = f.entry.row.name.to_string();
    b.finish(format!("nutkin apply -f MANIFEST   # {name}")).await
}

/// What a request says that it goes on from; nothing = the manager decides.
fn read_from(kind: Kind, from: Option<&str>) -> ManagerResult<Option<RestoreFrom>> {
    from.map(|given| RestoreFrom::parse(kind, given)).transpose()
}

/// What the advisor is asked where no job is stopped for it; nothing = the deployment's strategy.
fn request_of(from: Option<RestoreFrom>, f: &Facts) -> Request {
    match from {
        None => view::next_request(&f.entry),
        Some(RestoreFrom::Word(StateWord::None)) => Request::Strategy(RestoreStrategy::None),
        Some(RestoreFrom::Word(_)) => Request::Strategy(RestoreStrategy::LatestState),
        Some(RestoreFrom::Id(this) | RestoreFrom::Location(this)) => Request::This(this),
    }
}

pub(super) fn wrong_state(f: &Facts, why: &str, hint: &str) -> Problem {
    let text = format!("{} is {}: {why}; nothing was changed", f.entry.row.name, f.entry.sight.observed);
    Problem::new(Code::WrongState, text).hint(hint)
}

impl<'a> Building<'a> {
    pub(in crate::manager::submit) fn new(inner: &'a Arc<Inner>, facts: &'a Facts, kind: Kind) -> Self {
        let spec = facts.entry.spec.as_ref();
        let config = facts.checkpoint_config.as_ref();
        let mut plan = Plan {
            old_job: facts.job().cloned(),
            savepoint_base: facts.base.clone(),
            checkpoint_interval: config.and_then(|c| c.interval),
            ..Plan::empty()
        };
        if let Some(timeout) = config.and_then(|c| c.timeout) {
            plan.checkpoint_timeout = timeout;
        }
        if let Some(spec) = spec {
            plan.format = spec.savepoint_format;
            plan.max_savepoint_attempts = spec.max_savepoint_attempts;
            plan.max_job_attempts = spec.max_job_attempts;
            plan.probation = spec.probation;
        }
        Self {
            inner,
            facts,
            kind,
            plan,
            checks: Checks::default(),
            rows: Changes::default(),
            stop: Stop::Savepoint,
            takeover: None,
            to_run: None,
            previous: None,
            starts: None,
            advice: None,
            rewind: None,
            warnings: vec![],
            irreversible: vec![],
            destructive: false,
        }
    }

    /// Takes over from the operation at work, where that is allowed.
    fn take_over(&mut self, asked: bool) {
        let Some(active) = &self.facts.active else { return };
        if !supersede::may(self.kind, asked, active.kind) {
            return;
        }
        let takeover = supersede::takeover(active, &self.facts.unsettled);
        self.plan.supersedes = Some(active.id.clone());
        self.warnings.push(words::supersedes(active));
        self.takeover = Some(takeover);
    }

    fn wants_job(&self) -> ManagerResult<()> {
        if self.facts.live.is_none() && self.facts.silent.is_none() {
            let hint = format!("start it: nutkin start {}", self.facts.entry.row.name);
            return Err(wrong_state(self.facts, "it has no running job", &hint));
        }
        Ok(())
    }

    fn wants_no_job(&self) -> ManagerResult<()> {
        if self.facts.live.is_some() {
            return Err(wrong_state(
                self.facts,
                "its job is running",
                "upgrade or restart it, or suspend it first",
            ));
        }
        Ok(())
    }

    fn take(&mut self, format: Option<Format>, origin: Origin) {
        if let Some(f) = format {
            self.plan.format = f;
        }
        self.plan.origin = origin;
    }

    /// A cluster that takes no submissions runs jobs that somebody else starts.
    fn supervisor_warning(&mut self) {
        if self.facts.config.as_ref().is_some_and(|c| !c.web_submit) {
            self.warnings.push(
                "the cluster takes no submissions: what has started this job may start it again, and nutkin cannot"
                    .to_owned(),
            );
        }
    }

    fn adopted_warning(&mut self) {
        if self.facts.entry.row.adopted {
            self.warnings.push(
                "this job was adopted: nutkin does not know its jar and cannot start it again before an upgrade names one".to_owned(),
            );
        }
    }
}
