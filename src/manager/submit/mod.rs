//! Submitting: from an intent to a confirmed plan to a durable operation.
//!
//! ```text
//!   Intent ─▶ facts (one live look) ─▶ draft (plan, checks) ─▶ policy ─┬─ dry run ─▶ Plan + digest
//!                                                                      └─ expect = digest? ─▶ commit operation ─▶ 202
//! ```

mod adopt;
mod choose;
mod decide;
mod draft;
mod facts;
mod preflight;
mod savepoints;
mod takeover;
mod words;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    Caller, Idempotency, Manager, ManagerResult,
    apply::matches_version,
    disposal,
    inner::Inner,
    ports::store::{Changes, RevisionRow},
    runner, view,
};
use crate::{
    contract::{
        intent::{Intent, Meta, Start, Verb},
        plan::{Plan, Submitted},
        problem::{Code, Problem},
    },
    domain::{
        deployment::Desired,
        event::{EventName, Severity, Via},
        ids::{BadId, DeploymentId, DeploymentName, OperationId, TargetName},
        operation::{Kind, OpState, Operation, Step},
        spec::Protection,
    },
};
use decide::decide;
pub use preflight::Checks;
use takeover::Takeover;

/// Everything that one confirmation would commit.
#[derive(Debug)]
pub struct Draft {
    /// Kind.
    pub kind: Kind,
    /// The deployment that the operation holds.
    pub deployment: DeploymentId,
    /// Its name.
    pub name: DeploymentName,
    /// Where.
    pub target: TargetName,
    /// The operation's own document.
    pub plan: crate::domain::operation::Plan,
    /// Its steps.
    pub acts: Vec<crate::domain::operation::Act>,
    /// Rows that are committed with the operation: a new revision, a changed layer.
    pub rows: Changes,
    /// Protection of what it touches.
    pub protection: Protection,
    /// The target is read-only.
    pub target_read_only: bool,
    /// State would be given up, or files deleted.
    pub destructive: bool,
    /// The operation that asks for this one.
    pub parent: Option<OperationId>,
    /// The operation that it takes over from, as it was when the draft was made.
    pub supersedes: Option<Operation>,
    /// The row as it was when the draft was made; another one at the commit means that the plan has changed.
    pub base: Option<super::ports::store::DeploymentRow>,
    /// What the person sees.
    pub card: Plan,
}

impl Manager {
    /// Plans an intent (dry run), or commits it as an operation and drives it.
    pub async fn submit(
        &self,
        intent: Intent,
        who: &Caller,
        dry_run: bool,
        key: Option<Idempotency>,
    ) -> ManagerResult<Submitted> {
        self.submit_for(None, None, intent, who, dry_run, key).await
    }

    /// The same for the version of the deployment that the client has seen.
    pub async fn submit_at(
        &self,
        version: Option<u32>,
        intent: Intent,
        who: &Caller,
        dry_run: bool,
        key: Option<Idempotency>,
    ) -> ManagerResult<Submitted> {
        if version.is_some() && !matches!(intent, Intent::Deployment { .. }) {
            let text = "this has no version that If-Match could name; nothing was changed";
            return Err(Problem::new(Code::BadRequest, text));
        }
        self.submit_for(None, version, intent, who, dry_run, key).await
    }

    /// The same, on behalf of another operation.
    async fn submit_for(
        &self,
        parent: Option<OperationId>,
        version: Option<u32>,
        intent: Intent,
        who: &Caller,
        dry_run: bool,
        key: Option<Idempotency>,
    ) -> ManagerResult<Submitted> {
        let inner = &self.inner;
        if let Some(kept) = self.replay(who, key.as_ref().filter(|_| !dry_run)).await? {
            return Ok(kept);
        }
        if !dry_run {
            takeover::not_held(inner, &intent)?;
        }
        let meta = meta_of(&intent).clone();
        for _ in 0..takeover::TRIES {
            let mut draft = draft_of(inner, &intent, who).await?;
            draft.parent.clone_from(&parent);
            matches_version(version, draft.base.as_ref().map(|b| b.spec_version))?;
            decide(inner, &mut draft, &meta, who, dry_run).await?;
            if dry_run {
                return Ok(Submitted::Plan(Box::new(draft.card)));
            }
            if let Some(done) = accept(inner, draft, &meta, who, key.as_ref()).await? {
                return Ok(done);
            }
        }
        Err(takeover::moved_on())
    }
}

