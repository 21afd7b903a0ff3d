//! `nutkin history`: the configuration history of a deployment.

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    plan_text,
    table::{Cell, Column, Tone, column, wide},
    views::Tabular,
    words::Look,
};
use crate::{
    client::routes,
    contract::{
        model::{Deployment, Revision},
        problem::{Code, Problem},
    },
    domain::{deployment::Observed, spec, text::SafeText},
};

/// `nutkin history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// APP/NAME.
    deployment: String,
    /// A revision: its values and where they came from.
    #[arg(value_parser = revision)]
    revision: Option<u32>,
    /// Another one: the diff of the two.
    #[arg(value_parser = revision)]
    other: Option<u32>,
}

impl HistoryArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let name = ctx.deployment(&self.deployment).await?;
        let items = ctx.all(&routes::revisions(&name)).await?;
        match (self.revision, self.other) {
            (None, _) if ctx.global.output.is_for_people() && !items.is_empty() => {
                // Which one runs is more than the history knows; without it the history is still true.
                let now = ctx.deployment_model(&name).await.ok();
                let rows: Vec<Revision> = items.iter().map(parse).collect::<Result<_, _>>()?;
                let rows: Vec<Lived> = rows.into_iter().map(|r| Lived::of(r, now.as_ref())).collect();
                ctx.print(&ctx.table(&rows, true))?;
            }
            (None, _) => ctx.print_list::<Revision>(&items, None)?,
            (Some(number), None) => {
                let (value, revision) = find(&items, number)?;
                ctx.print_one(value, &number.to_string(), || values(&revision))?;
            }
            (Some(old), Some(new)) => {
                let ((_, a), (_, b)) = (find(&items, old)?, find(&items, new)?);
                let diff = spec::diff(&a.spec, &b.spec);
                let value = json!({ "old": old, "new": new, "differences": diff });
                let lines =
                    || diff.iter().map(|d| format!("{}\n", plan_text::difference(d))).collect::<String>();
                ctx.print_one(&value, &format!("{old}..{new}"), lines)?;
                if diff.is_empty() && ctx.global.output.is_for_people() {
                    ctx.hint("the two revisions are equal");
                }
            }
        }
        Ok(Exit::OK)
    }
}

/// Reads the number of a revision.
fn revision(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| {
        "a revision is a whole number, such as 2; two of them with a space between, 2 3, show their diff"
            .to_owned()
    })
}

/// A revision, and whether it is the deployment's now.
struct Lived {
    revision: Revision,
    now: Option<Cell>,
}

impl Lived {
    fn of(revision: Revision, now: Option<&Deployment>) -> Self {
        let is_current = |d: &&Deployment| d.revision == Some(revision.number);
        let runs = |d: &Deployment| d.observed == Observed::Running && d.operation.is_none();
        let now = now.filter(is_current).map(|d| match runs(d) {
            true => Cell::new("RUNNING").tone(Tone::Good),
            false => Cell::new("CURRENT"),
        });
        Self { revision, now }
    }
}

impl Tabular for Lived {
    const NOUN: &'static str = Revision::NOUN;
    const COLUMNS: &'static [Column] = &[
        column("REV"),
        column("NOW"),
        column("VERSION"),
        column("CREATED"),
        column("AUTHOR"),
        column("OUTCOME"),
        column("REASON"),
        wide("CONTENT"),
    ];
    fn cells(&self, look: Look) -> Vec<Cell> {
        let mut cells = self.revision.cells(look);
        cells.insert(1, self.now.clone().unwrap_or_else(|| Cell::new("")));
        cells
    }
    fn name(&self) -> String {
        self.revision.name()
    }
}

fn find(items: &[Value], number: u32) -> Result<(&Value, Revision), Problem> {
    let value = items.iter().find(|v| v.get("number").and_then(Value::as_u64) == Some(u64::from(number)));
    match value {
        Some(value) => Ok((value, parse(value)?)),
        None => {
            let known: Vec<String> =
                items.iter().filter_map(|v| Some(v.get("number")?.to_string())).collect();
            Err(Problem::new(Code::NotFound, format!("there is no revision {number}"))
                .hint(format!("there are {}", known.join(", "))))
        }
    }
}

/// Every value with the layer that it came from.
fn values(revision: &Revision) -> String {
    let nothing = Value::Object(Default::default());
    let mut out = format!(
        "revision {}  {}  by {}  {}\n",
        revision.number,
        SafeText::line(&revision.version_label),
        SafeText::line(&revision.author),
        revision.created_at
    );
    if let Some(id) = &revision.failed_in {
        out.push_str(&format!("  FAILED in operation {}\n", SafeText::line(id)));
    }
    for leaf in spec::diff(&nothing, &revision.spec) {
        let layer = revision.provenance.get(&leaf.path).map(|l| format!("   ({l})")).unwrap_or_default();
        let value = match &leaf.new {
            Value::String(s) => s.clone(),
            other => other.to_string(),
        };
        out.push_str(&format!("  {}: {}{layer}\n", SafeText::line(&leaf.path), SafeText::line(&value)));
    }
    out
}
