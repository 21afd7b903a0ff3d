//! The state directory: whose it is, who may enter, and whether a database may live there.
//!
//! ```text
//!   <state-dir>/            0700, ours, local
//!     nutkin.db  -wal -shm  0600
//!     manager.lock          who serves; manager.sock unless its path is too long
//!     artifacts/<sha>.jar   inbox/ (being received; emptied at start)   backups/ (before a migration)
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use super::{DATABASE, OpenError, lock};
pub use crate::domain::netfs::local_place;
use crate::domain::netfs::{self, network_file_system};

/// Where artifacts are kept.
pub const ARTIFACTS: &str = "artifacts";
/// Where artifacts are received.
pub const INBOX: &str = "inbox";
/// The longest path that a socket address can carry.
const MAX_SOCKET_PATH: usize = 107;

/// A directory that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    /// Its canonical path.
    pub path: PathBuf,
}

/// What was found at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Its owner.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
    /// `f_type` of `statfs`.
    pub magic: u32,
    /// Empty, or holding our files: its mode is ours to set.
    pub ours: bool,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

/// What to do with an existing directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Use it.
    Fine,
    /// Take access from group and world first.
    Close,
    /// Leave it.
    Refuse(OpenError),
}

/// Decides whether the directory at `path` may hold the state of the user `us`.
#[must_use]
pub fn judge(path: &Path, facts: Facts, us: u32) -> Verdict {
    let path = path.to_owned();
    if facts.kind == Kind::Symlink {
        return Verdict::Refuse(OpenError::Symlink(path));
    }
    if facts.kind == Kind::Other {
        return Verdict::Refuse(OpenError::WrongKind { path, wanted: "a directory" });
    }
    if let Some(kind) = network_file_system(facts.magic) {
        let suggestion = local_place(us);
        return Verdict::Refuse(OpenError::NetworkFileSystem { path, kind, suggestion });
    }
    if facts.owner != us {
        return Verdict::Refuse(OpenError::ForeignOwner { path, owner: facts.owner, ours: us });
    }
    match (facts.mode & 0o077, facts.ours) {
        (0, _) => Verdict::Fine,
        (_, true) => Verdict::Close,
        (_, false) => Verdict::Refuse(OpenError::Exposed {
            path,
            mode: facts.mode & 0o7777,
            why: "holds files that are not nutkin's".to_owned(),
        }),
    }
}

/// Whether `path`, or the nearest existing folder above it, is on a network file system.
pub fn is_remote(path: &Path) -> Result<Option<&'static str>, OpenError> {
    let existing = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    Ok(network_file_system(magic(existing)?))
}

/// Creates the state directory or checks the one that is there. Creates nothing on a network file system.
pub fn prepare(dir: &Path) -> Result<StateDir, OpenError> {
    // Without trailing slashes, which would make lstat follow a link.
    let dir: PathBuf = std::path::absolute(dir).map_err(|e| OpenError::io(dir, &e))?.components().collect();
    let us = rustix::process::geteuid().as_raw();
    if fs::symlink_metadata(&dir).is_err() {
        if let Some(kind) = is_remote(&dir)? {
            return Err(OpenError::NetworkFileSystem { path: dir, kind, suggestion: local_place(us) });
        }
        make_private(&dir)?;
    }
    match judge(&dir, look(&dir)?, us) {
        Verdict::Fine => {}
        Verdict::Close => close(&dir)?,
        Verdict::Refuse(e) => return Err(e),
    }
    let path = fs::canonicalize(&dir).map_err(|e| OpenError::io(&dir, &e))?;
    refuse_read_only(&path)?;
    private_child(&path, ARTIFACTS, us)?;
    private_child(&path, INBOX, us)?;
    Ok(StateDir { path })
}

