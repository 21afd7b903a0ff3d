//! Secrets by reference: resolved in preflight and again at use, never stored resolved.

use super::ManagerSettings;
use crate::domain::secret::is_reference;

/// Why a reference cannot be resolved. Never carries the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// `${file:…}` without a secrets-dir.
    #[error(
        "${{file:{0}}} cannot be read: the manager has no secrets-dir (config.toml, [manager] secrets-dir)"
    )]
    NoDirectory(String),
    /// A name that leaves the folder.
    #[error("${{file:{0}}} is not a plain file name below the secrets-dir")]
    BadName(String),
    /// The file cannot be read.
    #[error("${{file:{name}}} cannot be read: {why}")]
    Unreadable {
        /// The name.
        name: String,
        /// The system's words.
        why: String,
    },
    /// A variable that is not listed or not set.
    #[error("${{env:{0}}} is not listed in the manager's configuration, or not set")]
    NoVariable(String),
}

/// The value behind a reference; anything else comes back as it is.
pub fn resolve(value: &str, settings: &ManagerSettings) -> Result<String, SecretError> {
    if !is_reference(value) {
        return Ok(value.to_owned());
    }
    let inner = value.trim_start_matches("${").trim_end_matches('}');
    match inner.split_once(':') {
        Some(("file", name)) => file(name, settings),
        Some(("env", name)) => {
            let listed = settings.secret_env.iter().any(|n| n == name);
            let value = listed.then(|| std::env::var(name).ok()).flatten();
            value.ok_or_else(|| SecretError::NoVariable(name.to_owned()))
        }
        _ => Ok(value.to_owned()),
    }
}

/// The same for an argument of a program, of which a reference may be the value: `--password=${file:NAME}`.
pub fn resolve_argument(arg: &str, settings: &ManagerSettings) -> Result<String, SecretError> {
    match arg.split_once('=') {
        Some((flag, value)) if is_reference(value) => Ok(format!("{flag}={}", resolve(value, settings)?)),
        _ => resolve(arg, settings),
    }
}

fn file(name: &str, settings: &ManagerSettings) -> Result<String, SecretError> {
    let dir = settings.secrets_dir.as_ref().ok_or_else(|| SecretError::NoDirectory(name.to_owned()))?;
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
        return Err(SecretError::BadName(name.to_owned()));
    }
    let text = std::fs::read_to_string(dir.join(name))
        .map_err(|e| SecretError::Unreadable { name: name.to_owned(), why: e.to_string() })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
