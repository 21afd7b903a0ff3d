//! What the demo needs from this machine, found out before anything is changed.

use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The oldest JDK that both Flink and the demo's program run on.
pub const OLDEST_JDK: u32 = 11;

/// Room for an archive of Flink and its unpacked jars, in bytes.
const ROOM_FOR_FLINK: u64 = 1_000_000_000;
/// Room for jars, logs, checkpoints and savepoints of the cluster, in bytes.
const ROOM_FOR_CLUSTER: u64 = 300_000_000;

/// A JDK: `java` and `javac` of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jdk {
    /// The virtual machine.
    pub java: PathBuf,
    /// The compiler.
    pub javac: PathBuf,
    /// What `javac -version` says, for example `17.0.15`.
    pub version: String,
}

/// Something that is missing, and the command that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What, and where it was looked for.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Everything that is missing at once, so that a person installs once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unmet(pub Vec<Missing>);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the demo cannot run here yet; nothing was changed.")?;
        for Missing { what, remedy } in &self.0 {
            write!(f, "\n  {what}\n    {remedy}")?;
        }
        Ok(())
    }
}

/// Where programs are looked for, and with which rights.
#[derive(Debug, Clone)]
pub struct Machine {
    /// `JAVA_HOME`, if set.
    pub java_home: Option<PathBuf>,
    /// `PATH`.
    pub path: OsString,
    /// Whether commands need no `sudo`.
    pub root: bool,
}

impl Machine {
    /// This machine, from the environment.
    #[must_use]
    pub fn here() -> Self {
        let java_home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self { java_home, path, root: rustix::process::geteuid().is_root() }
    }

    /// The first program of this name in `PATH`.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|folder| folder.join(program)).find(|file| is_program(file))
    }

    /// The JDK: of `JAVA_HOME` if set, else of `PATH`.
    ///
    /// # Errors
    /// What is missing: Java itself, its compiler, or a newer version.
    pub fn jdk(&self) -> Result<Jdk, Missing> {
        let (java, javac, place) = match &self.java_home {
            Some(home) => {
                let tool = |name| Some(home.join("bin").join(name)).filter(|file| is_program(file));
                (tool("java"), tool("javac"), format!("JAVA_HOME={}", home.display()))
            }
            None => (self.find("java"), self.find("javac"), "PATH".to_owned()),
        };
        let missing = |what: String| {
            let mut remedy = self.install(Package::Jdk);
            if self.java_home.is_some() {
                remedy.push_str("   and set JAVA_HOME to it, or unset JAVA_HOME");
            }
            Missing { what, remedy }
        };
        let Some(java) = java else {
            return Err(missing(format!("a JDK ({OLDEST_JDK} or newer): there is no java in {place}")));
        };
        let compiler = javac.and_then(|javac| version_of(&javac).map(|version| (javac, version)));
        let Some((javac, version)) = compiler else {
            return Err(missing(format!(
                "a JDK ({OLDEST_JDK} or newer): {} is a JRE, there is no working javac in {place}",
                java.display()
            )));
        };
        if major(&version) < OLDEST_JDK {
            return Err(missing(format!(
                "a newer JDK: {} is {version}, needed is {OLDEST_JDK}",
                javac.display()
            )));
        }
        Ok(Jdk { java, javac, version })
    }

    fn pip(&self) -> Option<Missing> {
        let what = match self.find("python3") {
            None => "python3 with pip, to fetch Flink: there is no python3 in PATH",
            Some(python) if !succeeds(Command::new(&python).args(["-m", "pip", "--version"])) => {
                "pip, to fetch Flink: python3 -m pip does not work"
            }
            Some(_) => return None,
        };
        let remedy =
            format!("{}   or use a Flink that is already here: --flink-home DIR", self.install(Package::Pip));
        Some(Missing { what: what.to_owned(), remedy })
    }

    fn install(&self, package: Package) -> String {
        let known = INSTALLERS.iter().find(|(manager, _, _)| self.find(manager).is_some());
        let command = match (known, package) {
            (Some((_, jdk, _)), Package::Jdk) => jdk,
            (Some((_, _, pip)), Package::Pip) => pip,
            (None, Package::Jdk) => "install a JDK, for example from https://adoptium.net",
            (None, Package::Pip) => {
                "install Python 3 with pip, see https://pip.pypa.io/en/stable/installation"
            }
        };
        if self.root { command.trim_start_matches("sudo ").to_owned() } else { command.to_owned() }
    }
}

#[derive(Debug, Clone, Copy)]
enum Package {
    Jdk,
    Pip,
}

/// Package manager, command for a JDK, command for pip.
const INSTALLERS: &[(&str, &str, &str)] = &[
    ("apt-get", "sudo apt-get install -y default-jdk-headless", "sudo apt-get install -y python3-pip"),
    ("dnf", "sudo dnf install -y java-21-openjdk-devel", "sudo dnf install -y python3-pip"),
    ("zypper", "sudo zypper install -y java-21-openjdk-devel", "sudo zypper install -y python3-pip"),
    ("pacman", "sudo pacman -S --noconfirm jdk21-openjdk", "sudo pacman -S --noconfirm python-pip"),
    ("apk", "sudo apk add openjdk21-jdk", "sudo apk add py3-pip"),
    (
        "brew",
        "brew install openjdk@21 && export JAVA_HOME=\"$(brew --prefix openjdk@21)\"",
        "brew install python",
    ),
];

