//! Where files are.
//!
//! ```text
//!   a flag       --state-dir DIR       →  that directory
//!                --profile P           →  $XDG_STATE_HOME/nutkin/profiles/P        (both: refused)
//!   a variable   NUTKIN_STATE_DIR=DIR, else NUTKIN_PROFILE=P, where no flag says it
//!   otherwise                          →  $XDG_STATE_HOME/nutkin   ($HOME/.local/state/nutkin)
//!   no home at all (containers)        →  $TMPDIR/nutkin-UID, and one line on stderr says so
//! ```
//!
//! The rules are functions of [`Surroundings`]; only [`Surroundings::of_process`] looks at the machine.

use std::path::{Path, PathBuf};

use crate::domain::ids::check_name;

/// What the rules look at.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Names and values of all environment variables.
    pub environment: Vec<(String, String)>,
    /// User that runs this process.
    pub uid: u32,
    /// Text of the system's user table.
    pub users: String,
    /// Where relative paths begin.
    pub current: PathBuf,
}

impl Surroundings {
    /// The real ones.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            environment: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
            uid: rustix::process::geteuid().as_raw(),
            users: std::fs::read_to_string("/etc/passwd").unwrap_or_default(),
            current: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        let joined = self.current.join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    }

    fn xdg(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        // The standard says: a relative path there is invalid and ignored.
        let set = self.var(variable).map(PathBuf::from).filter(|p| p.is_absolute());
        set.or_else(|| Some(self.home()?.join(below_home)))
    }

    fn home(&self) -> Option<PathBuf> {
        let set = self.var("HOME").map(PathBuf::from).filter(|p| p.is_absolute() && p != Path::new("/"));
        set.or_else(|| home_of(&self.users, self.uid))
    }

    fn temporary(&self) -> PathBuf {
        self.var("TMPDIR").map(PathBuf::from).filter(|p| p.is_absolute()).unwrap_or_else(|| "/tmp".into())
    }
}

/// What a person asked for on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// `--state-dir`: the store's folder, before every profile.
    pub state_dir: Option<PathBuf>,
    /// `--profile`: a named state directory.
    pub profile: Option<String>,
    /// `--config`: the configuration file instead of the usual one.
    pub config: Option<PathBuf>,
}

/// Where everything is. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`; need not exist.
    pub config_file: PathBuf,
    /// The manager's own directory: store, artifacts, lock, socket, log.
    pub state_dir: PathBuf,
    /// Things that can be fetched again.
    pub cache_dir: PathBuf,
    /// The profile whose state directory it is, when one was asked for.
    pub profile: Option<String>,
    /// The state directory was named by itself, with a flag or a variable.
    pub named: bool,
    /// One line for stderr: state is at an unusual place.
    pub note: Option<String>,
}

/// Why no place could be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathError {
    /// What is in the way.
    pub message: String,
    /// The line that helps.
    pub hint: String,
}

/// Finds every place.
pub fn resolve(choice: &Choice, around: &Surroundings) -> Result<Paths, PathError> {
    let (dir, profile) = chosen(choice, around)?;
    let named = dir.is_some();
    let mut note = None;
    let state_dir = match dir {
        Some(dir) => around.absolute(dir),
        None => {
            refuse_sudo(around)?;
            let root = around.xdg("XDG_STATE_HOME", ".local/state").map(|p| p.join("nutkin"));
            let root = root.unwrap_or_else(|| {
                let dir = around.temporary().join(format!("nutkin-{}", around.uid));
                note = Some(format!(
                    "no home directory: state is in {}; set --state-dir or NUTKIN_STATE_DIR to keep it",
                    dir.display()
                ));
                dir
            });
            match &profile {
                Some(name) => root.join("profiles").join(name),
                None => root,
            }
        }
    };
    let config_file = choice.config.clone().or_else(|| around.var("NUTKIN_CONFIG").map(PathBuf::from));
    let config_file = match config_file {
        Some(file) => around.absolute(file),
        None => around
            .xdg("XDG_CONFIG_HOME", ".config")
            .map_or_else(|| state_dir.join("config.toml"), |p| p.join("nutkin/config.toml")),
    };
    let cache_dir = match around.var("NUTKIN_CACHE_DIR") {
        Some(dir) => around.absolute(dir),
        None => around
            .xdg("XDG_CACHE_HOME", ".cache")
            .map_or_else(|| state_dir.join("cache"), |p| p.join("nutkin")),
    };
    Ok(Paths { config_file, state_dir, cache_dir, profile, named, note })
}

/// The state directory or the profile that was asked for: a flag is stronger than any variable.
fn chosen(choice: &Choice, around: &Surroundings) -> Result<(Option<PathBuf>, Option<String>), PathError> {
    let (dir, profile) = match (&choice.state_dir, &choice.profile) {
        (Some(dir), Some(name)) => {
            return Err(PathError {
                message: format!(
                    "--state-dir {} and --profile {name} name two state directories; nothing was changed",
                    dir.display()
                ),
                hint: "give one of them: a profile is a state directory with a name".to_owned(),
            });
        }
        (None, None) => match around.var("NUTKIN_STATE_DIR") {
            Some(dir) => (Some(PathBuf::from(dir)), None),
            None => (None, around.var("NUTKIN_PROFILE").map(str::to_owned)),
        },
        (dir, profile) => (dir.clone(), profile.clone()),
    };
    if let Some(name) = &profile {
        check_name("profile", name).map_err(|e| PathError {
            message: e.to_string(),
            hint: "a profile is a name, not a path; use --state-dir for a path".to_owned(),
        })?;
    }
    Ok((dir, profile))
}

/// As root through sudo it is almost always the person's own store that is meant.
fn refuse_sudo(around: &Surroundings) -> Result<(), PathError> {
    let Some(uid) = around.var("SUDO_UID").and_then(|u| u.parse::<u32>().ok()) else { return Ok(()) };
    if around.uid != 0 || uid == 0 {
        return Ok(());
    }
    let theirs = home_of(&around.users, uid)
        .map(|h| h.join(".local/state/nutkin").display().to_string())
        .unwrap_or_else(|| "~/.local/state/nutkin of that user".to_owned());
    let user = around.var("SUDO_USER").unwrap_or("the calling user");
    Err(PathError {
        message: format!(
            "running as root through sudo: root's store is not that of {user}; nothing was started"
        ),
        hint: format!(
            "run nutkin without sudo (the store of {user} is {theirs}), or name a store with --state-dir DIR"
        ),
    })
}

fn home_of(users: &str, uid: u32) -> Option<PathBuf> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let id = fields.nth(2)?;
        let home = fields.nth(2)?;
        (id.parse() == Ok(uid) && home.starts_with('/') && home != "/" && home != "/nonexistent")
            .then(|| PathBuf::from(home))
    })
}

impl Paths {
    /// The manager's log file's folder.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.state_dir.join("log")
    }
}
