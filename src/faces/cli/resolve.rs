//! From what a person typed to a name: whole names in scripts, unique prefixes on a terminal. Ids are also known by their
//! beginning or end, everywhere, because that is how tables and the console show them.

use serde_json::Value;

use super::{context::Context, views::last_part};
use crate::{
    client::{Get, routes},
    contract::{
        List, model,
        problem::{Code, Problem},
        restore_from::RestoreFrom,
    },
    domain::{
        ids::{BadId, DeploymentName, FlinkJobId},
        names,
        operation::Kind,
    },
};

/// What a text means among known names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The one name or id that fits, in full.
    One(String),
    /// Several begin so.
    Several(Vec<String>),
    /// None; these are near.
    None(Vec<String>),
}

/// Finds a name: the whole name first, then, where prefixes are allowed, the one that begins so. The prefix may be of
/// `APP/NAME` or of the NAME alone.
#[must_use]
pub fn find(given: &str, known: &[String], prefixes: bool) -> Match {
    if known.iter().any(|k| k == given) {
        return Match::One(given.to_owned());
    }
    if prefixes && !given.is_empty() {
        let tail = |k: &str| k.split_once('/').is_some_and(|(_, name)| name.starts_with(given));
        let mut fits: Vec<&String> = known.iter().filter(|k| k.starts_with(given)).collect();
        if fits.is_empty() {
            fits = known.iter().filter(|k| tail(k)).collect();
        }
        match fits.as_slice() {
            [] => {}
            [one] => return Match::One((*one).clone()),
            several => return Match::Several(several.iter().map(|k| (*k).clone()).collect()),
        }
    }
    Match::None(names::nearest_few(given, known.iter().map(String::as_str), 3))
}

/// Fewest characters of an id that are taken for the whole.
const ID_PART: usize = 4;

/// Finds an id by the whole of it, or by its beginning or end, with or without the dots of a shortened one. An id has one
/// or more texts that it is known by; the first one is the id.
#[must_use]
pub fn find_id(given: &str, known: &[Vec<String>]) -> Match {
    let first = |texts: &Vec<String>| texts.first().cloned().unwrap_or_default();
    if let Some(texts) = known.iter().find(|texts| texts.first().is_some_and(|id| id == given)) {
        return Match::One(first(texts));
    }
    let part = given.trim_start_matches("…/").trim_matches('…').trim_matches('.');
    let mut fits: Vec<String> = if part.len() < ID_PART {
        Vec::new()
    } else {
        let fits = |text: &String| text.starts_with(part) || text.ends_with(part);
        known.iter().filter(|texts| texts.iter().any(fits)).map(first).collect()
    };
    fits.dedup();
    match fits.as_slice() {
        [] => Match::None(Vec::new()),
        [one] => Match::One(one.clone()),
        _ => Match::Several(fits),
    }
}

/// The outcome of a search as a name or a problem that helps.
pub fn decide(what: &str, given: &str, found: Match) -> Result<String, Problem> {
    match found {
        Match::One(name) => Ok(name),
        Match::Several(several) => Err(Problem::new(
            Code::Ambiguous,
            format!("{given:?} fits {} {what}s; nothing was changed", several.len()),
        )
        .hint(format!("write one of: {}", several.join(", ")))),
        Match::None(near) => {
            let problem =
                Problem::new(Code::NotFound, format!("no {what} is called {given:?}; nothing was changed"));
            Err(match near.as_slice() {
                [] if what == "job" => problem.hint("`nutkin get jobs --target TARGET` lists them"),
                [] => problem.hint(format!("`nutkin get {what}s` lists them")),
                near => problem.hint(format!("did you mean {}?", near.join(", "))),
            })
        }
    }
}

impl Context {
    /// A deployment by its name, or on a terminal by a unique prefix.
    pub async fn deployment(&self, given: &str) -> Result<DeploymentName, Problem> {
        if !self.allows_prefixes() {
            return given.parse().map_err(|e: BadId| {
                Problem::new(Code::BadRequest, format!("{e}; nothing was changed"))
                    .hint("scripts write whole names; on a terminal a unique prefix is enough")
            });
        }
        let known = self.names_of(&routes::deployments(), "deployment").await?;
        let name = decide("deployment", given, find(given, &known, true))?;
        name.parse().map_err(|e: BadId| Problem::new(Code::Internal, e.to_string()))
    }

    /// A target by its name, or on a terminal by a unique prefix.
    pub async fn target(&self, given: &str) -> Result<String, Problem> {
        if !self.allows_prefixes() {
            return Ok(given.to_owned());
        }
        let known = self.names_of(&routes::targets(), "name").await?;
        decide("target", given, find(given, &known, true))
    }

    /// A savepoint's id, from what a table shows of it or of its place.
    pub async fn savepoint(&self, given: &str) -> Result<String, Problem> {
        if self.is_whole(given) {
            return Ok(given.to_owned());
        }
        let all = self.all(&routes::all_savepoints()).await?;
        let known: Vec<Vec<String>> = all
            .iter()
            .filter_map(|v| {
                let id = v.get("savepointId")?.as_str()?.to_owned();
                let place = v.get("location").and_then(Value::as_str).map(|l| last_part(l).to_owned());
                Some(std::iter::once(id).chain(place).collect())
            })
            .collect();
        decide("savepoint", given, find_id(given, &known))
    }

    /// A restore point as a verb's `--from` takes it: one of its words, a location, or a savepoint as
    /// [`Self::savepoint`] finds it.
    pub async fn restore_point(&self, kind: Kind, given: Option<&str>) -> Result<Option<String>, Problem> {
        let Some(given) = given else { return Ok(None) };
        Ok(Some(match RestoreFrom::parse(kind, given)? {
            RestoreFrom::Word(word) => word.to_string(),
            RestoreFrom::Location(location) => location,
            RestoreFrom::Id(id) => self.savepoint(&id).await?,
        }))
    }

