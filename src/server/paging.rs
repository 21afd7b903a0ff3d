//! Pages of lists: `limit` rows, then `next` as the following request's `after`.

use serde::Deserialize;
use utoipa::IntoParams;

use super::error::Failure;
use crate::contract::{List, problem::Code};

/// Rows of a page that nobody asked to be of another size.
const DEFAULT: u32 = 200;
/// The largest page.
const MAX: u32 = 1000;

/// So many rows of a history are looked through at most.
pub const HISTORY: u32 = 10_000;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows at most, 1 to 1000.
    #[param(default = 200, minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Checks a page's size.
pub fn size(limit: Option<u32>) -> Result<u32, Failure> {
    match limit.unwrap_or(DEFAULT) {
        n @ 1..=MAX => Ok(n),
        n => Err(Failure::new(Code::BadRequest, format!("limit is 1 to {MAX}, not {n}"))),
    }
}

/// Nothing follows a row that is not there.
pub fn gone(after: &str) -> Failure {
    Failure::new(Code::BadRequest, format!("no page follows {after:?}: it is gone"))
}

/// Cuts one page out of a whole list; `key` names a row for ever.
pub fn cut<T>(rows: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Result<List<T>, Failure> {
    let limit = size(page.limit)? as usize;
    let start = match &page.after {
        None => 0,
        Some(after) => match rows.iter().position(|r| key(r) == *after) {
            Some(n) => n + 1,
            None => return Err(gone(after)),
        },
    };
    let more = rows.len() > start + limit;
    let items: Vec<T> = rows.into_iter().skip(start).take(limit).collect();
    let next = items.last().filter(|_| more).map(key);
    Ok(List { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_end() {
        let rows: Vec<u32> = (0..25).collect();
        let (mut page, mut seen) = (Page { limit: Some(10), after: None }, Vec::new());
        loop {
            let list = cut(rows.clone(), &page, u32::to_string).unwrap();
            seen.extend(list.items);
            let Some(next) = list.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, rows);
        let exact = cut(rows, &Page { limit: Some(25), after: None }, u32::to_string).unwrap();
        assert_eq!(exact.next, None);
        for bad in [Page { limit: Some(0), after: None }, Page { limit: None, after: Some("x".into()) }] {
            assert!(cut(vec![1], &bad, u32::to_string).is_err());
        }
    }
}
