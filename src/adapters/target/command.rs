//! Savepoints behind a program, for example `aws s3 ls {path}` or `hdfs dfs -test -e {path}`.
//!
//! No shell is involved: the line is split into words once, quotes keep words together, and `{path}` is replaced inside
//! them. Exit 0 means there, 1 means not there; anything else (no such program, no credentials, no time) tells nothing.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

const LIMIT: Duration = Duration::from_secs(30);

/// The file whose presence makes a savepoint complete.
pub(super) fn metadata_of(location: &str) -> String {
    let location = location.trim_end_matches('/');
    if location.ends_with("/_metadata") { location.to_owned() } else { format!("{location}/_metadata") }
}

pub(super) async fn is_there(line: &str, path: &str) -> Option<bool> {
    let words = words(line)?;
    let (program, arguments) = words.split_first()?;
    let mut child = Command::new(program)
        .args(arguments.iter().map(|a| a.replace("{path}", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let status = timeout(LIMIT, child.wait()).await.ok()?.ok()?;
    match status.code()? {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

/// The words of a command line; single and double quotes keep blanks. `None` when a quote is left open.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_like_a_shell_would() {
        assert_eq!(words("aws s3 ls {path}").unwrap(), ["aws", "s3", "ls", "{path}"]);
        assert_eq!(words(r#"a "b c" '' 'd"e'"#).unwrap(), ["a", "b c", "", "d\"e"]);
        assert_eq!(words("a 'b"), None);
    }

    #[tokio::test]
    async fn exit_codes_tell() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("a b;c");
        std::fs::write(&there, "x").unwrap();
        let there = there.display().to_string();
        assert_eq!(is_there("test -e {path}", &there).await, Some(true));
        assert_eq!(is_there("test -e {path}", "/no such").await, Some(false));
        assert_eq!(is_there("sh -c 'exit 255'", "x").await, None);
        assert_eq!(is_there("no-such-program {path}", "x").await, None);
        assert_eq!(metadata_of("s3://b/sp/"), "s3://b/sp/_metadata");
        assert_eq!(metadata_of("s3://b/sp/_metadata"), "s3://b/sp/_metadata");
    }
}