    /// An operation's id, from what a table shows of it.
    pub async fn operation(&self, given: &str) -> Result<String, Problem> {
        if self.is_whole(given) {
            return Ok(given.to_owned());
        }
        let all = self.all(&routes::operations()).await?;
        let known: Vec<Vec<String>> =
            all.iter().filter_map(|v| Some(vec![v.get("operationId")?.as_str()?.to_owned()])).collect();
        decide("operation", given, find_id(given, &known))
    }

    /// Flink's id of a job on a target, from what a table shows of it.
    pub async fn flink_job(&self, target: &str, given: &str) -> Result<FlinkJobId, Problem> {
        if let Ok(id) = given.parse() {
            return Ok(id);
        }
        let all = self.all(&routes::target_jobs(target)).await?;
        let known: Vec<Vec<String>> =
            all.iter().filter_map(|v| Some(vec![v.get("flinkJobId")?.as_str()?.to_owned()])).collect();
        let id = decide("job", given, find_id(given, &known))?;
        id.parse().map_err(|e: BadId| Problem::new(Code::Internal, e.to_string()))
    }

    /// An id that needs no search: all of it, or what a script must mean so.
    fn is_whole(&self, id: &str) -> bool {
        // Ids of savepoints are those of their operation, with the step behind it.
        self.global.exact || id.get(..36).is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
    }

    async fn names_of<T>(&self, list: &Get<List<T>>, key: &str) -> Result<Vec<String>, Problem> {
        let items = self.all(list).await?;
        Ok(items.iter().filter_map(|v| v.get(key)?.as_str().map(str::to_owned)).collect())
    }

    /// An artifact by its hash, a unique part of it, or its name.
    pub async fn artifact(&self, given: &str) -> Result<Value, Problem> {
        let artifacts = self.all(&routes::artifacts()).await?;
        let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let fits: Vec<&Value> = artifacts
            .iter()
            .filter(|a| {
                text(a, "name") == given || (given.len() >= 6 && text(a, "sha256").starts_with(given))
            })
            .collect();
        let known: Vec<String> = artifacts.iter().map(|a| text(a, "name")).collect();
        match fits.as_slice() {
            [one] => Ok((*one).clone()),
            [] => decide("artifact", given, find(given, &known, false)).map(|_| Value::Null),
            several => {
                let hashes = several.iter().map(|a| text(a, "sha256")).collect();
                decide("artifact", given, Match::Several(hashes)).map(|_| Value::Null)
            }
        }
    }

    /// Every item of a list, page by page, as the API answers them.
    pub async fn all<T>(&self, list: &Get<List<T>>) -> Result<Vec<Value>, Problem> {
        let client = self.client().await?;
        let (mut items, mut after) = (Vec::new(), None::<String>);
        loop {
            let (page, next) = page_of(client.get_value(&list.clone().with_some("after", after)).await?);
            items.extend(page);
            match next {
                Some(cursor) => after = Some(cursor),
                None => return Ok(items),
            }
        }
    }

    /// One deployment, in full.
    pub async fn deployment_model(&self, name: &DeploymentName) -> Result<model::Deployment, Problem> {
        self.client().await?.get(&routes::deployment(name)).await
    }
}

/// Items and cursor of a list's answer.
#[must_use]
pub fn page_of(mut answer: Value) -> (Vec<Value>, Option<String>) {
    let next = answer.get("next").and_then(Value::as_str).map(str::to_owned);
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => (items, next),
        _ => (Vec::new(), next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_first_then_unique_prefixes() {
        let known: Vec<String> =
            ["pay/prod", "pay/prod-eu", "pay/staging", "fraud/prod"].map(str::to_owned).to_vec();
        let one = |s: &str| Match::One(s.to_owned());
        assert_eq!(find("pay/prod", &known, true), one("pay/prod"));
        assert_eq!(find("pay/prod", &known, false), one("pay/prod"));
        assert_eq!(find("pay/s", &known, true), one("pay/staging"));
        assert_eq!(find("stag", &known, true), one("pay/staging"));
        assert_eq!(find("f", &known, true), one("fraud/prod"));
        assert!(matches!(find("pay", &known, true), Match::Several(s) if s.len() == 3));
        assert!(matches!(find("prod", &known, true), Match::Several(_)));
        assert_eq!(find("pay/s", &known, false), Match::None(vec!["pay/staging".into()]));
        assert_eq!(find("zzz", &known, true), Match::None(vec![]));
    }

    #[test]
    fn ids_are_known_by_what_tables_show_of_them() {
        let known: Vec<Vec<String>> = [
            ["0192d7a0-5c1e-7a11-8f00-00000000c812", "savepoint-6e7574-0a1b"],
            ["0192d7a0-5c1e-7a11-8f00-0000000ac655", "chk-12"],
        ]
        .map(|texts| texts.map(str::to_owned).to_vec())
        .to_vec();
        let one = |n: usize| Match::One(known[n][0].clone());
        for (given, expected) in [
            ("0192d7a0-5c1e-7a11-8f00-00000000c812", one(0)),
            ("…0000c812", one(0)),
            ("c812", one(0)),
            ("...000ac655", one(1)),
            ("…/savepoint-6e7574-0a1b", one(0)),
            ("chk-12", one(1)),
            ("0192d7a0-5c1e", Match::Several(vec![known[0][0].clone(), known[1][0].clone()])),
            ("812", Match::None(vec![])),
            ("", Match::None(vec![])),
        ] {
            assert_eq!(find_id(given, &known), expected, "{given}");
        }
    }
}
