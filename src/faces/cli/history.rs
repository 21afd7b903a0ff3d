//! `nutkin history`: the configuration history of a deployment.

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::{Context, Exit, Outcome, parse},
    plan_text,
};
use crate::{
    client::routes,
    contract::{
        model::Revision,
        problem::{Code, Problem},
    },
    domain::{spec, text::SafeText},
};

/// `nutkin history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// APP/NAME.
    deployment: String,
    /// A revision: its values and where they came from.
    revision: Option<u32>,
    /// Another one: the diff of the two.
    other: Option<u32>,
}

impl HistoryArgs {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        let name = ctx.deployment(&self.deployment).await?;
        let items = ctx.all(&routes::revisions(&name)).await?;
        match (self.revision, self.other) {
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
