//! Who may import whom. The table is the one drawn in `ARCHITECTURE.md`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Module → modules of this crate that it may import. The domain's plain types may be imported by everyone.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("contract", &[]),
    ("config", &["contract"]),
    ("manager", &["contract"]),
    ("adapters/sqlite", &["manager::ports"]),
    ("adapters/flink", &["manager::ports"]),
    ("adapters/target", &["manager::ports"]),
    ("adapters", &["manager::ports"]),
    ("server", &["contract", "manager"]),
    ("client", &["contract"]),
    ("faces/cli", &["client", "contract", "config"]),
    ("faces/tui", &["client", "contract", "config"]),
    ("demo", &["client", "contract", "config"]),
];

/// External crate → the only places that may name it.
const EXTERNAL: &[(&str, &[&str])] = &[
    ("rusqlite", &["adapters/sqlite"]),
    ("rusqlite_migration", &["adapters/sqlite"]),
    ("reqwest", &["adapters/flink"]),
    ("axum", &["server"]),
    ("utoipa_axum", &["server"]),
    ("ratatui", &["faces/tui"]),
    ("crossterm", &["faces/tui"]),
    ("serde_saphyr", &["config"]),
    // Settings; and what a person writes for the console alone.
    ("toml", &["config", "faces/tui/keymap", "faces/tui/theme"]),
    ("clap", &["faces/cli", "main"]),
];

/// Module → what of the standard library and of others it must not name. Rules are pure, and the manager waits by the clock
/// port, so that time can be simulated; what is at the edge may use timers of its own.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "tokio",
            "hyper",
            "hyper_util",
            "futures",
            "rand",
            "uuid",
            "tracing",
            "rustix",
            "std::fs",
            "std::net",
            "std::os",
            "std::process",
            "std::env",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
    ),
    ("manager", &["tokio::time", "std::thread", "std::net", "hyper"]),
];

struct Source {
    /// Path below `src/`, with slashes.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources are there");
    found
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            into.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// Code without comments and without unit tests, which may build what they test with.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate::`, groups opened: `crate::{a::b, c}` → `a::b`, `c`.
fn imports(code: &str) -> BTreeSet<String> {
    paths(code, "crate")
}

/// The same of any crate.
fn paths(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = format!("{root}::");
    for (at, _) in code.match_indices(root.as_str()) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        expand("", &code[at + root.len()..], &mut found);
    }
    found
}

/// Reads one path or group at the start of `text`; answers how many bytes it took.
fn expand(prefix: &str, text: &str, into: &mut BTreeSet<String>) -> usize {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
    let rest = &text[word.len()..];
    let path = format!("{prefix}{word}");
    if !rest.starts_with('{') {
        into.insert(path);
        return word.len();
    }
    let mut used = word.len() + 1;
    loop {
        let skip = text[used..].find(|c: char| !c.is_whitespace() && c != ',').unwrap_or(0);
        used += skip;
        match text[used..].chars().next() {
            None => return used,
            Some('}') => return used + 1,
            Some(_) => {
                let step = expand(&path, &text[used..], into);
                // A rename or a star: go on behind it.
                let tail = text[used + step..].find([',', '}']).unwrap_or(0);
                used += step + tail;
            }
        }
    }
}

fn allowed(path: &str) -> Option<(&'static str, &'static [&'static str])> {
    let longest =
        |m: &&(&str, &[&str])| path.starts_with(&format!("{}/", m.0)) || path == format!("{}.rs", m.0);
    ALLOWED.iter().filter(longest).max_by_key(|(m, _)| m.len()).copied()
}

#[test]
fn modules_import_only_downwards() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((module, may)) = allowed(&source.path) else { continue };
        for import in imports(&code(&source.text)) {
            let own = module.replace('/', "::");
            let fits = |m: &str| import == m || import.starts_with(&format!("{m}::"));
            // Macros are exported at the root.
            let ok = fits("domain") || fits(&own) || may.iter().any(|m| fits(m)) || import == "words";
            if !ok {
                wrong.push(format!("src/{} imports crate::{import}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden imports:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let outside: Vec<String> = sources()
        .into_iter()
        .map(|s| s.path)
        .filter(|p| allowed(p).is_none())
        .filter(|p| !["lib.rs", "main.rs", "faces/mod.rs"].contains(&p.as_str()) && !p.starts_with("main/"))
        .collect();
    assert!(outside.is_empty(), "name their imports in the table: {outside:?}");
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = code(&source.text);
        for (library, places) in EXTERNAL {
            let names = [format!("{library}::"), format!("use {library};"), format!("use {library} as")];
            let named = names.iter().any(|n| {
                code.match_indices(n.as_str()).any(|(at, _)| {
                    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            });
            let here = places
                .iter()
                .any(|p| source.path.starts_with(&format!("{p}/")) || source.path == format!("{p}.rs"));
            if named && !here {
                wrong.push(format!("src/{} names {library}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their place:\n{}", wrong.join("\n"));
}

#[test]
fn rules_are_pure_and_the_manager_waits_by_the_clock_port() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((module, _)) = allowed(&source.path) else { continue };
        let code = code(&source.text);
        let forbidden = FORBIDDEN.iter().filter(|(m, _)| *m == module).flat_map(|(_, names)| *names);
        for name in forbidden {
            let (root, rest) = name.split_once("::").unwrap_or((name, ""));
            let fits = |p: &String| rest.is_empty() || p == rest || p.starts_with(&format!("{rest}::"));
            if paths(&code, root).iter().any(fits) {
                wrong.push(format!("src/{} names {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "what must not be named there:\n{}", wrong.join("\n"));
}

#[test]
fn groups_and_renames_are_read() {
    let code = "use crate::{a::{b, c as d}, e::*, f};\nfn x() { crate::g::h(1); } // mycrate::no\nuse othercrate::z;";
    let expected = ["a::b", "a::c", "e::", "f", "g::h"].map(str::to_owned);
    assert_eq!(imports(code).into_iter().collect::<Vec<_>>(), expected);
    let code = "use tokio::{select, time::{sleep, timeout}};\nfn x() { tokio::spawn(y); mytokio::no() }";
    let expected = ["select", "spawn", "time::sleep", "time::timeout"].map(str::to_owned);
    assert_eq!(paths(code, "tokio").into_iter().collect::<Vec<_>>(), expected);
}
