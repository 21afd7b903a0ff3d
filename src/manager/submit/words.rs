//! The words of a card: titles, the reason of the restore point, the equivalent command line, the digest.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Draft, facts::Facts};
use crate::{
    contract::{
        intent::{Upgrade, Verb},
        plan::PlannedStep,
    },
    domain::{
        ids::DeploymentName,
        operation::{
            Act, Kind, Operation, Plan, RestoreSource, StepName,
            recipe::{self, Facts as Shape, Stop},
            supersede,
        },
        restore::Advice,
        spec::Spec,
        time::Timestamp,
    },
};

/// Titles of the steps.
#[must_use]
pub fn steps(acts: &[Act], plan: &Plan) -> Vec<PlannedStep> {
    acts.iter()
        .zip(1..)
        .map(|(a, n)| PlannedStep { n, name: a.name(), title: recipe::title(a, plan) })
        .collect()
}

/// Titles of the steps of the start that follows a fork, numbered behind the fork's own.
pub fn fork_start(spec: &Spec, plan: &Plan, after: usize) -> Vec<PlannedStep> {
    let name = plan.creates.as_ref().map(|c| c.name.name().to_owned()).unwrap_or_default();
    let start = Plan {
        revision: Some(1),
        slots_needed: spec.parallelism,
        probation: spec.probation,
        creates: None,
        ..plan.clone()
    };
    let shape = Shape { jar: spec.artifact.sha256.clone(), ..Shape::default() };
    let acts = recipe::steps(Kind::Start, &start, &shape);
    let mut steps = steps(&acts, &start);
    for s in &mut steps {
        s.n += u32::try_from(after).unwrap_or(0);
        s.title = format!("start {name}: {}", s.title);
    }
    steps
}

/// The sentence that explains the restore point.
#[must_use]
pub fn restore_why(plan: &Plan, advice: Option<&Advice>, stop: Stop, now: Timestamp) -> Option<String> {
    match (&plan.restore, advice) {
        (RestoreSource::ThisOperation, _) if stop == Stop::LastCheckpoint => {
            Some("the newest completed checkpoint, written down before the job is cancelled".to_owned())
        }
        (RestoreSource::ThisOperation, _) => Some("the savepoint that this operation takes".to_owned()),
        (_, Some(a)) => Some(a.why_at(now)),
        (RestoreSource::Empty, None) => None,
        (RestoreSource::Point { location, .. }, None) => Some(location.clone()),
    }
}

/// How long this job's last savepoint took; unknown before the first.
#[must_use]
pub fn expected_savepoint(f: &Facts) -> Option<u64> {
    let c = f.checkpoints.as_ref()?;
    let ms = c.latest_savepoint.as_ref()?.duration_ms?;
    Some(ms.div_ceil(1000))
}

/// What a person is told about the operation that is taken over from.
#[must_use]
pub fn supersedes(active: &Operation) -> String {
    let since = active.started_at.unwrap_or(active.created_at);
    let open = supersede::open_step(active).map_or_else(String::new, |s| {
        let lost = if s.act.name() == StepName::TriggerSavepoint {
            ", and its savepoint fails unless it is complete before"
        } else {
            ""
        };
        format!("; what its step {} has begun is still written down{lost}", s.act.name())
    });
    format!(
        "{} by {}, at work since {since}, is superseded: no further step of it is sent{open}",
        active.kind, active.actor
    )
}

/// The line of the log when an operation was accepted.
#[must_use]
pub fn accepted(op: &Operation) -> String {
    let why = op.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    format!("{} asked for {}{why}", op.actor, op.kind)
}

