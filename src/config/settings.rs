//! One validated [`Settings`] from file, environment and flags.
//!
//! ```text
//!   defaults  <  config.toml  <  NUTKIN_* variables  <  flags        → Settings + the origin of every value
//! ```
//!
//! The type is the only list of keys: the file's keys, the variables' names (`manager.idle-exit` →
//! `NUTKIN_MANAGER_IDLE_EXIT`) and the suggestions come from its schema.

use std::{fmt, str::FromStr, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    diagnostic::{Diagnostic, Diagnostics},
    node::Node,
    schema::Schema,
    toml_file,
};
use crate::domain::{names, time::Span};

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// `auto`, `dark`, `light`, `mono`, another built-in theme, or a file.
    pub theme: String,
    /// `default`, or a file.
    pub keymap: String,
    /// `local`, or an IANA name; how faces show times.
    pub time_zone: String,
    /// Nothing may be changed through this manager.
    pub read_only: bool,
    /// The console.
    pub console: ConsoleSettings,
    /// The manager.
    pub manager: ManagerSettings,
    /// Who is let in besides the manager's own user.
    pub access: AccessSettings,
    /// What is kept, and how much.
    pub recorder: RecorderSettings,
}

/// The console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ConsoleSettings {
    /// Frames a second at most.
    #[schema(minimum = 1, maximum = 240)]
    pub max_fps: u32,
    /// Mouse.
    pub mouse: bool,
    /// Only ASCII line art.
    pub ascii: bool,
    /// Spinners and flashes.
    pub motion: bool,
}

/// The manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ManagerSettings {
    /// Leave after so long without a client while nothing is to be watched; `0s` = never.
    pub idle_exit: Span,
    /// Poll this often while somebody looks or an operation runs.
    pub poll_interval: Span,
    /// Poll this often otherwise.
    pub poll_interval_idle: Span,
    /// Folder of secrets by file.
    pub secrets_dir: Option<String>,
    /// Names of environment variables that `${env:NAME}` may use.
    pub secret_env: Vec<String>,
    /// Operations driven at once on one target; those that end a job never wait.
    #[schema(minimum = 1, maximum = 1000)]
    pub concurrency: u32,
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AccessSettings {
    /// May act: `user:NAME` or `group:NAME`.
    pub operators: Vec<String>,
    /// May look: `user:NAME` or `group:NAME`.
    pub viewers: Vec<String>,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RecorderSettings {
    /// Log bytes per deployment.
    pub logs_per_deployment: ByteSize,
    /// Events are kept so long; `0s` = for ever.
    pub events_keep: Span,
    /// Distance of metric samples.
    pub metrics_resolution: Span,
}

const fn seconds(n: u64) -> Span {
    Span(Duration::from_secs(n))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: "auto".to_owned(),
            keymap: "default".to_owned(),
            time_zone: "local".to_owned(),
            read_only: false,
            console: ConsoleSettings::default(),
            manager: ManagerSettings::default(),
            access: AccessSettings::default(),
            recorder: RecorderSettings::default(),
        }
    }
}
impl Default for ConsoleSettings {
    fn default() -> Self {
        Self { max_fps: 30, mouse: true, ascii: false, motion: true }
    }
}
impl Default for ManagerSettings {
    fn default() -> Self {
        Self {
            idle_exit: seconds(15 * 60),
            poll_interval: seconds(2),
            poll_interval_idle: seconds(10),
            secrets_dir: None,
            secret_env: Vec::new(),
            concurrency: 16,
        }
    }
}
impl Default for RecorderSettings {
    fn default() -> Self {
        Self {
            logs_per_deployment: ByteSize(200 << 20),
            events_keep: seconds(365 * 86_400),
            metrics_resolution: seconds(10),
        }
    }
}

/// A size as people write it: `512`, `64KiB`, `200MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl FromStr for ByteSize {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let bad = || format!("{s:?} is not a size; write for example 64KiB, 200MiB or 1GiB");
        let digits = s.len() - s.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = s.split_at(digits);
        let unit = unit.trim();
        let factor = match unit {
            "" => 1,
            _ => SIZES.iter().find(|(u, _)| *u == unit).ok_or_else(bad)?.1,
        };
        let n: u64 = number.parse().map_err(|_| bad())?;
        n.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SIZES
            .into_iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(("B", 1));
        f.pad(&format!("{}{unit}", self.0 / factor))
    }
}
impl Serialize for ByteSize {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for ByteSize {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
        let format = SchemaFormat::Custom("size".to_owned());
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}
impl ToSchema for ByteSize {}

/// Where settings may come from, strongest last.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file's name and text, when there is one.
    pub file: Option<(String, String)>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags: dotted path and value.
    pub flags: Vec<(String, String)>,
}

/// Settings and how they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Dotted path → `default`, the file's name, the variable's name, or `flag`.
    pub origins: IndexMap<String, String>,
    /// Things that have no effect and look like a slip.
    pub warnings: Vec<Diagnostic>,
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
    let settings: Settings =
        serde_json::from_value(value).map_err(|e| Diagnostics(vec![unplaced("settings", e.to_string())]))?;
    let problems = beyond_schema(&settings, &origins, root.as_ref());
    for path in NOT_YET.iter().filter(|path| origins.get(**path).is_some_and(|o| o != "default")) {
        let message = format!("{path} is not used by this version");
        warnings.push(placed(path, message, &origins, root.as_ref()));
    }
    Diagnostics(problems).or(Loaded { settings, origins, warnings })
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
        for entry in list.iter().filter(|e| !e.starts_with("user:") && !e.starts_with("group:")) {
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

impl Loaded {
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
