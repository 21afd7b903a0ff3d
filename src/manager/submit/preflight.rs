//! Preflight: what would make an operation fail, found before anything is stopped. Pure over the facts.

use super::facts::Facts;
use crate::{
    contract::plan::{Check, REACHABLE, Verdict},
    domain::{
        flink::CheckpointStatus,
        options::{self, Slip},
        restore::is_newer,
        spec::{Layer, Spec},
    },
    manager::{
        ManagerSettings,
        ports::store::{ArtifactRow, RevisionRow},
        secrets,
        world::TargetEntry,
    },
};

/// A list of checks under construction.
#[derive(Debug, Default)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    fn push(&mut self, name: &str, verdict: Verdict, message: impl Into<String>, hint: Option<&str>) {
        self.0.push(Check {
            name: name.to_owned(),
            verdict,
            message: message.into(),
            hint: hint.map(str::to_owned),
        });
    }
    /// Fine.
    pub fn ok(&mut self, name: &str, message: impl Into<String>) {
        self.push(name, Verdict::Ok, message, None);
    }
    /// Goes on, with a warning.
    pub fn warn(&mut self, name: &str, message: impl Into<String>) {
        self.push(name, Verdict::Warning, message, None);
    }
    /// Stops the operation; what was fine about it so far is so no longer.
    pub fn fail(&mut self, name: &str, message: impl Into<String>, hint: &str) {
        self.0.retain(|c| c.name != name || c.verdict != Verdict::Ok);
        self.push(name, Verdict::Failed, message, Some(hint));
    }
}

/// The cluster answers.
pub fn reachable(c: &mut Checks, f: &Facts) -> bool {
    match (&f.silent, &f.overview) {
        (Some(why), _) => {
            c.fail(
                REACHABLE,
                format!("{} does not answer: {why}", f.entry.target()),
                &format!("check it: nutkin target check {}", f.entry.target()),
            );
            false
        }
        (None, o) => {
            let version = o.as_ref().map(|o| o.flink_version.clone()).unwrap_or_default();
            c.ok(REACHABLE, format!("{} answers, Flink {version}", f.entry.target()));
            true
        }
    }
}

/// Stop-with-savepoint can work: all tasks run, nobody else's savepoint is on its way, a base directory is known.
pub fn snapshot(c: &mut Checks, f: &Facts, stops: bool) {
    if f.all_running() {
        c.ok("tasks", "all tasks run");
    } else if let Some((_, s)) = &f.live {
        c.fail(
            "tasks",
            format!(
                "Flink says {} and {} of {} tasks run: a savepoint needs all of them",
                s.state, s.tasks.running, s.tasks.total
            ),
            &format!(
                "go on from the last checkpoint: nutkin upgrade {} --from last-checkpoint",
                f.entry.row.name
            ),
        );
    }
    match &f.base {
        Some(base) => c.ok("savepointDirectory", format!("savepoints go below {base}")),
        None => c.fail(
            "savepointDirectory",
            "no savepoint directory is known: not in the spec, not in the target, not in the cluster's own configuration",
            "set savepointDirectory in the deployment or the target",
        ),
    }
    let foreign = f
        .checkpoints
        .iter()
        .flat_map(|c| &c.history)
        .any(|s| s.status == CheckpointStatus::InProgress && s.kind.is_savepoint());
    if foreign && stops {
        c.fail(
            "foreignSavepoint",
            "a savepoint of this job is in progress; our stop would make it fail",
            "wait until it is complete, then try again",
        );
    }
    if f.detail.as_ref().and_then(|d| d.job_type.as_deref()) == Some("BATCH") {
        c.fail("batch", "this is a batch job: it has no savepoints", "cancel it, or wait for its end");
    }
}

/// The revision can be submitted: capability, version, secrets, artifact, slots, parallelism.
pub fn submission(
    c: &mut Checks,
    f: &Facts,
    spec: &Spec,
    row: &RevisionRow,
    settings: &ManagerSettings,
    artifact: Option<&ArtifactRow>,
) {
    if f.config.as_ref().is_some_and(|c| !c.web_submit) {
        c.fail("submit", NO_SUBMISSIONS, "choose another target");
    }
    match &spec.artifact.sha256 {
        None => {
            let hint = format!("give one: nutkin upgrade {} --jar FILE", f.entry.row.name);
            c.fail("artifact", "the revision has no artifact", &hint);
        }
        Some(sha) => match artifact {
            None => c.fail(
                "artifact",
                format!("the artifact {} is not in the store", sha.short()),
                "add it: nutkin artifact add FILE",
            ),
            Some(jar) => {
                c.ok("artifact", format!("jar {}", sha.short()));
                entry_class(c, spec, jar);
            }
        },
    }
    configuration(c, f, spec, row);
    resolvable(c, spec, settings);
    slots(c, f, spec);
    parallelism(c, f, spec);
}

