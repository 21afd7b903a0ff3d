//! Who we are towards a proxy in front of Flink. Secrets live in files, are read at each use and never leave this module
//! but as a header that is marked sensitive.

use std::{fmt, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderValue;

use crate::manager::ports::cluster::{Auth, ClusterError, Effect, ErrorKind};

use super::errors::plain;

/// How a request shows who sends it.
#[derive(Clone)]
pub(super) enum Credentials {
    /// It does not.
    None,
    /// User and the file with the password.
    Basic(String, PathBuf),
    /// The file with the token.
    Bearer(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Credentials {
    /// Checks the document; reads the file once, so that a missing one is found now.
    pub(super) fn of(auth: Option<&Auth>) -> Result<Self, ClusterError> {
        let found = match auth.map(|a| (&a.user, &a.password_file, &a.token_file)) {
            None | Some((None, None, None)) => return Ok(Self::None),
            Some((Some(user), Some(file), None)) if !user.contains(':') => {
                Self::Basic(user.clone(), PathBuf::from(file))
            }
            Some((None, None, Some(file))) => Self::Bearer(PathBuf::from(file)),
            Some((Some(user), Some(_), None)) => {
                return Err(config(format!("auth.user {user:?} must not contain a colon")));
            }
            Some((_, _, Some(_))) => {
                return Err(config("auth has a tokenFile and a user; keep one of the two"));
            }
            Some(_) => return Err(config("auth needs both user and passwordFile, or tokenFile alone")),
        };
        found.header()?;
        Ok(found)
    }

    /// The value of `Authorization`, from the file as it is now.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, ClusterError> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic(user, file) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret(file)?)))
            }
            Self::Bearer(file) => format!("Bearer {}", secret(file)?),
        };
        // The error of the conversion would say nothing more, and must not show the text.
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            config(format!(
                "{} contains characters that are not allowed in a header; it must be one line of text",
                self.source()
            ))
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// `none`, `basic` or `bearer`.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic(..) => "basic",
            Self::Bearer(_) => "bearer",
        }
    }

    /// Where the secret comes from, for error texts.
    pub(super) fn source(&self) -> String {
        match self {
            Self::None => "no credentials".to_owned(),
            Self::Basic(_, file) => format!("auth.passwordFile {}", file.display()),
            Self::Bearer(file) => format!("auth.tokenFile {}", file.display()),
        }
    }
}

fn secret(file: &PathBuf) -> Result<String, ClusterError> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| config(format!("cannot read {}: {e}; nothing was sent", file.display())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(config(format!("{} is empty; nothing was sent", file.display())));
    }
    Ok(text.to_owned())
}

fn config(message: impl Into<String>) -> ClusterError {
    plain(ErrorKind::Config, Effect::None, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_at_each_use_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let auth = Auth { token_file: Some(file.display().to_string()), ..Auth::default() };
        assert_eq!(Credentials::of(Some(&auth)).unwrap_err().kind, ErrorKind::Config);
        std::fs::write(&file, "s3cret\n").unwrap();
        let c = Credentials::of(Some(&auth)).unwrap();
        let header = c.header().unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer s3cret");
        assert!(!format!("{c:?} {header:?} {}", c.source()).contains("s3cret"));
        std::fs::write(&file, "next").unwrap();
        assert_eq!(c.header().unwrap().unwrap().to_str().unwrap(), "Bearer next");
        std::fs::write(&file, "two\nlines").unwrap();
        let e = c.header().unwrap_err();
        assert!(e.message.contains("one line") && !e.message.contains("lines\n"), "{e}");
    }

    #[test]
    fn basic_is_user_and_password() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "pa:ss").unwrap();
        let file = Some(file.display().to_string());
        let auth = Auth { user: Some("ann".into()), password_file: file.clone(), token_file: None };
        let c = Credentials::of(Some(&auth)).unwrap();
        assert_eq!(c.header().unwrap().unwrap().to_str().unwrap(), "Basic YW5uOnBhOnNz");
        for auth in [
            Auth { user: Some("ann".into()), ..Auth::default() },
            Auth { user: Some("ann".into()), password_file: file.clone(), token_file: file.clone() },
            Auth { user: Some("a:b".into()), password_file: file, token_file: None },
        ] {
            assert_eq!(Credentials::of(Some(&auth)).unwrap_err().kind, ErrorKind::Config);
        }
    }
}
