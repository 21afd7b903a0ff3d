//! Names of users and groups: `/etc/passwd` and `/etc/group` first, then `getent`, which also asks a directory service.

use std::{collections::HashMap, process::Stdio, time::Duration};

use parking_lot::Mutex;
/// Patience for a directory service.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom the kernel says the other end of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// User name; `uid:N` where nobody knows it.
    pub name: String,
    /// Names of groups.
    pub groups: Vec<String>,
}

/// Names that were found; a user's number keeps its name for the life of the process. Groups are asked for each time,
/// because who is taken out of one must lose the right at once.
#[derive(Debug, Default)]
pub struct People {
    names: Mutex<HashMap<u32, String>>,
}

impl People {
    /// Finds the names of a user. `with_groups`: the groups matter, too.
    pub async fn find(&self, uid: u32, gid: u32, with_groups: bool) -> Person {
        let name = self.name(uid).await;
        let groups = match (&name, with_groups) {
            (Some(name), true) => groups_of(name).await,
            _ => Vec::new(),
        };
        Person { uid, gid, name: name.unwrap_or_else(|| format!("uid:{uid}")), groups }
    }

    async fn name(&self, uid: u32) -> Option<String> {
        let known = |s: &Self| s.names.lock().get(&uid).cloned();
        if let Some(name) = known(self) {
            return Some(name);
        }
        let entry = match in_file("/etc/passwd", &uid.to_string(), 2).await {
            Some(line) => Some(line),
            None => getent("passwd", &uid.to_string()).await,
        };
        let name = entry.and_then(|line| field(&line, 0).map(str::to_owned)).filter(|n| !n.is_empty())?;
        self.names.lock().insert(uid, name.clone());
        Some(name)
    }
}

fn field(line: &str, n: usize) -> Option<&str> {
    line.split(':').nth(n)
}

/// The line of a colon-separated file whose field `n` is `key`.
fn find_line(text: &str, key: &str, n: usize) -> Option<String> {
    text.lines().find(|l| field(l, n) == Some(key)).map(str::to_owned)
}

async fn in_file(path: &str, key: &str, n: usize) -> Option<String> {
    find_line(&tokio::fs::read_to_string(path).await.ok()?, key, n)
}

async fn getent(database: &str, key: &str) -> Option<String> {
    run("getent", &[database, key]).await.and_then(|text| text.lines().next().map(str::to_owned))
}

/// All groups of a user, as the system counts them.
async fn groups_of(user: &str) -> Vec<String> {
    if user.starts_with('-') {
        return Vec::new();
    }
    let text = run("id", &["-Gn", user]).await.unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_the_whole_field() {
        let text = "root:x:0:0::/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\n";
        assert_eq!(field(&find_line(text, "1000", 2).unwrap(), 0), Some("ann"));
        assert_eq!(find_line(text, "100", 2), None);
    }

    #[tokio::test]
    async fn somebody_without_a_name_is_shown_by_number() {
        let p = People::default().find(4_000_000_001, 1, true).await;
        assert_eq!((p.name.as_str(), p.groups.len()), ("uid:4000000001", 0));
    }
}
