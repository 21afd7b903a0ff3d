//! The only types on the wire: read models, intents, problem codes, watch messages.
//!
//! JSON in camelCase; ids are strings; times RFC 3339 UTC with milliseconds; durations in seconds; sizes in bytes; a
//! value that is not known is `null`, never left out. The command line's `-o json` prints these objects unchanged.

pub mod intent;
pub mod model;
pub mod plan;
pub mod problem;
pub mod restore_from;
pub mod watch;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Level of the API that this build speaks; clients compare levels, never builds.
pub const API_LEVEL: u32 = 1;
/// The oldest client that this build understands.
pub const MIN_CLIENT_LEVEL: u32 = 1;
/// Prefix of every route but `/healthz`.
pub const API_PREFIX: &str = "/api/v1";
/// Header of the client's key of one confirmed act.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header naming the face of a client: `tui`, `cli` or `api`.
pub const VIA_HEADER: &str = "nutkin-via";
/// Header with the file name of an uploaded artifact, percent-encoded.
pub const NAME_HEADER: &str = "nutkin-name";

/// Bytes of a request's JSON body.
pub const MAX_JSON: usize = 1 << 20;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it back as `after` for the next page; `null` at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A list without another page.
    #[must_use]
    pub const fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Answer of `GET /healthz`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Level of the API.
    pub api_level: u32,
    /// Oldest client understood.
    pub min_client_level: u32,
    /// Version and commit of the manager's binary.
    pub build: String,
    /// The state directory that this manager owns.
    pub state_dir: String,
    /// Process id, for display.
    pub pid: u32,
    /// True when the store is newer than this binary, or read-only is configured.
    pub read_only: bool,
    /// What is wrong with the store's file, once a check has found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_damage: Option<String>,
}
