//! `get -w`: rows once, then each that changes, and the names of those that are gone.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use futures_util::StreamExt as _;
use serde_json::Value;

use super::{
    super::{context::Context, exit::Outcome, views::Tabular},
    shown::Shown,
    source::{Source, key_of},
};
use crate::{
    client::Watch,
    contract::{
        problem::{Code, Problem},
        watch::Interest,
    },
    domain::text::SafeText,
};

/// Prints rows, then every row that changes, until Ctrl-C.
pub(super) async fn watch<T: Tabular + Shown>(
    ctx: &Context,
    source: &Source<T>,
    limit: Option<u32>,
    labels: &[(String, String)],
    first: Vec<Value>,
) -> Outcome {
    let mut seen: HashMap<String, String> = HashMap::new();
    print_changed::<T>(ctx, &first, &mut seen)?;
    let interest = Interest {
        deployments: first
            .iter()
            .filter_map(|v| v.get("deployment")?.as_str().map(str::to_owned))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
    };
    let mut changes = ctx.client().await?.watch(&interest, None).await?;
    loop {
        if !matches!(changes.next().await, Some(Ok(_))) {
            // A restarting manager is waited for, until Ctrl-C.
            changes = again(ctx, &interest).await;
        }
        match source.fetch(ctx, limit, labels).await {
            Ok((items, _)) => {
                print_changed::<T>(ctx, &items, &mut seen)?;
                // A history only grows: what leaves its newest rows is not gone.
                if T::HISTORY.is_none() && limit.is_none() {
                    print_gone(ctx, &gone::<T>(&items, &mut seen))?;
                }
            }
            Err(p) if p.code == Code::ManagerUnreachable => {}
            Err(p) => return Err(p),
        }
    }
}

async fn again(ctx: &Context, interest: &Interest) -> Watch {
    loop {
        if let Ok(client) = ctx.connect().await
            && let Ok(stream) = client.watch(interest, None).await
        {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What counts as a change: everything but how old the look is.
fn essence(item: &Value) -> String {
    let mut item = item.clone();
    if let Some(map) = item.as_object_mut() {
        for key in ["observedAt", "crashLossSeconds", "endLossSeconds"] {
            map.shift_remove(key);
        }
    }
    item.to_string()
}

fn print_changed<T: Tabular + Shown>(
    ctx: &Context,
    items: &[Value],
    seen: &mut HashMap<String, String>,
) -> Result<(), Problem> {
    let titles = seen.is_empty();
    let mut changed = Vec::new();
    for item in items {
        let key = item.get(T::KEY).map(key_of).unwrap_or_default();
        let essence = essence(item);
        if seen.get(&key) != Some(&essence) {
            seen.insert(key, essence);
            changed.push(item.clone());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    ctx.print_lines::<T>(&changed, titles)
}

/// Takes from what was seen the rows that are there no more; answers their names.
fn gone<T: Shown>(items: &[Value], seen: &mut HashMap<String, String>) -> Vec<String> {
    let there: HashSet<String> = items.iter().filter_map(|item| item.get(T::KEY).map(key_of)).collect();
    let mut gone: Vec<String> = seen.keys().filter(|key| !there.contains(*key)).cloned().collect();
    gone.sort();
    seen.retain(|key, _| there.contains(key));
    gone
}

/// Between the rows for people, beside them where machines read.
fn print_gone(ctx: &Context, names: &[String]) -> Result<(), Problem> {
    for name in names {
        let line = format!("{} is gone", SafeText::line(name));
        if ctx.global.output.is_for_people() { ctx.print(&format!("{line}\n"))? } else { ctx.note(&line) }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::model;

    #[test]
    fn what_is_there_no_more_is_told_once() {
        let mut seen: HashMap<String, String> =
            ["a", "b", "c"].map(|name| (name.to_owned(), "{}".to_owned())).into();
        let left = [json!({"name": "b"}), json!({"name": "new"})];
        assert_eq!(gone::<model::Target>(&left, &mut seen), ["a", "c"]);
        assert!(gone::<model::Target>(&left, &mut seen).is_empty());
    }
}