/// Upgrades a deployment to a new row of its own (layer, labels, applied manifest) in one commit.
pub async fn upgrade_to(
    inner: &Arc<Inner>,
    row: super::ports::store::DeploymentRow,
    meta: &Meta,
    who: &Caller,
    dry_run: bool,
) -> ManagerResult<Submitted> {
    let facts = facts::gather(inner, &row.name).await?;
    let mut draft = draft::of_row(inner, &facts, row).await?;
    decide(inner, &mut draft, meta, who, dry_run).await?;
    if dry_run {
        return Ok(Submitted::Plan(Box::new(draft.card)));
    }
    accept(inner, draft, meta, who, None).await?.ok_or_else(takeover::moved_on)
}

/// The plan of a verb on a deployment as its row would be; nothing is changed.
pub async fn plan_of(
    inner: &Arc<Inner>,
    row: super::ports::store::DeploymentRow,
    verb: &Verb,
    who: &Caller,
) -> ManagerResult<Plan> {
    let mut facts = facts::gather(inner, &row.name).await?;
    facts.entry.row = row;
    let mut draft = draft::of_verb(inner, &facts, verb).await?;
    decide(inner, &mut draft, verb.meta(), who, true).await?;
    Ok(draft.card)
}

fn meta_of(intent: &Intent) -> &Meta {
    match intent {
        Intent::Deployment { verb, .. } => verb.meta(),
        Intent::Adopt { request, .. } => &request.meta,
        Intent::Import(request) => &request.meta,
        Intent::Dispose { request, .. } => &request.meta,
    }
}

fn bad_name(e: &BadId) -> Problem {
    Problem::new(Code::BadRequest, format!("{e}; nothing was changed"))
}

async fn draft_of(inner: &Arc<Inner>, intent: &Intent, who: &Caller) -> ManagerResult<Draft> {
    match intent {
        Intent::Deployment { name, verb } => {
            let facts = facts::gather(inner, name).await?;
            draft::of_verb(inner, &facts, verb).await
        }
        Intent::Adopt { target, flink_job, request } => {
            adopt::adopt(inner, target, flink_job, request, who).await
        }
        Intent::Import(request) => savepoints::import(inner, request).await,
        Intent::Dispose { savepoint, .. } => savepoints::dispose(inner, savepoint).await,
    }
}

/// Commits the operation with its rows, its event and the kept answer, then drives it. `None` = the operation that it
/// was to supersede has gone on since the draft was made; nothing was committed.
async fn accept(
    inner: &Arc<Inner>,
    d: Draft,
    meta: &Meta,
    who: &Caller,
    key: Option<&Idempotency>,
) -> ManagerResult<Option<Submitted>> {
    let gate = inner.gate().await;
    let superseded = match takeover::look(inner, &d)? {
        Takeover::Moved => return Ok(None),
        Takeover::None => None,
        Takeover::Of(op) => Some(*op),
    };
    unchanged(inner, &d)?;
    let mut op = operation_of(inner, &d, meta.clone(), who);
    let mut changes = d.rows;
    disposal::reserve(inner, &mut op, &mut changes).await?;
    let answer = Submitted::Operation(Box::new(view::operation(&op)));
    for rev in &mut changes.revisions {
        sign(rev, &op);
    }
    let mut event =
        inner.operation_event(&op, Severity::Info, EventName::OperationQueued, words::accepted(&op));
    event.details = serde_json::json!({
        "planDigest": d.card.plan_digest, "warnings": d.card.warnings, "supersedes": op.plan.supersedes,
    });
    changes.events.push(event);
    // A first revision comes with its deployment, whose event says so.
    for rev in changes.revisions.iter().filter(|r| r.number > 1) {
        let text = format!("revision {} of {}: {}", rev.number, op.deployment_name, rev.version_label);
        changes.events.push(inner.operation_event(&op, Severity::Info, EventName::RevisionCreated, text));
    }
    if let Some(key) = key {
        changes.answers.push(inner.answer_row(who, key, 202, &answer));
    }
    let superseded = superseded.map(|old| takeover::end(inner, old, &op, &mut changes));
    if let Some(old) = &superseded {
        disposal::give_back(inner, old, &mut changes).await?;
    }
    changes.operations.push(op.clone());
    inner.commit(&gate, changes).await?;
    drop(gate);
    if let Some(old) = superseded {
        runner::collect::spawn(inner, old);
    }
    runner::spawn(inner, op.id.clone());
    inner.wake(&op.target).notify_one();
    Ok(Some(answer))
}

