//! From a file, the environment and flags to one [`Settings`]: every problem with its place, every value with its origin.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Settings;
use crate::{
    config::{
        diagnostic::{Diagnostic, Diagnostics},
        node::Node,
        schema::Schema,
        toml_file,
    },
    domain::names,
};

/// Where settings may come from, strongest last.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file's name and text, when there is one.
    pub file: Option<(String, String)>,
    /// Names and values of environment variables; those that begin with `NUTKIN_` count.
    pub environment: Vec<(String, String)>,
    /// Flags: dotted path and value.
    pub flags: Vec<(String, String)>,
}

/// Settings and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Merged and checked.
    pub settings: Settings,
    /// Dotted path → `default`, the file's name, the variable's name, or `flag`.
    pub origins: IndexMap<String, String>,
    /// Things that have no effect and look like a slip.
    pub warnings: Vec<Diagnostic>,
    /// The file that was read, with its places.
    file: Option<(String, Node)>,
}

/// Variables that are not settings: they choose files, profiles and managers before settings are read.
pub const OTHER_VARIABLES: &[&str] = &[
    "NUTKIN_STATE_DIR",
    "NUTKIN_CONFIG",
    "NUTKIN_PROFILE",
    "NUTKIN_SERVER",
    "NUTKIN_LOG",
    "NUTKIN_CACHE_DIR",
];

/// Settings that are known and have no effect yet: whoever sets one is told so.
pub const NOT_YET: &[&str] = &[
    "console.mouse",
    "console.ascii",
    "console.motion",
    "recorder.logs-per-deployment",
    "recorder.metrics-resolution",
];

/// The variable of a setting.
#[must_use]
pub fn variable(path: &str) -> String {
    format!("NUTKIN_{}", path.to_uppercase().replace(['.', '-'], "_"))
}

/// Merges every source; every problem is reported, not the first only.
pub fn load(sources: &Sources) -> Result<Loaded, Diagnostics> {
    let schema = Schema::of::<Settings>();
    let leaves = schema.leaves();
    let mut problems = Vec::new();
    let mut value = serde_json::to_value(Settings::default()).unwrap_or_default();
    let mut origins: IndexMap<String, String> =
        leaves.iter().map(|(path, _)| (path.clone(), "default".to_owned())).collect();

    let root = read_file(sources, &schema, &mut value, &mut origins, &mut problems);
    let mut warnings = Vec::new();
    for (name, text) in sources.environment.iter().filter(|(n, _)| n.starts_with("NUTKIN_")) {
        match leaves.iter().find(|(path, _)| variable(path) == *name) {
            Some((path, leaf)) => match schema.read_leaf(leaf, text) {
                Ok(v) => set(&mut value, &mut origins, path, v, name),
                Err(message) => problems.push(unplaced(name, message)),
            },
            None if OTHER_VARIABLES.contains(&name.as_str()) => {}
            None => warnings.push(unplaced(name, unknown_variable(name, &leaves))),
        }
    }
    for (path, text) in &sources.flags {
        let leaf = leaves.iter().find(|(p, _)| p == path);
        match leaf.map(|(_, leaf)| schema.read_leaf(leaf, text)) {
            Some(Ok(v)) => set(&mut value, &mut origins, path, v, "flag"),
            Some(Err(message)) => problems.push(unplaced(path, message)),
            None => problems.push(unplaced(path, "unknown setting".to_owned())),
        }
    }
    if !problems.is_empty() {
        return Err(Diagnostics(problems));
    }
    let mut settings: Settings =
        serde_json::from_value(value).map_err(|e| Diagnostics(vec![unplaced("settings", e.to_string())]))?;
    let file = sources.file.as_ref().and_then(|(name, _)| Some((name.clone(), root.clone()?)));
    if let (Some(dir), Some(origin)) = (&mut settings.manager.secrets_dir, origins.get("manager.secrets-dir"))
    {
        *dir = beside(file.as_ref(), origin, dir).display().to_string();
    }
    let problems = beyond_schema(&settings, &origins, root.as_ref());
    for path in NOT_YET.iter().filter(|path| origins.get(**path).is_some_and(|o| o != "default")) {
        let message = format!("{path} is not used by this version");
        warnings.push(placed(path, message, &origins, root.as_ref()));
    }
    Diagnostics(problems).or(Loaded { settings, origins, warnings, file })
}