/// Digest over everything that a person confirms; ages are not part of it, since they pass.
#[must_use]
pub fn digest(d: &Draft) -> String {
    let doc = json!({
        "kind": d.kind,
        // An adoption makes its deployment anew with every look; what a person confirms is its name.
        "deployment": if d.kind == Kind::Adopt { d.name.to_string() } else { d.deployment.to_string() },
        "target": d.target,
        "steps": d.card.steps,
        "revision": d.card.revision_next,
        "spec": d.card.spec,
        "job": d.plan.old_job,
        "supersedes": d.plan.supersedes,
        "restore": d.plan.restore,
        "creates": d.plan.creates.as_ref().map(|c| json!({ "name": c.name, "layer": c.layer, "start": c.start })),
        "savepoint": d.plan.savepoint,
        "location": d.plan.location,
        "drain": d.plan.drain,
        "format": d.plan.format,
        "allowNonRestoredState": d.plan.allow_non_restored_state,
        "confirmation": d.card.confirmation,
        "irreversible": d.card.irreversible,
        "warnings": d.card.warnings.iter().map(|w| ageless(w)).collect::<Vec<_>>(),
        "ifItFails": d.card.if_it_fails,
    });
    let hash = Sha256::digest(doc.to_string().as_bytes());
    hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// A text without its numbers and units: a spell that grows while somebody reads is no other plan.
fn ageless(text: &str) -> String {
    let is_number = |word: &&str| !word.starts_with(|c: char| c.is_ascii_digit());
    text.split_whitespace().filter(is_number).collect::<Vec<_>>().join(" ")
}

/// The equivalent command line.
#[must_use]
pub fn command(name: &DeploymentName, verb: &Verb) -> String {
    let mut w = vec!["nutkin".to_owned()];
    let mut add = |words: &[&str]| w.extend(words.iter().map(|s| quoted(s)));
    let n = name.to_string();
    match verb {
        Verb::Start(r) => {
            add(&["start", &n]);
            flag(&mut w, "--from", r.from.as_deref());
            switch(&mut w, "--allow-non-restored-state", r.allow_non_restored_state);
        }
        Verb::Suspend(r) => {
            add(&["suspend", &n]);
            flag(&mut w, "--format", r.format.map(|f| f.as_str()));
            switch(&mut w, "--drain", r.drain);
        }
        Verb::Cancel(r) => {
            add(&["cancel", &n]);
            switch(&mut w, "--supersede", r.supersede);
        }
        Verb::Savepoint(r) => {
            add(&["savepoint", "take", &n]);
            flag(&mut w, "--format", r.format.map(|f| f.as_str()));
            flag(&mut w, "--label", r.label.as_deref());
            flag(&mut w, "--dir", r.directory.as_deref());
        }
        Verb::Restart(r) => {
            add(&["restart", &n]);
            flag(&mut w, "--from", r.from.as_deref());
        }
        Verb::Upgrade(r) => {
            add(&["upgrade", &n]);
            upgrade(&mut w, r);
        }
        Verb::Rollback(r) => {
            add(&["rollback", &n]);
            flag(&mut w, "--revision", r.revision.map(|v| v.to_string()).as_deref());
            flag(&mut w, "--from", r.from.as_deref());
            switch(&mut w, "--allow-non-restored-state", r.allow_non_restored_state);
        }
        Verb::Fork(r) => {
            add(&["fork", &n, &r.new_deployment]);
            flag(&mut w, "--target", r.target.as_deref());
            flag(&mut w, "--from", r.from.as_deref());
            for (k, v) in &r.set {
                flag(&mut w, "--set", Some(&format!("{k}={v}")));
            }
            switch(&mut w, "--start", r.start);
        }
        Verb::Reset(r) => {
            add(&["reset", &n, &r.savepoint]);
            switch(&mut w, "--cancel-and-start", r.cancel_and_start);
        }
        Verb::Delete(_) => add(&["delete", &n]),
    }
    w.join(" ")
}

fn upgrade(w: &mut Vec<String>, r: &Upgrade) {
    flag(w, "--artifact", r.artifact.as_deref());
    flag(w, "--version-label", r.version_label.as_deref());
    flag(w, "--entry-class", r.entry_class.as_deref());
    flag(w, "--parallelism", r.parallelism.map(|p| p.to_string()).as_deref());
    for (k, v) in &r.flink_configuration {
        flag(w, "--flink-conf", Some(&format!("{k}={}", v.as_deref().unwrap_or("null"))));
    }
    for (k, v) in &r.set {
        flag(w, "--set", Some(&format!("{k}={v}")));
    }
    flag(w, "--upgrade-strategy", r.upgrade_strategy.map(|s| s.as_str()));
    flag(w, "--format", r.format.map(|f| f.as_str()));
    switch(w, "--allow-non-restored-state", r.allow_non_restored_state);
    flag(w, "--from", r.from.as_deref());
    match &r.args {
        // Behind `--args` a word like `--dry-run` is refused, because it may be meant for nutkin.
        Some(args) if args.iter().any(|a| a.starts_with('-')) => {
            w.extend(args.iter().map(|a| format!("--arg={}", quoted(a))));
        }
        Some(args) => {
            w.push("--args".to_owned());
            w.extend(args.iter().map(|a| quoted(a)));
        }
        None => {}
    }
}

fn flag(w: &mut Vec<String>, name: &str, value: Option<&str>) {
    if let Some(v) = value {
        w.extend([name.to_owned(), quoted(v)]);
    }
}

fn switch(w: &mut Vec<String>, name: &str, on: bool) {
    if on {
        w.push(name.to_owned());
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(s: &str) -> String {
    let plain = !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c));
    if plain { s.to_owned() } else { format!("'{}'", s.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["500", "a b"], "nutkin upgrade pay/prod --args 500 'a b'")]
    #[case(&["--rate", "500", "--dry-run"], "nutkin upgrade pay/prod --arg=--rate --arg=500 --arg=--dry-run")]
    #[case(&["-o", "it's"], "nutkin upgrade pay/prod --arg=-o --arg='it'\\''s'")]
    #[case(&[], "nutkin upgrade pay/prod --args")]
    fn the_command_gives_the_program_its_arguments_and_nutkin_none_of_them(
        #[case] args: &[&str],
        #[case] expected: &str,
    ) {
        let args = Some(args.iter().map(|a| (*a).to_owned()).collect());
        let verb = Verb::Upgrade(Box::new(Upgrade { args, ..Upgrade::default() }));
        assert_eq!(command(&"pay/prod".parse().unwrap(), &verb), expected);
    }
}
