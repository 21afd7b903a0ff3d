//! What a person configures: settings (file, environment, flags), where files are, and manifests.
//!
//! ```text
//!   config.toml ─┐                      manifest.yaml ─┐
//!   NUTKIN_*    ─┼─ node + schema ─→ Settings           ├─ node + schema ─→ contract::intent::Document + jars
//!   flags       ─┘   (places kept)      directory, -   ─┘   (places kept)
//! ```
//!
//! Both readers keep line and column of every key and value and check them against the schema that the types themselves
//! declare, so every problem is reported at once, at its place, with the nearest known key. YAML and TOML live here and
//! nowhere else.

pub mod diagnostic;
pub mod manifest;
pub mod node;
pub mod paths;
mod schema;
pub mod settings;
mod toml_file;
pub mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use manifest::Manifest;
pub use paths::Paths;
pub use settings::Settings;
