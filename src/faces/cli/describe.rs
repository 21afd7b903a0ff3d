//! One object in full, for people.

use serde_json::Value;

use super::{
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    table::{self, Cell, Tone, column},
    views::Tabular,
    words::{self, Look},
};
use crate::{
    client::{Get, routes},
    contract::{
        List, model,
        plan::{LOST_AT_END, LOST_ON_FAILOVER},
    },
    domain::{deployment::ConditionStatus, event::Severity, ids::DeploymentName, text::SafeText},
};

/// A deployment: where it stands, why, from what it would go on, and what happened lately.
pub async fn deployment(ctx: &Context, name: &DeploymentName) -> Outcome {
    let d = ctx.deployment_model(name).await?;
    let savepoints = newest(ctx, routes::savepoints(name)).await?;
    // What happens all the time would push out what matters; `nutkin events --debug` has it.
    let events = routes::deployment_events(name).with("severity", Severity::Info.as_str());
    let events = newest(ctx, events).await?;
    let look = ctx.look();
    let mut out = facts(ctx, &head(&d, look));
    section(&mut out, "Job", &facts(ctx, &job(&d, look)));
    section(&mut out, "State", &facts(ctx, &state(&d, look)));
    section(&mut out, "Conditions", &conditions(ctx, &d, look));
    if let Some(cause) = &d.root_cause {
        section(&mut out, "Root cause", &format!("{}\n", SafeText::line(&cause.message)));
    }
    if let Some(drift) = &d.drift {
        let lines: String =
            drift.differences.iter().map(|x| format!("{}\n", super::plan_text::difference(x))).collect();
        section(&mut out, "Drift", &format!("{}\n{lines}", SafeText::line(&drift.summary)));
    }
    let overridden: String = d
        .overridden
        .iter()
        .map(|o| format!("{}: the job runs with {}\n", SafeText::line(&o.path), SafeText::line(&o.runs_with)))
        .collect();
    if !overridden.is_empty() {
        section(&mut out, "Overridden by the program", &overridden);
    }
    section(&mut out, "Savepoints", &ctx.table(&savepoints, true));
    section(&mut out, "Events", &ctx.table(&events, true));
    ctx.print(&out)?;
    Ok(Exit::OK)
}

async fn newest<T: Tabular + serde::de::DeserializeOwned>(
    ctx: &Context,
    list: Get<List<T>>,
) -> Result<Vec<T>, crate::contract::problem::Problem> {
    let value = ctx.client().await?.get_value(&list.with("limit", "10")).await?;
    let (items, _) = super::resolve::page_of(value);
    items.iter().map(parse).collect()
}

