//! Whether a draft may become an operation: policy, the plan that was confirmed, preflight, confirmation.

use std::sync::Arc;

use super::{Draft, words};
use crate::{
    contract::{
        intent::Meta,
        plan::{Confirmation, Verdict},
        problem::{Code, Problem},
    },
    domain::{
        event::{EventName, Severity},
        policy,
        spec::Protection,
    },
    manager::{Caller, ManagerResult, inner::Inner, ports::store::Changes},
};

/// Policy and preflight; a dry run shows what they say instead of failing.
pub(super) async fn decide(
    inner: &Arc<Inner>,
    d: &mut Draft,
    meta: &Meta,
    who: &Caller,
    dry_run: bool,
) -> ManagerResult<()> {
    let needed = policy::required(d.kind, d.protection, d.destructive);
    d.card.confirmation = Confirmation::of(needed);
    d.card.runnable = !d.card.checks.iter().any(|c| c.verdict == Verdict::Failed);
    d.card.plan_digest = words::digest(d);
    let verdict = policy::decide(&policy::Question {
        kind: d.kind,
        read_only: inner.settings.read_only,
        target_read_only: d.target_read_only,
        protection: d.protection,
        destructive: d.destructive,
        yes: meta.yes,
        typed: meta.confirm.as_deref(),
        name: &d.card.typed_name,
    });
    if dry_run {
        return Ok(());
    }
    if let policy::Verdict::Deny(why) = verdict {
        let text = format!("{} of {} was denied: {why}", d.kind, d.name);
        let gate = inner.gate().await;
        let event = inner.caller_event(who, Severity::Warn, EventName::PolicyDenied, text);
        let _ = inner.commit(&gate, Changes { events: vec![event], ..Changes::default() }).await;
        return Err(Problem::new(Code::PolicyDenied, format!("{why}; nothing was changed")));
    }
    if meta.expect.as_ref().is_some_and(|e| *e != d.card.plan_digest) {
        return Err(Problem::new(
            Code::PlanChanged,
            "the plan is no longer the one that was confirmed; nothing was changed",
        )
        .hint("look at the new plan and confirm it")
        .plan(d.card.clone()));
    }
    if let Some(refusal) = d.card.refusal() {
        return Err(refusal.plan(d.card.clone()));
    }
    match verdict {
        policy::Verdict::Confirm(p) => Err(confirmation_problem(p, d)),
        _ => Ok(()),
    }
}

fn confirmation_problem(p: Protection, d: &Draft) -> Problem {
    let (detail, hint) = match p {
        Protection::TypeName => (
            format!(
                "{} of {} needs the typed name {}; nothing was changed",
                d.kind, d.name, d.card.typed_name
            ),
            format!("give --confirm {}", d.card.typed_name),
        ),
        _ => (format!("{} of {} needs a yes; nothing was changed", d.kind, d.name), "give --yes".to_owned()),
    };
    Problem::new(Code::ConfirmationRequired, detail).hint(hint).plan(d.card.clone())
}
