//! Where the durable file is, and whether it is still the one that was opened.
//!
//! Nothing here opens the file: on Unix, closing it again would free the locks that SQLite holds for this process.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use super::schema::PAGE;
use super::trouble::{DAMAGED, Trouble};

/// The file, its log, and the log's index, and which files these were when they were opened.
pub(super) struct Places {
    files: [(PathBuf, Option<Id>); 3],
}

/// Device and number of a file.
type Id = (u64, u64);

#[cfg(unix)]
fn id(found: &Metadata) -> Option<Id> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

/// Elsewhere a file that is open can be neither removed nor replaced.
#[cfg(not(unix))]
fn id(_: &Metadata) -> Option<Id> {
    None
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// What there is of this name; a link is not followed.
fn look(path: &Path) -> Result<Option<Metadata>, Trouble> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::from(&error)),
    }
}

impl Places {
    /// The path from the root on, links among its folders followed: it means the same whatever the process does.
    pub(super) fn find(path: &Path) -> Result<PathBuf, Trouble> {
        let Some(name) = path.file_name() else {
            return Err(Trouble("the path names no file: give one with a file name"));
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize().map_err(|e| Trouble::from(&e))?;
        Ok(folder.join(name))
    }

    /// Whether there is a file. If there is only a log, the file was lost, and a new one must not be mixed with it.
    pub(super) fn is_there(path: &Path) -> Result<bool, Trouble> {
        if look(path)?.is_some() {
            return Ok(true);
        }
        if look(&beside(path, "-wal"))?.is_none() {
            return Ok(false);
        }
        // Another process may just have made both.
        if look(path)?.is_some() {
            return Ok(true);
        }
        Err(Trouble(
            "its file is gone, and the log beside it (-wal) is left: bring the file back, or move the log away, but then messages accepted before can be accepted again",
        ))
    }

    /// Whether it is a file that can be a whole one.
    pub(super) fn check_file(path: &Path) -> Result<(), Trouble> {
        // A file that was left in the middle of something has a log, from which it is completed. The log is looked for
        // first: whoever uses the file may be about to complete it, and to remove the log.
        let has_log = look(&beside(path, "-wal"))?.is_some_and(|log| log.len() > 0);
        let Some(found) = look(path)? else {
            return Err(Trouble("its file is not there"));
        };
        // We never make one, and SQLite would play it back, whatever it makes of the file.
        if look(&beside(path, "-journal"))?.is_some() {
            return Err(Trouble(
                "there is a file beside it with -journal after its name, which is not of this program: move it away, and keep files of others out of that folder",
            ));
        }
        if !found.is_file() {
            return Err(Trouble(
                "the path names a link, a folder or a device: give the file itself",
            ));
        }
        if found.len() == 0 || (!found.len().is_multiple_of(PAGE) && !has_log) {
            return Err(Trouble(DAMAGED));
        }
        Ok(())
    }

    pub(super) fn remember(path: PathBuf) -> Result<Self, Trouble> {
        let log = beside(&path, "-wal");
        let index = beside(&path, "-shm");
        let mut files = [(path, None), (log, None), (index, None)];
        for (path, known) in &mut files {
            *known = look(path)?.as_ref().and_then(id);
        }
        let places = Self { files };
        places.check()?;
        Ok(places)
    }

    /// Whether all files are those that were opened; gives the length of the log.
    pub(super) fn check(&self) -> Result<u64, Trouble> {
        let mut lengths = Vec::with_capacity(3);
        for (path, known) in &self.files {
            match look(path)? {
                Some(found) if id(&found) == *known => lengths.push(found.len()),
                _ => {
                    return Err(Trouble(
                        "its file, or its log (-wal, -shm), was removed or replaced while it was open: bring it back, and begin the program anew",
                    ));
                }
            }
        }
        Ok(lengths.get(1).copied().unwrap_or(0))
    }

    pub(super) fn length(&self) -> Result<u64, Trouble> {
        let mut sum = 0;
        for (path, _) in self.files.iter().take(2) {
            sum += look(path)?.map_or(0, |found| found.len());
        }
        Ok(sum)
    }

    pub(super) fn path(&self) -> &PathBuf {
        let [(path, _), ..] = &self.files;
        path
    }
}
