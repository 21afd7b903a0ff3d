//! What is typed into the upgrade form, read: paths and hashes, configuration lines, arguments.

use indexmap::IndexMap;

/// The first digits of a hash, which the manager takes for the whole; anything else as it is.
pub(super) fn unique_part(chosen: &str) -> String {
    if chosen.len() == 64 { chosen.chars().take(12).collect() } else { chosen.to_owned() }
}

/// Whether the artifact field holds a path to a jar rather than a hash or name.
#[must_use]
pub fn is_path(text: &str) -> bool {
    text.contains('/') || text.starts_with('~')
}

/// Reads `key: value` lines, Flink's own form; blank lines and `#` comments are skipped.
pub(super) fn parse_config(lines: &[String]) -> Result<IndexMap<String, String>, String> {
    let mut out = IndexMap::new();
    for (i, line) in lines.iter().enumerate() {
        let l = line.trim();
        if l.is_empty() || l.starts_with('#') {
            continue;
        }
        let split =
            l.split_once(": ").or_else(|| l.split_once('=')).or_else(|| l.strip_suffix(':').map(|k| (k, "")));
        let (k, v) = split.ok_or_else(|| format!("configuration line {}: write key: value", i + 1))?;
        out.insert(k.trim().to_owned(), v.trim().to_owned());
    }
    Ok(out)
}

/// Changed and new keys with their value, gone keys with `None`.
pub(super) fn config_changes(
    old: &IndexMap<String, String>,
    new: &IndexMap<String, String>,
) -> IndexMap<String, Option<String>> {
    let changed =
        new.iter().filter(|(k, v)| old.get(*k) != Some(*v)).map(|(k, v)| (k.clone(), Some(v.clone())));
    let gone = old.keys().filter(|k| !new.contains_key(*k)).map(|k| (k.clone(), None));
    changed.chain(gone).collect()
}

/// Arguments on one line; those with blanks or quotes are quoted.
pub(super) fn join_args(args: &[String]) -> String {
    let quote = |a: &String| {
        if a.is_empty() || a.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'' || c == '\\') {
            format!("\"{}\"", a.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            a.clone()
        }
    };
    args.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Splits a line into arguments: blanks separate, quotes keep together, a backslash takes the next character as it is.
pub(super) fn split_args(line: &str) -> Result<Vec<String>, String> {
    let (mut out, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next().unwrap_or('\\')),
            (q, Some(open)) if q == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => out.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("arguments: a quote is not closed".to_owned());
    }
    out.extend(word);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_in_and_come_out() {
        let args: Vec<String> =
            ["--rate", "500", "two words", "say \"hi\"", "", "a\\b"].map(str::to_owned).into();
        assert_eq!(split_args(&join_args(&args)).unwrap(), args);
        assert_eq!(split_args("  a 'b c'  ").unwrap(), ["a", "b c"]);
        assert!(split_args("a 'b").is_err());
    }

    #[test]
    fn only_changed_configuration_is_sent() {
        let lines = |t: &str| parse_config(&t.lines().map(str::to_owned).collect::<Vec<_>>());
        let old = lines("a: 1\nb: 2\n# no\n\nc: x:y").unwrap();
        let new = lines("a: 1\nb: 3\nd=4").unwrap();
        let changes: Vec<_> = config_changes(&old, &new).into_iter().collect();
        assert_eq!(
            changes,
            [("b".into(), Some("3".into())), ("d".into(), Some("4".into())), ("c".into(), None)]
        );
        assert!(lines("nonsense").unwrap_err().starts_with("configuration line 1"));
    }

    #[test]
    fn paths_are_told_from_hashes_and_names() {
        for p in ["./a.jar", "/x/a.jar", "~/a.jar", "build/libs/a.jar"] {
            assert!(is_path(p));
        }
        for p in ["", "abc123", "payments.jar"] {
            assert!(!is_path(p));
        }
    }
}
