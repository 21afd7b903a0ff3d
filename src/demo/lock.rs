//! A file lock that two runs of the demo, or of the tests, can wait for.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::domain::time::Clock;

const RETRY: Duration = Duration::from_millis(100);

/// Takes the lock, waiting for at most `patience`; `waiting` is called at every try that failed.
///
/// The lock ends with the returned file. The file itself stays: removing it would let two holders in.
///
/// # Errors
/// `TimedOut` when somebody else held it all the time, otherwise what the file system says.
pub(super) async fn exclusive(
    path: &Path,
    patience: Duration,
    clock: &dyn Clock,
    mut waiting: impl FnMut() + Send,
) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    let deadline = clock.boottime() + patience;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if clock.boottime() < deadline => waiting(),
            Err(Errno::WOULDBLOCK) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds this lock"));
            }
            Err(e) => return Err(e.into()),
        }
        clock.sleep(RETRY).await;
    }
}
