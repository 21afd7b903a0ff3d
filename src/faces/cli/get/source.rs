//! Where the rows of a list come from, and which of them are wanted.

use serde_json::Value;

use super::{
    super::{context::Context, resolve::page_of},
    shown::Shown,
};
use crate::{
    client::Get,
    contract::{
        List,
        problem::{Code, Problem},
    },
};

/// Where rows come from.
pub(super) struct Source<T> {
    route: Get<List<T>>,
    only: Option<(&'static str, String)>,
}

/// A key as people write it.
pub(super) fn key_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl<T> Source<T> {
    pub(super) fn one(route: Get<List<T>>) -> Self {
        Self { route, only: None }
    }

    pub(super) fn filtered(route: Get<List<T>>, key: &'static str, value: &str) -> Self {
        Self { route, only: Some((key, value.to_owned())) }
    }
}

impl<T: Shown> Source<T> {
    /// Rows, and the cursor when a limit cut them.
    pub(super) async fn fetch(
        &self,
        ctx: &Context,
        limit: Option<u32>,
        labels: &[(String, String)],
    ) -> Result<(Vec<Value>, Option<String>), Problem> {
        if labels.is_empty() && self.only.is_none() {
            return match limit {
                Some(_) => {
                    let route = self.route.clone().with_some("limit", limit);
                    Ok(page_of(ctx.client().await?.get_value(&route).await?))
                }
                None => Ok((ctx.all(&self.route).await?, None)),
            };
        }
        // The limit is of the rows that fit: page by page, until there are enough.
        let limit = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let (mut fitting, mut after) = (Vec::new(), None::<String>);
        loop {
            let route = self.route.clone().with_some("after", after);
            let (mut page, next) = page_of(ctx.client().await?.get_value(&route).await?);
            page.retain(|item| self.fits(item, labels));
            fitting.extend(page);
            if fitting.len() > limit || next.is_none() {
                break;
            }
            after = next;
        }
        let cut = fitting.len() > limit;
        fitting.truncate(limit);
        let next = fitting.last().filter(|_| cut).and_then(|item| Some(key_of(item.get(T::KEY)?)));
        Ok((fitting, next))
    }

    fn fits(&self, item: &Value, labels: &[(String, String)]) -> bool {
        let is_it = |(key, value): &(&str, String)| item.get(*key).and_then(Value::as_str) == Some(value);
        has_labels(item, labels) && self.only.as_ref().is_none_or(is_it)
    }
}

/// Reads `-l KEY=VALUE`.
pub(super) fn labels_of(given: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let pair = |text: &String| {
        text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).ok_or_else(|| {
            Problem::new(Code::BadRequest, format!("-l {text:?} is not of the form KEY=VALUE"))
        })
    };
    given.iter().map(pair).collect()
}

fn has_labels(item: &Value, labels: &[(String, String)]) -> bool {
    labels
        .iter()
        .all(|(k, v)| item.pointer("/labels").and_then(|l| l.get(k)).and_then(Value::as_str) == Some(v))
}