fn read_file(
    sources: &Sources,
    schema: &Schema,
    value: &mut Value,
    origins: &mut IndexMap<String, String>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let (name, text) = sources.file.as_ref()?;
    let root = match toml_file::parse(name, text) {
        Ok(root) => root,
        Err(errors) => {
            problems.extend(errors);
            return None;
        }
    };
    let mut findings = Vec::new();
    let checked = schema.check(&root, &mut findings);
    problems.extend(findings.into_iter().map(|f| Diagnostic {
        file: name.clone(),
        line: f.place.line,
        column: f.place.column,
        message: f.message,
    }));
    let paths: Vec<String> = origins.keys().cloned().collect();
    for path in paths {
        if let Some(v) = lookup(&checked, &path).filter(|v| !v.is_null()) {
            set(value, origins, &path, v.clone(), name);
        }
    }
    Some(root)
}

/// What the schema cannot say.
fn beyond_schema(
    settings: &Settings,
    origins: &IndexMap<String, String>,
    root: Option<&Node>,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut wrong = |path: &str, message: String| problems.push(placed(path, message, origins, root));
    let zone = &settings.time_zone;
    if zone != "local" && zone.parse::<chrono_tz::Tz>().is_err() {
        let near = names::nearest(zone, chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()));
        let near = near.map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        wrong(
            "time-zone",
            format!("{zone:?} is not a time zone: write local, or a name like Europe/Berlin{near}"),
        );
    }
    for (path, span) in [
        ("manager.poll-interval", settings.manager.poll_interval),
        ("manager.poll-interval-idle", settings.manager.poll_interval_idle),
    ] {
        if span.0 < Duration::from_millis(200) {
            wrong(path, format!("{span} is too short; at least 200ms"));
        }
    }
    for (path, list) in
        [("access.operators", &settings.access.operators), ("access.viewers", &settings.access.viewers)]
    {
        let names_somebody = |e: &str| {
            e.split_once(':').is_some_and(|(kind, name)| matches!(kind, "user" | "group") && !name.is_empty())
        };
        for entry in list.iter().filter(|e| !names_somebody(e)) {
            wrong(path, format!("{entry:?} is neither user:NAME nor group:NAME"));
        }
    }
    problems
}

/// A finding about a setting, where its value was written.
fn placed(
    path: &str,
    message: String,
    origins: &IndexMap<String, String>,
    root: Option<&Node>,
) -> Diagnostic {
    let origin = origins.get(path).cloned().unwrap_or_default();
    let segments: Vec<&str> = path.split('.').collect();
    let place = root.map(|r| r.nearest(&segments).place).filter(|_| !origin.starts_with("NUTKIN_"));
    let place = place.filter(|_| origin != "flag").unwrap_or_default();
    Diagnostic { file: origin, line: place.line, column: place.column, message }
}

fn unknown_variable(name: &str, leaves: &[(String, Value)]) -> String {
    let known: Vec<String> = leaves
        .iter()
        .map(|(path, _)| variable(path))
        .chain(OTHER_VARIABLES.iter().map(|v| (*v).to_owned()))
        .collect();
    let near = names::nearest(name, known.iter().map(String::as_str));
    let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
    format!("no setting has this variable; it is ignored{near}")
}

fn unplaced(what: &str, message: String) -> Diagnostic {
    Diagnostic { file: what.to_owned(), line: 0, column: 0, message }
}

fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |v, key| v.get(key))
}

fn set(into: &mut Value, origins: &mut IndexMap<String, String>, path: &str, v: Value, origin: &str) {
    let mut at = into;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(map) = at else { return };
        at = map.entry(key.to_owned()).or_insert(Value::Null);
    }
    *at = v;
    origins.insert(path.to_owned(), origin.to_owned());
}

/// A path as its setting means it: in a configuration file a relative one begins at the file's folder.
fn beside(file: Option<&(String, Node)>, origin: &str, path: &str) -> PathBuf {
    let folder = file.filter(|(name, _)| name == origin).and_then(|(name, _)| Path::new(name).parent());
    folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

impl Loaded {
    /// Something about a setting, at the place where its value was written.
    #[must_use]
    pub fn finding(&self, setting: &str, message: String) -> Diagnostic {
        placed(setting, message, &self.origins, self.file.as_ref().map(|(_, root)| root))
    }

    /// The file that a setting names.
    #[must_use]
    pub fn path_of(&self, setting: &str, value: &str) -> PathBuf {
        beside(self.file.as_ref(), self.origins.get(setting).map_or("", String::as_str), value)
    }

    /// Every setting with its value and its origin, in file order.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, Value, String)> {
        let value = serde_json::to_value(&self.settings).unwrap_or_default();
        self.origins
            .iter()
            .map(|(path, origin)| {
                (path.clone(), lookup(&value, path).cloned().unwrap_or_default(), origin.clone())
            })
            .collect()
    }

    /// The effective settings as a file that could be kept.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(&self.settings).unwrap_or_default()
    }
}