type Fact = (&'static str, Cell);

fn head(d: &model::Deployment, look: Look) -> Vec<Fact> {
    let operation = d
        .operation
        .as_ref()
        .map(|o| format!("{} {} {}/{}  {}", o.kind, o.state, o.step_number, o.step_count, o.operation_id));
    let labels: Vec<String> = d.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    vec![
        ("deployment", Cell::new(&d.deployment)),
        ("target", Cell::new(&d.target)),
        ("state", words::observed(d.observed)),
        ("desired", Cell::new(d.desired.as_str())),
        ("health", words::health(d.health)),
        ("seen", look.age(d.observed_at)),
        ("revision", Cell::some(d.revision)),
        ("version", Cell::some(d.version_label.as_ref())),
        ("parallelism", Cell::some(d.parallelism)),
        ("protection", Cell::new(d.protection.as_str())),
        ("operation", Cell::some(operation).tone(Tone::Busy)),
        ("labels", Cell::new(labels.join(", "))),
        ("id", Cell::new(&d.id)),
    ]
}

fn job(d: &model::Deployment, look: Look) -> Vec<Fact> {
    let Some(job) = &d.job else { return vec![("job", Cell::some(None::<String>))] };
    let tasks = job.tasks.map(|t| format!("{} of {} running", t.running, t.total));
    vec![
        ("flink job", Cell::new(&job.flink_job_id)),
        ("flink state", Cell::some(job.flink_state.as_ref())),
        ("flink version", Cell::some(d.flink_version.as_ref())),
        ("started", look.time(job.started_at)),
        ("tasks", Cell::some(tasks)),
        ("restarts", Cell::some(job.restarts)),
        ("restored from", Cell::some(job.restored_from.as_ref().map(|r| &r.location))),
        ("flink's page", Cell::some(d.flink_url.as_ref())),
    ]
}

fn state(d: &model::Deployment, look: Look) -> Vec<Fact> {
    let checkpoint = d.last_checkpoint.as_ref();
    let next = d.next_restore_point.as_ref();
    let mut facts = vec![
        (LOST_ON_FAILOVER, words::loss(d.crash_loss_seconds)),
        (LOST_AT_END, words::loss(d.end_loss_seconds)),
        ("last checkpoint", look.age(checkpoint.and_then(|c| c.triggered_at))),
        ("checkpoint size", words::size(checkpoint.and_then(|c| c.size_bytes))),
        ("next start restores", next.map_or_else(|| Cell::some(None::<&str>), next_start)),
        ("because", Cell::some(next.map(|n| &n.why))),
    ];
    if let Some(failed) = &d.last_failed_checkpoint {
        let why = failed.failure.as_deref().unwrap_or("unknown");
        facts.push(("last failed checkpoint", Cell::new(format!("{}: {why}", failed.id)).tone(Tone::Bad)));
    }
    let metrics: Vec<String> = d
        .metrics
        .iter()
        .map(|m| format!("{} {}", m.name, m.value.map_or_else(|| "?".to_owned(), words::number)))
        .collect();
    if !metrics.is_empty() {
        facts.push(("the program's numbers", Cell::new(metrics.join(" · "))));
    }
    facts
}

fn next_start(next: &model::NextRestorePoint) -> Cell {
    match &next.location {
        Some(place) => Cell::new(place),
        None if next.refused => Cell::new("nothing: it would be refused").tone(Tone::Bad),
        None => Cell::new("nothing").tone(Tone::Bad),
    }
}

fn conditions(ctx: &Context, d: &model::Deployment, look: Look) -> String {
    let rows: Vec<Vec<Cell>> = d
        .conditions
        .iter()
        .map(|c| {
            let tone = if c.status == ConditionStatus::True { Tone::Warn } else { Tone::Dim };
            vec![
                Cell::new(c.kind.as_str()),
                Cell::new(c.status.to_string()).tone(tone),
                look.age(Some(c.since)),
                Cell::new(&c.reason),
            ]
        })
        .collect();
    let columns = [column("CONDITION"), column("STATUS"), column("FOR"), column("REASON")];
    table::draw(&columns, &rows, true, !rows.is_empty(), ctx.colour())
}

/// Names and values, aligned.
fn facts(ctx: &Context, facts: &[Fact]) -> String {
    let rows: Vec<Vec<Cell>> =
        facts.iter().map(|(name, cell)| vec![Cell::new(*name).tone(Tone::Dim), cell.clone()]).collect();
    table::draw(&[column(""), column("")], &rows, true, false, ctx.colour())
}

fn section(out: &mut String, title: &str, text: &str) {
    if !text.is_empty() {
        out.push_str(&format!("\n{title}\n"));
        for line in text.lines() {
            out.push_str(&format!("  {line}\n"));
        }
    }
}

/// Any object as `path  value` lines.
#[must_use]
pub fn plain(value: &Value) -> String {
    let mut rows = Vec::new();
    flatten(value, "", &mut rows);
    table::draw(&[column(""), column("")], &rows, true, false, false)
}

fn flatten(value: &Value, path: &str, rows: &mut Vec<Vec<Cell>>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(v, &join(k), rows)),
        Value::Array(items) if items.is_empty() => {
            rows.push(vec![Cell::new(path), Cell::some(None::<String>)]);
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| flatten(v, &join(&i.to_string()), rows))
        }
        Value::String(s) => rows.push(vec![Cell::new(path), Cell::new(s)]),
        Value::Null => rows.push(vec![Cell::new(path), Cell::some(None::<String>)]),
        other => rows.push(vec![Cell::new(path), Cell::new(other.to_string())]),
    }
}