fn sign(rev: &mut RevisionRow, op: &Operation) {
    rev.author.clone_from(&op.actor);
    rev.reason.clone_from(&op.reason);
    rev.created_at = op.created_at;
}

/// Nothing that the plan was made of has changed since, and nobody else holds the deployment.
fn unchanged(inner: &Inner, d: &Draft) -> ManagerResult<()> {
    let world = inner.world();
    if let Some(e) = world.by_id(&d.deployment) {
        if let Some(active) = e.operation.as_ref().and_then(|id| world.operations.get(id))
            && d.plan.supersedes.as_ref() != Some(&active.id)
        {
            return Err(active_problem(active));
        }
        if d.base.as_ref().is_some_and(|b| *b != e.row) {
            return Err(Problem::new(
                Code::PlanChanged,
                "the deployment has changed since the plan was made; nothing was changed",
            )
            .hint("look at the new plan and confirm it"));
        }
    }
    Ok(())
}

/// "X is running by alice since …".
pub(super) fn active_problem(active: &Operation) -> Problem {
    let since = active.started_at.unwrap_or(active.created_at);
    let text = format!(
        "{} of {} is {} by {} since {since}; nothing was changed",
        active.kind, active.deployment_name, active.state, active.actor
    );
    let hint = if active.state == OpState::NeedsAttention {
        format!("it waits for a person: nutkin operation show {}", active.id)
    } else {
        format!("follow it: nutkin operation wait {}", active.id)
    };
    Problem::new(Code::OperationActive, text).hint(hint).operation(active.id.to_string())
}

fn operation_of(inner: &Inner, d: &Draft, meta: Meta, who: &Caller) -> Operation {
    let acts = d.acts.iter().cloned();
    let mut plan = d.plan.clone();
    plan.warnings.clone_from(&d.card.warnings);
    if d.destructive {
        let words =
            d.card.warnings.iter().chain(&d.card.irreversible).cloned().collect::<Vec<_>>().join("; ");
        plan.acknowledged = Some(format!("{} agreed: {words}", who.actor));
    }
    Operation {
        id: inner.fresh_operation(),
        parent: d.parent.clone(),
        kind: d.kind,
        deployment: d.deployment.clone(),
        deployment_name: d.name.clone(),
        target: d.target.clone(),
        state: OpState::Queued,
        actor: who.actor.clone(),
        via: who.via,
        reason: meta.reason,
        created_at: inner.now(),
        started_at: None,
        ended_at: None,
        plan,
        steps: acts.zip(1..).map(|(act, n)| Step::planned(n, act)).collect(),
        error: None,
        choices: vec![],
        result: None,
        cancel_requested: false,
    }
}

/// Starts a forked deployment whose books are written; a refusal is an event of the new deployment. A fork ends only
/// after this, and the start is kept under the fork's id: a manager that dies in between starts it once, not never.
pub fn start_fork<'a>(
    inner: &'a Arc<Inner>,
    name: &'a DeploymentName,
    fork: &'a Operation,
) -> BoxFuture<'a, ()> {
    let manager = Manager { inner: Arc::clone(inner) };
    let who = Caller { actor: fork.actor.clone(), via: Via::Auto };
    let meta = Meta {
        yes: true,
        confirm: Some(name.to_string()),
        reason: Some(format!("fork {}", fork.id)),
        expect: None,
    };
    let once = Idempotency { route: "fork".to_owned(), key: fork.id.to_string(), body_hash: String::new() };
    Box::pin(async move {
        let start = Start { meta, ..Start::default() };
        let intent = Intent::Deployment { name: name.clone(), verb: Verb::Start(start) };
        let parent = Some(fork.id.clone());
        if let Err(p) = manager.submit_for(parent, None, intent, &who, false, Some(once)).await {
            let gate = inner.gate().await;
            let text = format!("{name} was created and could not be started: {}", p.detail);
            let mut event = inner.caller_event(&who, Severity::Error, EventName::OperationFailed, text);
            if let Some(e) = inner.world().deployments.get(name) {
                event = event.about(&e.row.id, name);
            }
            let _ = inner.commit(&gate, Changes { events: vec![event], ..Changes::default() }).await;
        }
    })
}

/// The desired state that a kind leads to.
pub(super) const fn desired_after(kind: Kind) -> Option<Desired> {
    match kind {
        Kind::Start | Kind::Upgrade | Kind::Restart | Kind::Rollback => Some(Desired::Running),
        Kind::Suspend => Some(Desired::Suspended),
        Kind::Cancel => Some(Desired::Cancelled),
        _ => None,
    }
}