/// What is going to be done, as far as it needs something.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Where Flink is fetched to; `None` when it is there already.
    pub fetch_into: Option<&'a Path>,
    /// Where the cluster keeps its files.
    pub cluster: &'a Path,
}

/// The JDK to use, when nothing is missing.
///
/// # Errors
/// Everything that is missing.
pub fn check(machine: &Machine, plan: Plan<'_>) -> Result<Jdk, Unmet> {
    let (jdk, mut missing) = match machine.jdk() {
        Ok(jdk) => (Some(jdk), Vec::new()),
        Err(gap) => (None, vec![gap]),
    };
    if let Some(cache) = plan.fetch_into {
        missing.extend(machine.pip());
        missing.extend(room(cache, ROOM_FOR_FLINK, "Flink"));
    }
    missing.extend(room(plan.cluster, ROOM_FOR_CLUSTER, "the cluster's files"));
    jdk.filter(|_| missing.is_empty()).ok_or(Unmet(missing))
}

fn room(folder: &Path, needed: u64, for_what: &str) -> Option<Missing> {
    // The folder itself may not exist yet.
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    (free < needed).then(|| Missing {
        what: format!(
            "disk space for {for_what}: {} MB free below {}, {} MB needed",
            free / 1_000_000,
            there.display(),
            needed / 1_000_000
        ),
        remedy: "free some space, or set XDG_CACHE_HOME and XDG_STATE_HOME to folders on another disk"
            .to_owned(),
    })
}

fn version_of(javac: &Path) -> Option<String> {
    let output = Command::new(javac).arg("-version").stdin(Stdio::null()).output().ok()?;
    // Java 8 prints it to stderr.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let version = text.lines().find_map(|line| line.strip_prefix("javac "))?.trim();
    output.status.success().then(|| version.to_owned())
}

/// `17` of `17.0.15`, `8` of `1.8.0_402`; 0 of anything else.
fn major(version: &str) -> u32 {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    match (numbers.next().unwrap_or(0), numbers.next()) {
        (1, Some(second)) => second,
        (first, _) => first,
    }
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(programs: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, script) in programs {
            let file = bin.join(name);
            crate::demo::tests::write_program(&file, &format!("#!/bin/sh\n{script}\n"));
        }
        let machine = Machine { java_home: None, path: bin.into_os_string(), root: false };
        (folder, machine)
    }

    #[test]
    fn a_jdk_is_told_from_a_jre() {
        let javac = ("javac", "echo javac 17.0.15");
        let cases = [
            (vec![("java", ""), javac], Ok("17.0.15")),
            (vec![], Err("there is no java in PATH")),
            (vec![("java", "")], Err("is a JRE")),
            (vec![("java", ""), ("javac", "exit 1")], Err("is a JRE")),
            (vec![("java", ""), ("javac", "echo javac 1.8.0_402 >&2")], Err("a newer JDK")),
        ];
        for (programs, expected) in cases {
            let (_folder, machine) = machine(&programs);
            match (machine.jdk(), expected) {
                (Ok(jdk), Ok(version)) => assert_eq!(jdk.version, version),
                (Err(missing), Err(text)) => assert!(missing.what.contains(text), "{missing:?}"),
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn java_home_comes_before_the_path() {
        let (_folder, mut machine) = machine(&[("java", ""), ("javac", "echo javac 17.0.15")]);
        let other = tempfile::tempdir().unwrap();
        machine.java_home = Some(other.path().to_owned());
        let missing = machine.jdk().unwrap_err();
        assert!(missing.what.contains("no java in JAVA_HOME="), "{missing:?}");
        assert!(missing.remedy.contains("unset JAVA_HOME"), "{missing:?}");
    }

    #[test]
    fn everything_missing_is_said_at_once_with_commands_for_this_machine() {
        let (folder, mut machine) = machine(&[("apt-get", "")]);
        let plan = Plan { fetch_into: Some(folder.path()), cluster: folder.path() };
        let text = check(&machine, plan).unwrap_err().to_string();
        assert!(text.contains("nothing was changed"), "{text}");
        assert!(text.contains("sudo apt-get install -y default-jdk-headless"), "{text}");
        assert!(text.contains("sudo apt-get install -y python3-pip"), "{text}");
        machine.root = true;
        assert!(!check(&machine, plan).unwrap_err().to_string().contains("sudo"));
        let offline = Plan { fetch_into: None, ..plan };
        assert!(!check(&machine, offline).unwrap_err().to_string().contains("pip"));
    }

    #[test]
    fn missing_space_names_both_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let missing = room(&folder.path().join("not/yet"), u64::MAX, "Flink").unwrap();
        assert!(missing.what.contains("MB free below") && missing.what.contains("needed"), "{missing:?}");
        assert!(room(folder.path(), 0, "Flink").is_none());
    }

    #[test]
    fn java_versions_old_and_new() {
        for (text, number) in [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8), ("24-ea", 24), ("", 0)] {
            assert_eq!(major(text), number, "{text}");
        }
    }
}