/// Removes what an interrupted upload left.
pub fn empty_inbox(dir: &StateDir) -> Result<(), OpenError> {
    let inbox = dir.path.join(INBOX);
    for entry in fs::read_dir(&inbox).map_err(|e| OpenError::io(&inbox, &e))? {
        let path = entry.map_err(|e| OpenError::io(&inbox, &e))?.path();
        fs::remove_file(&path).map_err(|e| OpenError::io(&path, &e))?;
    }
    Ok(())
}

/// Makes sure that `path` is a regular file of ours with mode 0600, creating an empty one if nothing is there.
/// Returns whether it is new.
pub fn private_file(path: &Path) -> Result<bool, OpenError> {
    let us = rustix::process::geteuid().as_raw();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(file) => {
            set_mode(&file, path, 0o600)?;
            Ok(true)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => check_file(path, us).map(|()| false),
        Err(e) => Err(OpenError::io(path, &e)),
    }
}

/// Checks that an existing file is ours and closed to others; takes access from group and world.
fn check_file(path: &Path, us: u32) -> Result<(), OpenError> {
    let meta = fs::symlink_metadata(path).map_err(|e| OpenError::io(path, &e))?;
    if meta.is_symlink() {
        return Err(OpenError::Symlink(path.to_owned()));
    }
    if !meta.is_file() {
        return Err(OpenError::WrongKind { path: path.to_owned(), wanted: "a regular file" });
    }
    if meta.uid() != us {
        return Err(OpenError::ForeignOwner { path: path.to_owned(), owner: meta.uid(), ours: us });
    }
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o700;
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(|e| exposed(path, meta.mode(), &e))?;
    }
    Ok(())
}

fn exposed(path: &Path, mode: u32, e: &std::io::Error) -> OpenError {
    if e.kind() == std::io::ErrorKind::ReadOnlyFilesystem {
        // No `chmod` helps there.
        return OpenError::io(path, e);
    }
    OpenError::Exposed { path: path.to_owned(), mode: mode & 0o7777, why: format!("cannot be closed: {e}") }
}

fn set_mode(file: &File, path: &Path, mode: u32) -> Result<(), OpenError> {
    file.set_permissions(Permissions::from_mode(mode)).map_err(|e| OpenError::io(path, &e))
}

/// Creates a directory, and missing ones above it, for our eyes only, whatever the umask says.
fn make_private(dir: &Path) -> Result<(), OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| OpenError::io(dir, &e))?;
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|e| OpenError::io(dir, &e))
}

fn close(dir: &Path) -> Result<(), OpenError> {
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|e| exposed(dir, 0, &e))
}

pub(super) fn private_child(dir: &Path, name: &str, us: u32) -> Result<PathBuf, OpenError> {
    let child = dir.join(name);
    match fs::symlink_metadata(&child) {
        Ok(meta) if meta.is_symlink() => return Err(OpenError::Symlink(child)),
        Ok(meta) if !meta.is_dir() => {
            return Err(OpenError::WrongKind { path: child, wanted: "a directory" });
        }
        Ok(meta) if meta.uid() != us => {
            return Err(OpenError::ForeignOwner { path: child, owner: meta.uid(), ours: us });
        }
        Ok(meta) if meta.mode() & 0o077 == 0 => {}
        Ok(_) => close(&child)?,
        Err(_) => make_private(&child)?,
    }
    Ok(child)
}

fn look(dir: &Path) -> Result<Facts, OpenError> {
    let meta = fs::symlink_metadata(dir).map_err(|e| OpenError::io(dir, &e))?;
    let kind = match meta.file_type() {
        t if t.is_symlink() => Kind::Symlink,
        t if t.is_dir() => Kind::Directory,
        _ => Kind::Other,
    };
    let ours = kind == Kind::Directory && holds_only_ours(dir);
    Ok(Facts { kind, owner: meta.uid(), mode: meta.mode(), magic: magic(dir)?, ours })
}

