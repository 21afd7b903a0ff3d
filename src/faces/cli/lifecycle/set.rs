//! `KEY=VALUE` and `PATH=VALUE`: values of a deployment's own layer, given on the command line.

use indexmap::IndexMap;
use serde_json::Value;

use super::usage;
use crate::{
    contract::problem::Problem,
    domain::{names::nearest, spec::SPEC_KEYS},
};

pub(super) fn pair_of<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), Problem> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| usage(format!("{flag} {text:?} is not of the form KEY=VALUE")))
}

/// `PATH=VALUE` pairs. The path is written as in diffs, with slashes; below `flinkConfiguration` the key has its dots,
/// anywhere else a dot is taken for a slash.
pub(super) fn set_of(pairs: &[String]) -> Result<IndexMap<String, Value>, Problem> {
    let mut set = IndexMap::new();
    for pair in pairs {
        let (path, value) = pair_of("--set", pair)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        set.insert(spec_path(path)?, value);
    }
    Ok(set)
}

fn spec_path(path: &str) -> Result<String, Problem> {
    let (head, tail) = path.split_once(['/', '.']).map_or((path, None), |(h, t)| (h, Some(t)));
    if !SPEC_KEYS.contains(&head) {
        let near = nearest(head, SPEC_KEYS.iter().copied());
        let near = near.map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        return Err(usage(format!("--set {path:?}: a spec has no {head:?}{near}")));
    }
    Ok(match tail {
        None => head.to_owned(),
        Some(tail) if head == "flinkConfiguration" => format!("{head}/{tail}"),
        Some(tail) => format!("{head}/{}", tail.replace('.', "/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_takes_slashes_and_dots() {
        let pairs = [
            "probation.timeout=10m",
            "parallelism=4",
            "flinkConfiguration.a.b=x",
            "artifact/args=[\"x\"]",
            "savepointDirectory=null",
        ];
        let set = set_of(&pairs.map(str::to_owned)).unwrap();
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(
            text,
            r#"{"probation/timeout":"10m","parallelism":4,"flinkConfiguration/a.b":"x","artifact/args":["x"],"savepointDirectory":null}"#
        );
        assert!(
            set_of(&["paralelism=4".to_owned()])
                .unwrap_err()
                .detail
                .contains("did you mean \"parallelism\"?")
        );
        assert!(set_of(&["parallelism".to_owned()]).is_err());
    }
}
