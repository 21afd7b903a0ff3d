//! One validated [`Settings`] from file, environment and flags.
//!
//! ```text
//!   defaults  <  config.toml  <  NUTKIN_* variables  <  flags        → Settings + the origin of every value
//! ```
//!
//! The type is the only list of keys: the file's keys, the variables' names (`manager.idle-exit` →
//! `NUTKIN_MANAGER_IDLE_EXIT`) and the suggestions come from its schema.

mod load;
mod size;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    load::{Loaded, NOT_YET, OTHER_VARIABLES, Sources, load, variable},
    size::ByteSize,
};
use crate::domain::time::Span;

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
    /// How the console draws and what it takes.
    pub console: ConsoleSettings,
    /// How the manager polls, works and leaves.
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
    /// The console takes clicks and the wheel.
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
