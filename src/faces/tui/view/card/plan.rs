//! A plan in lines: what cannot be undone, what is at stake and what speaks against it first, then from where, what and how.

use super::here;
use crate::{
    contract::plan::{self, PlannedStep, Verdict},
    domain::operation::{Kind, StepName},
    faces::tui::{
        model::Model,
        overlay::card::Card,
        paint::{Text, flow, muted, plain, text},
        say,
        theme::Role,
    },
};

fn heading(words: &'static str) -> Text {
    text(words, Role::Focus)
}

pub(super) fn wrapped(out: &mut Vec<Text>, line: &Text, cells: usize) {
    out.extend(line.wrap(cells, 4));
}

/// What a person must know comes first: on a small screen the rest is a page down.
pub(super) fn plan_lines(out: &mut Vec<Text>, model: &Model, card: &Card, plan: &plan::Plan, cells: usize) {
    if !plan.irreversible.is_empty() {
        out.push(heading("Cannot be undone"));
        for i in &plan.irreversible {
            wrapped(out, &text("  ✗ ", Role::Error).with(i, Role::Text), cells);
        }
    }
    loss_line(out, plan, cells);
    let (mind, fine): (Vec<_>, Vec<_>) =
        plan.checks.iter().partition(|k| matches!(k.verdict, Verdict::Failed | Verdict::Warning));
    if !mind.is_empty() || !plan.warnings.is_empty() {
        out.push(heading("Warnings"));
        check_lines(out, model, card, mind, cells);
        for w in &plan.warnings {
            wrapped(out, &text("  ! ", Role::Warn).with(w, Role::Text), cells);
        }
    }
    restore_lines(out, model, plan, cells);
    diff_lines(out, plan, cells);
    out.push(heading("Steps"));
    for s in &plan.steps {
        wrapped(out, &muted(format!("{:>3} ", s.n)).with(&s.title, Role::Text), cells);
    }
    if plan.steps.is_empty() {
        out.push(muted("    nothing on the cluster; only nutkin's records change"));
    }
    if let Some(then) = &plan.if_it_fails {
        wrapped(out, &text("    if it fails: ", Role::Focus).with(then, Role::Text), cells);
    }
    if !fine.is_empty() {
        out.push(heading("Preflight"));
        check_lines(out, model, card, fine, cells);
    }
    out.push(heading("Command line"));
    wrapped(out, &muted(format!("  {}", model.command_line(&plan.command))), cells);
    if card.plan.loading {
        out.push(text("◌ the fields changed, asking again", Role::Busy));
    }
}

/// Checks with their hints; what stands in the way first.
fn check_lines(out: &mut Vec<Text>, model: &Model, card: &Card, mut checks: Vec<&plan::Check>, cells: usize) {
    let widest = checks.iter().map(|k| k.name.chars().count()).max().unwrap_or(0).min(20);
    checks.sort_by_key(|k| match k.verdict {
        Verdict::Failed => 0,
        Verdict::Warning => 1,
        Verdict::Unknown => 2,
        Verdict::Ok => 3,
    });
    for k in checks {
        let (glyph, role) = say::verdict(k.verdict);
        let t = text(format!("  {glyph} "), role)
            .then(plain(&k.name).pad(widest))
            .with(format!("  {}", k.message), Role::Text);
        wrapped(out, &t, cells);
        if let Some(hint) = k.hint.as_ref().filter(|_| k.verdict != Verdict::Ok) {
            wrapped(out, &muted(format!("    → {}", model.command_line(hint))), cells);
            here(out, card, hint, cells);
        }
    }
}

/// What the new effective spec changes.
pub(in crate::faces::tui::view) fn diff_lines(out: &mut Vec<Text>, plan: &plan::Plan, cells: usize) {
    let upgrade = matches!(plan.kind, Kind::Upgrade | Kind::Rollback | Kind::Fork);
    if plan.diff.is_empty() && !upgrade {
        return;
    }
    let revisions = match (plan.revision_now, plan.revision_next) {
        (Some(a), Some(b)) if a != b => format!("  revision {a} → {b}"),
        _ => String::new(),
    };
    let label = plan.version_label.as_ref().map(|l| format!("  {l}")).unwrap_or_default();
    out.push(heading("Changes").with(revisions, Role::Muted).with(label, Role::Accent));
    if plan.diff.is_empty() {
        let whose = if plan.kind == Kind::Fork {
            "the new deployment has the same spec"
        } else {
            "the effective spec stays the same"
        };
        out.push(muted(format!("    nothing: {whose}")));
    }
    for d in &plan.diff {
        out.push(plain("    ").with(&d.path, Role::Text).fit(cells));
        if !d.old.is_null() {
            wrapped(out, &text(format!("      - {}", say::value(&d.old)), Role::Warn), cells);
        }
        if !d.new.is_null() {
            wrapped(out, &text(format!("      + {}", say::value(&d.new)), Role::Ok), cells);
        }
    }
}

fn restore_lines(out: &mut Vec<Text>, model: &Model, plan: &plan::Plan, cells: usize) {
    if plan.restore_points.is_empty() && plan.restore_why.is_none() {
        return;
    }
    out.push(heading("Restore point"));
    if let Some(why) = &plan.restore_why {
        wrapped(out, &plain(format!("    {why}")), cells);
    }
    let chosen = plan.restore_points.iter().find(|p| p.chosen);
    if let Some(p) = chosen {
        if let Some(place) = &p.location {
            wrapped(out, &muted(format!("    {place}")), cells);
        }
        if p.verified != Some(true) && (p.location.is_some() || p.savepoint_id.is_some()) {
            out.push(unseen(plan));
        }
    }
    let passed = plan.restore_points.iter().filter(|p| !p.chosen && p.rejected.is_some());
    for p in passed.take(4) {
        let when = p.triggered_at.map(|t| model.zone.minute(t, model.manager_now())).unwrap_or_default();
        let origin = p.origin.map_or("checkpoint", say::origin);
        let why = p.rejected.as_deref().unwrap_or_default();
        wrapped(out, &muted(format!("    passed over: {origin} {when}: {why}")), cells);
    }
}

/// That nobody has looked at the restore point matters when nothing else is left of the state.
fn unseen(plan: &plan::Plan) -> Text {
    let ends = |s: &PlannedStep| matches!(s.name, StepName::CancelJob | StepName::Dispose);
    if plan.steps.iter().any(ends) || !plan.irreversible.is_empty() {
        text(format!("  ! {}: that they exist is unverified", say::UNSEEN), Role::Warn)
    } else {
        muted(format!("    {}", say::UNSEEN))
    }
}

fn loss_line(out: &mut Vec<Text>, plan: &plan::Plan, cells: usize) {
    let loss = |(name, s): (&'static str, u64)| muted(format!("{name} ")).then(say::loss(s));
    let mut parts: Vec<Text> = plan.at_stake().map(loss).collect();
    if let Some(s) = plan.expected_savepoint_seconds {
        parts.push(muted(format!("the last savepoint took {}", say::age(s))));
    }
    if parts.is_empty() {
        return;
    }
    out.push(heading("At stake"));
    for line in flow(parts, "  ·  ", cells.saturating_sub(4)) {
        wrapped(out, &plain("    ").then(line), cells);
    }
}
