//! A plan for people: what would be done, from which state, and what cannot be undone.

use super::{
    table::{self, Tone, column},
    views::verdict,
};
use crate::{
    contract::plan::{Confirmation, Plan},
    domain::{spec::Difference, text::SafeText, time::humane},
};

/// The whole plan; `makes` is the deployment that it would make.
#[must_use]
pub fn draw(plan: &Plan, makes: Option<&str>, colour: bool) -> String {
    let mut out = head(plan, makes);
    section(&mut out, "changes", plan.diff.iter().map(difference));
    section(&mut out, "steps", plan.steps.iter().map(|s| format!("{}. {}", s.n, SafeText::line(&s.title))));
    section(&mut out, "if it fails", plan.if_it_fails.iter().map(|t| SafeText::line(t).to_string()));
    section(&mut out, "restore point", restore(plan));
    let took = plan.expected_savepoint_seconds.map(|s| ("the last savepoint took", s));
    let times = plan.at_stake().chain(took).map(|(what, s)| format!("{what} {}", humane(s)));
    section(&mut out, "at stake", times);
    let checks: Vec<_> = plan
        .checks
        .iter()
        .map(|c| {
            let hint = c.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
            vec![
                verdict(c.verdict),
                table::Cell::new(&c.name),
                table::Cell::new(format!("{}{hint}", c.message)),
            ]
        })
        .collect();
    let columns = [column("VERDICT"), column("CHECK"), column("FOUND")];
    let checks = table::draw(&columns, &checks, false, false, colour);
    section(&mut out, "preflight", checks.lines().map(str::to_owned));
    section(
        &mut out,
        "warnings",
        plan.warnings.iter().map(|w| Tone::Warn.paint(SafeText::line(w).as_str(), colour)),
    );
    section(
        &mut out,
        "cannot be undone",
        plan.irreversible.iter().map(|w| Tone::Bad.paint(SafeText::line(w).as_str(), colour)),
    );
    let confirmation = match plan.confirmation {
        Confirmation::None => None,
        Confirmation::Yes => Some("a yes: --yes".to_owned()),
        Confirmation::TypeName => {
            Some(format!("the typed name: --confirm {}", SafeText::line(&plan.typed_name)))
        }
    };
    section(&mut out, "needs", confirmation);
    out
}

fn head(plan: &Plan, makes: Option<&str>) -> String {
    let revisions = match (plan.revision_now, plan.revision_next) {
        (Some(now), Some(next)) if now != next => format!(", revision {now} → {next}"),
        (_, Some(n)) | (Some(n), None) => format!(", revision {n}"),
        (None, None) => String::new(),
    };
    let label = plan.version_label.as_ref().map(|l| format!(" ({})", SafeText::line(l))).unwrap_or_default();
    format!(
        "{} {}{} on {}{revisions}{label}\n",
        plan.kind,
        SafeText::line(&plan.deployment),
        makes.map(|name| format!(" → {}", SafeText::line(name))).unwrap_or_default(),
        SafeText::line(&plan.target)
    )
}

fn restore(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> =
        plan.restore_why.iter().map(|w| SafeText::line(w).as_str().to_owned()).collect();
    let chosen = plan.restore_points.iter().find(|p| p.chosen).and_then(|p| p.location.as_ref());
    lines.extend(chosen.map(|l| SafeText::line(l).as_str().to_owned()));
    lines
}

fn section(out: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    for (i, line) in lines.into_iter().enumerate() {
        if i == 0 {
            out.push_str(&format!("  {title}\n"));
        }
        out.push_str(&format!("    {line}\n"));
    }
}

/// One difference: `path: old → new`.
#[must_use]
pub fn difference(d: &Difference) -> String {
    let show = |v: &serde_json::Value| match v {
        serde_json::Value::Null => "(none)".to_owned(),
        serde_json::Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    let short = |v: &serde_json::Value| match show(v) {
        // The beginning of a hash tells it apart, and every command takes it for the whole.
        hash if d.path.ends_with("/sha256") => hash.get(..8).map(str::to_owned).unwrap_or(hash),
        other => other,
    };
    let text = format!("{}: {} → {}", d.path, short(&d.old), short(&d.new));
    SafeText::line(&text).as_str().to_owned()
}
