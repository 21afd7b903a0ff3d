//! Why nothing can be written at a place that shall hold the state, in the words that help.

use std::io::ErrorKind;

/// What keeps a place from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// Its file system takes no changes from anybody.
    Mount,
    /// This user has no right to write there.
    Rights,
}

impl ReadOnly {
    /// What the operating system's refusal means; `None` = something else.
    #[must_use]
    pub const fn of(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::ReadOnlyFilesystem => Some(Self::Mount),
            ErrorKind::PermissionDenied => Some(Self::Rights),
            _ => None,
        }
    }

    /// Why it is so, as part of a sentence.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Mount => "its file system is mounted read-only",
            Self::Rights => "this user may not write there",
        }
    }

    /// What ends it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Mount => "mount it writable",
            Self::Rights => "give this user the right to write there",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_and_missing_rights_are_told_apart() {
        for (errno, is) in [
            (rustix::io::Errno::ROFS, Some(ReadOnly::Mount)),
            (rustix::io::Errno::ACCESS, Some(ReadOnly::Rights)),
            (rustix::io::Errno::PERM, Some(ReadOnly::Rights)),
            (rustix::io::Errno::NOENT, None),
            (rustix::io::Errno::NOSPC, None),
        ] {
            assert_eq!(ReadOnly::of(std::io::Error::from(errno).kind()), is, "{errno:?}");
        }
    }
}
