//! A look at a store that no manager holds, for `doctor`. Reads only; SQLite may leave its empty side files beside it.

use std::{fs, io, path::Path};

use super::{DATABASE, OpenError, readers};
use crate::manager::ports::store::StoreResult;

/// A file up to this size is read through in a few seconds, which is what a person waits.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// There is no store yet.
    Absent,
    /// `quick_check` found nothing.
    Sound,
    /// Of this size in bytes, which is too much to be read while a person waits.
    Large(u64),
    /// What `quick_check` found.
    Damaged(String),
}

/// Looks at the store of a state directory, which no manager may hold.
///
/// # Errors
/// When the file cannot be read.
pub fn look(dir: &Path) -> Result<Look, OpenError> {
    let path = dir.join(DATABASE);
    let size = match fs::metadata(&path) {
        Ok(meta) => meta.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Look::Absent),
        Err(e) => return Err(OpenError::io(&path, &e)),
    };
    if size > LARGEST {
        return Ok(Look::Large(size));
    }
    // What cannot be read at all is no sign of damage.
    fs::File::open(&path).map_err(|e| OpenError::io(&path, &e))?;
    let checked: StoreResult<_> =
        readers::open(&path).map_err(Into::into).and_then(|conn| readers::quick_check(&conn));
    Ok(match checked {
        Ok(Ok(())) => Look::Sound,
        Ok(Err(what)) => Look::Damaged(what),
        Err(e) => Look::Damaged(e.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::sqlite::{open::prepare, schema},
        domain::time::Timestamp,
    };

    #[test]
    fn a_store_is_absent_sound_or_damaged() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(dir.path()).unwrap(), Look::Absent);
        drop(prepare(dir.path(), Timestamp::from_millis(0), schema::migrations()).unwrap());
        let file = dir.path().join(DATABASE);
        let before = fs::read(&file).unwrap();
        assert_eq!(look(dir.path()).unwrap(), Look::Sound);
        assert_eq!(fs::read(&file).unwrap(), before, "nothing is written");
        fs::write(&file, "this is not a database, and long enough to look at".repeat(100)).unwrap();
        // Not even a database, or one whose pages are not: never sound.
        assert!(!matches!(look(dir.path()), Ok(Look::Sound | Look::Absent)));
    }
}
