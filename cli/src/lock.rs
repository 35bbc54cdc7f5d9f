//! Files that one process at a time works on, and that are replaced as a whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// How often another process may put a new file in the place of the one being opened.
const ATTEMPTS: usize = 100;

/// Opens the file `path` under an exclusive lock, which lasts until the file and all its copies are dropped. Says through
/// `waiting` that another process holds it, and then waits.
///
/// The lock is that of the file, not of its name: so that whoever replaces the file under its lock is noticed, it is looked
/// for again under its name once the lock is there.
pub(crate) fn at(path: &Path, waiting: impl Fn()) -> io::Result<File> {
    for _ in 0..ATTEMPTS {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            // Elsewhere it cannot be told afterwards whether the file was replaced meanwhile.
            Err(TryLockError::WouldBlock) if cfg!(not(unix)) => {
                return Err(io::Error::other(
                    "another process is replacing it: try again when that is done",
                ));
            }
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().map_err(unlockable)?;
            }
            Err(TryLockError::Error(error)) => return Err(unlockable(error)),
        }
        if is_still_at(&file, path)? {
            return Ok(file);
        }
    }
    Err(io::Error::other("it is replaced again and again"))
}

fn unlockable(error: io::Error) -> io::Error {
    let text = format!("it cannot be locked: {}", crate::failure::reason(&error));
    io::Error::new(error.kind(), text)
}

fn open(path: &Path) -> io::Result<File> {
    // Asked first, for opening a pipe may wait for ever.
    let found = path.metadata()?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let writing = OpenOptions::new().read(true).write(true).open(path);
    match writing {
        // Some network file systems lock only what is open for writing, so that is tried first.
        Err(_) => File::open(path),
        opened => opened,
    }
}

/// Whether the file that was locked is the one that everybody else will open.
fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let here = file.metadata()?;
        match path.metadata() {
            Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        // Elsewhere nobody waits for the lock of a file that is replaced.
        let _ = (file, path);
        Ok(true)
    }
}