fn holds_only_ours(dir: &Path) -> bool {
    if dir.join(DATABASE).exists() || dir.join(lock::FILE).exists() {
        return true;
    }
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

fn magic(path: &Path) -> Result<u32, OpenError> {
    let stat = rustix::fs::statfs(path).map_err(|e| OpenError::io(path, &e.into()))?;
    Ok(netfs::magic(stat.f_type.into()))
}

/// The state directory, or the nearest folder above one that is to be made, must take new files: the lock and the socket
/// are files too, so that there is nothing that a manager could do without.
pub fn refuse_read_only(dir: &Path) -> Result<(), OpenError> {
    use rustix::fs::{Access, access};
    let existing = dir.ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
    access(existing, Access::WRITE_OK | Access::EXEC_OK).map_err(|e| OpenError::io(dir, &e.into()))
}

/// Where the manager of `dir` listens: beside the store, or, where that path is too long for a socket address, in the
/// folder `nutkin-<uid>` under `temp`.
#[must_use]
pub fn socket_path(dir: &Path, temp: &Path, uid: u32) -> PathBuf {
    let near = dir.join("manager.sock");
    if near.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH {
        return near;
    }
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(dir.as_os_str().as_bytes());
    let name: String = hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
    temp.join(format!("nutkin-{uid}")).join(format!("{name}.sock"))
}

/// Creates or checks the folder of a socket that is not beside the store: ours, 0700, no link.
pub fn prepare_socket(dir: &StateDir, socket: &Path) -> Result<(), OpenError> {
    let Some(folder) = socket.parent().filter(|p| *p != dir.path) else { return Ok(()) };
    let (Some(above), Some(name)) = (folder.parent(), folder.file_name().and_then(|n| n.to_str())) else {
        return Ok(());
    };
    private_child(above, name, rustix::process::geteuid().as_raw()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts { kind: Kind::Directory, owner: 7, mode: 0o40700, magic: 0xEF53, ours: true };

    fn verdict(facts: Facts) -> Verdict {
        judge(Path::new("/s"), facts, 7)
    }

    #[test]
    fn a_directory_is_judged_by_kind_owner_mode_and_file_system() {
        assert_eq!(verdict(GOOD), Verdict::Fine);
        assert_eq!(verdict(Facts { mode: 0o40755, ..GOOD }), Verdict::Close);
        let refused = [
            Facts { kind: Kind::Symlink, ..GOOD },
            Facts { kind: Kind::Other, ..GOOD },
            Facts { owner: 0, ..GOOD },
            Facts { mode: 0o40770, ours: false, ..GOOD },
            Facts { magic: 0x6969, ..GOOD },
        ];
        for facts in refused {
            assert!(matches!(verdict(facts), Verdict::Refuse(_)), "{facts:?}");
        }
    }

    #[test]
    fn a_network_file_system_is_refused_with_the_line_that_helps() {
        let Verdict::Refuse(e) = verdict(Facts { magic: 0x6969, ..GOOD }) else { panic!("accepted") };
        let text = e.to_string();
        assert!(text.contains("NFS") && text.contains("--state-dir /var/tmp/nutkin-7"), "{text}");
    }

    #[test]
    fn a_long_path_moves_the_socket_away() {
        let short = Path::new("/state");
        assert_eq!(socket_path(short, Path::new("/tmp"), 7), Path::new("/state/manager.sock"));
        let fits = PathBuf::from(format!("/{}", "x".repeat(107 - "/manager.sock".len() - 1)));
        assert_eq!(socket_path(&fits, Path::new("/tmp"), 7), fits.join("manager.sock"));
        let long = PathBuf::from(format!("/{}", "x".repeat(107 - "/manager.sock".len())));
        let away = socket_path(&long, Path::new("/tmp"), 7);
        assert!(away.starts_with("/tmp/nutkin-7"), "{away:?}");
        assert_ne!(away, socket_path(&long.join("y"), Path::new("/tmp"), 7));
    }
}