const NO_SUBMISSIONS: &str =
    "the cluster takes no submissions (web.submit.enable is false, or an application cluster)";

/// So many main methods are a fat jar, whose list may have been cut.
const MANY_CLASSES: usize = 200;

fn few(words: &[String]) -> String {
    let more = words.len().saturating_sub(4);
    let shown = words.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Flink would say so too, but only after the old job was stopped.
fn entry_class(c: &mut Checks, spec: &Spec, jar: &ArtifactRow) {
    let known = || match jar.entry_classes.as_slice() {
        [] => "no class of it has a main method".to_owned(),
        classes => format!("classes with a main method: {}", few(classes)),
    };
    match (&spec.artifact.entry_class, &jar.main_class) {
        (None, None) => c.fail(
            "entryClass",
            format!(
                "{} names no main class in its manifest, and the spec has no entryClass; {}",
                jar.name,
                known()
            ),
            "name it: --entry-class CLASS, or artifact.entryClass in the manifest",
        ),
        (Some(class), _) if !jar.entry_classes.contains(class) && jar.entry_classes.len() < MANY_CLASSES => {
            c.warn(
                "entryClass",
                format!("{} seems to have no class {class} with a main method; {}", jar.name, known()),
            );
        }
        _ => {}
    }
}

/// Before 1.17 a run carries no configuration: what somebody asked for cannot be had, and nutkin's own defaults do not apply.
fn without_configuration(c: &mut Checks, version: &str, spec: &Spec, row: &RevisionRow) {
    let is_default = |k: &String| {
        row.provenance.get(&format!("flinkConfiguration/{k}")).is_none_or(|l| *l == Layer::BuiltIn)
    };
    let (defaults, own): (Vec<String>, Vec<String>) =
        spec.flink_configuration.keys().cloned().partition(is_default);
    if !own.is_empty() {
        c.fail(
            "flinkConfiguration",
            format!(
                "Flink takes configuration with a job from 1.17 on, and this is {version}: {} cannot be set",
                few(&own)
            ),
            "set it in the cluster's own configuration or in the program, and remove it from flinkConfiguration",
        );
    }
    if !defaults.is_empty() {
        c.warn(
            "flinkConfiguration",
            format!(
                "Flink takes configuration with a job from 1.17 on, and this is {version}: nutkin's default of {} is not \
                 sent, what the cluster and the program say applies",
                few(&defaults)
            ),
        );
    }
}

fn configuration(c: &mut Checks, f: &Facts, spec: &Spec, row: &RevisionRow) {
    if let Some(old) = f.flink_version.as_deref().filter(|v| is_newer("1.17", v)) {
        without_configuration(c, old, spec, row);
    }
    let cluster_only = ["jobmanager.", "taskmanager.", "rest.", "high-availability", "web.", "cluster."];
    for key in spec.flink_configuration.keys().filter(|k| cluster_only.iter().any(|p| k.starts_with(p))) {
        c.warn(
            "flinkConfiguration",
            format!("{key} is read by a cluster only; this session cluster ignores it"),
        );
    }
    for (key, value) in &spec.flink_configuration {
        match options::slip(key, value) {
            Some(Slip::Value { expected }) => c.fail(
                "flinkConfiguration",
                format!("{key} is {value:?}, and Flink takes {expected}"),
                "correct the value in flinkConfiguration",
            ),
            Some(Slip::Name { near }) => c.warn(
                "flinkConfiguration",
                format!(
                    "{key} is no option of Flink that nutkin knows, and would be passed over; {near} is one"
                ),
            ),
            None => {}
        }
    }
}

/// Every secret that a spec refers to is where it should be.
pub fn resolvable(c: &mut Checks, spec: &Spec, settings: &ManagerSettings) {
    let values = spec.flink_configuration.values().map(|v| secrets::resolve(v, settings));
    let args = spec.artifact.args.iter().map(|a| secrets::resolve_argument(a, settings));
    for e in values.chain(args).filter_map(Result::err) {
        c.fail("secrets", e.to_string(), "put the secret where the reference points, then try again");
    }
}

fn slots(c: &mut Checks, f: &Facts, spec: &Spec) {
    let Some(o) = &f.overview else { return };
    if !f.waiting.is_empty() {
        c.warn(
            "queue",
            format!("jobs that wait for slots may take those that become free: {}", few(&f.waiting)),
        );
    }
    let (needed, held) = (spec.parallelism, f.held_slots());
    let free = o.slots_free + held;
    if needed <= free {
        c.ok(
            "slots",
            format!(
                "{needed} needed, {} free{}",
                o.slots_free,
                if held > 0 { format!(" and {held} held by this job") } else { String::new() }
            ),
        );
    } else {
        c.fail(
            "slots",
            format!("{needed} slots are needed, {free} would be free of {} in all", o.slots_total),
            "add TaskManagers, stop another job, or lower the parallelism",
        );
    }
}

/// A snapshot of this Flink can be read by the one that it is for; snapshots move forward only.
pub fn readable(c: &mut Checks, written: Option<&str>, target: Option<&str>) {
    if let (Some(written), Some(target)) = (written, target)
        && is_newer(written, target)
    {
        c.fail(
            "restorePoint",
            format!("the savepoint would be written by Flink {written}, and the target's Flink {target} cannot read it"),
            "choose a target with the same Flink or a newer one, or begin empty with --from none",
        );
    }
}

/// What a fork starts finds its target as it needs it: it answers, takes submissions, and has room. The fork runs beside
/// the job that it comes from, which gives nothing back.
pub fn fork_start(c: &mut Checks, target: Option<&TargetEntry>, spec: &Spec) {
    let name = &spec.target;
    let Some(t) = target.filter(|t| t.sight.reachable == Some(true)) else {
        let hint = format!("check it: nutkin target check {name}; or create the fork without starting it");
        return c.fail(REACHABLE, format!("{name} does not answer"), &hint);
    };
    if t.sight.config.as_ref().is_some_and(|c| !c.web_submit) {
        c.fail("submit", NO_SUBMISSIONS, "choose another target");
    }
    match &t.sight.overview {
        None => c.warn("slots", format!("how many slots {name} has is not known")),
        Some(o) if spec.parallelism <= o.slots_free => {
            c.ok("slots", format!("{} needed for the fork, {} free", spec.parallelism, o.slots_free))
        }
        Some(o) => c.fail(
            "slots",
            format!(
                "{} slots are needed for the fork, {} are free of {} in all",
                spec.parallelism, o.slots_free, o.slots_total
            ),
            "create it without starting it, add TaskManagers, or lower the parallelism",
        ),
    }
}

fn parallelism(c: &mut Checks, f: &Facts, spec: &Spec) {
    let lowest =
        f.detail.iter().flat_map(|d| &d.vertices).filter_map(|v| Some((v.max_parallelism?, &v.name))).min();
    if let Some((max, vertex)) = lowest.filter(|(max, _)| *max > 0 && spec.parallelism > *max) {
        c.fail(
            "maxParallelism",
            format!("parallelism {} is over the max parallelism {max} of {vertex}: its state cannot be spread that far", spec.parallelism),
            "choose a lower parallelism",
        );
    }
}

/// A deployment stays on its cluster: its job lives there, and its state need not be readable from elsewhere.
pub fn same_target(c: &mut Checks, f: &Facts, spec: &Spec, row: &RevisionRow) {
    let (here, name) = (f.entry.target(), &f.entry.row.name);
    if spec.target != here.as_str() {
        c.fail(
            "target",
            format!("revision {} belongs to the target {}, and this deployment is on {here}", row.number, spec.target),
            &format!(
                "fork it: nutkin fork {name} {}/NEW --target {}; or suspend it, and apply a manifest with the other target",
                name.app(),
                spec.target
            ),
        );
    }
}

/// Jobs that were issued to this deployment and live beside the one in the books.
pub fn one_job(c: &mut Checks, f: &Facts) {
    if let Some(other) = f.other_live.first() {
        c.fail(
            "oneJob",
            format!("an older job of this deployment lives: {}", other.flink),
            "cancel the deployment, which ends that job too: one deployment has one job",
        );
    }
}
