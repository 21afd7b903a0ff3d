//! A target's document: where its JobManagers are, how to talk to them, what its deployments start from.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::spec::Protection;

/// A target's document (`kind: Target`), as written in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// `session`.
    #[serde(rename = "type", default = "session")]
    pub kind: String,
    /// JobManager addresses: `http(s)://host:port[/base]`; the first that answers is used.
    #[serde(default)]
    pub urls: Vec<String>,
    /// One address, instead of `urls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// How nutkin shows who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// HTTP proxy; none is used unless it is written here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Base directory of savepoints for deployments that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint_directory: Option<String>,
    /// Whether the manager can look at savepoints.
    #[serde(default = "no_access")]
    pub savepoint_access: SavepointAccess,
    /// With `COMMAND`: the command line; `{path}` is replaced, exit 0 = there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint_command: Option<String>,
    /// Compile the plan on the JobManager inside confirmed operations; runs the program's `main()` there.
    #[serde(default)]
    pub plan_check: bool,
    /// Layer of defaults of its deployments.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    #[schema(value_type = Object)]
    pub defaults: serde_json::Value,
    /// Weakest protection of its deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// Nothing may be changed here.
    #[serde(default)]
    pub read_only: bool,
    /// Its colour in the header, a theme role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Links for people, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub links: IndexMap<String, String>,
}

const fn no_access() -> SavepointAccess {
    SavepointAccess::None
}

fn session() -> String {
    "session".to_owned()
}

impl TargetSpec {
    /// Every address, `url` first.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.url.iter().chain(&self.urls).cloned().collect()
    }
}

/// TLS towards the JobManager.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file of a private CA, in addition to the system's.
    pub ca_file: Option<String>,
    /// PEM file of the client certificate.
    pub cert_file: Option<String>,
    /// PEM file of its key.
    pub key_file: Option<String>,
    /// Name in the server's certificate, when it is not the host.
    pub server_name: Option<String>,
}

/// Authentication towards a proxy in front of Flink (Flink itself has none).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Auth {
    /// Basic: the user.
    pub user: Option<String>,
    /// Basic: the file with the password.
    pub password_file: Option<String>,
    /// Bearer: the file with the token, read at each use.
    pub token_file: Option<String>,
}

crate::words!(closed
    /// Whether the manager can look at the target's savepoints.
    SavepointAccess {
        /// No: existence is unverified, and never an argument.
        None = "NONE",
        /// `file:` paths are the manager's own.
        Local = "LOCAL",
        /// By a command.
        Command = "COMMAND",
    }
);
