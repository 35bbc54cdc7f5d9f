//! Files that appear under their final name only when they are whole and verified.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{folder_of, temporary_name};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Process;

/// A file in the making: written beside its final name, under which it appears with [`commit`](Self::commit), whole and
/// synced to the disk. If it is dropped before, nothing is left.
#[derive(Debug)]
#[must_use]
pub struct NewFile {
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
    replace: bool,
    process: Process,
}

impl NewFile {
    /// Begins a file that is to be called `path`, readable by its owner alone if `private`. If `replace`, a file of that
    /// name is replaced in one step; otherwise it stays, and nothing is made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NameTaken`] if the file exists and is not to be replaced; [`ErrorKind::Io`].
    pub fn create(path: &Path, replace: bool, private: bool) -> Result<Self> {
        if path.file_name().is_none() {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the output has no file name",
            ));
        }
        match path.symlink_metadata() {
            Ok(_) if !replace => return Err(ErrorKind::NameTaken.into()),
            Ok(found) if !found.is_file() => {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "the output is a link, a folder or a device: only a file is replaced",
                ));
            }
            _ => {}
        }
        let temporary = path.with_file_name(temporary_name()?);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let _ = private;
        let file = options.open(&temporary)?;
        Ok(Self {
            file: Some(file),
            temporary,
            path: path.to_path_buf(),
            replace,
            process: Process::this(),
        })
    }

    /// Brings what was written so far to the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub fn sync(&mut self) -> Result<()> {
        match &self.file {
            Some(file) => Ok(file.sync_all()?),
            None => Ok(()),
        }
    }

    /// As [`commit`](Self::commit), under another name in the same folder: one that was not known at the beginning.
    #[cfg(feature = "sqlite")]
    pub(crate) fn commit_as(mut self, path: &Path) -> Result<()> {
        self.path = path.to_path_buf();
        self.commit()
    }

    /// Syncs the file and gives it its final name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NameTaken`] if a file of that name came meanwhile and is not to be replaced; [`ErrorKind::Io`]. Then nothing is
    /// left behind, and a file of that name is as it was. Only if the folder cannot be
    /// synced at the end is the file there, whole, although it may be gone after a crash of the machine.
    pub fn commit(mut self) -> Result<()> {
        self.take_name()?;
        Ok(sync_folder(&self.path)?)
    }

    fn take_name(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        if self.replace {
            std::fs::rename(&self.temporary, &self.path)?;
        } else {
            self.link()?;
        }
        Ok(())
    }

    /// Takes the name only if it is free, in one step.
    fn link(&self) -> io::Result<()> {
        publish(&self.temporary, &self.path)
    }
}

#[cfg(unix)]
use super::os::publish_named as publish;

#[cfg(not(unix))]
fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    std::fs::hard_link(temporary, path)?;
    // If the other name cannot be removed, the file is there all the same.
    drop(std::fs::remove_file(temporary));
    Ok(())
}

/// Brings the name of a file to the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    if faults::strikes(folder_of(path)) {
        return Err(io::ErrorKind::Other.into());
    }
    // A folder can be opened and synced on Unix; elsewhere the file system sees to it.
    if cfg!(unix) {
        File::open(folder_of(path))?.sync_all()
    } else {
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // What was forked off leaves it to this process. After a commit the name is gone already.
        if self.process.is_this() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Folders that cannot be synced, for tests: work may be done by another thread than the test's.
#[cfg(test)]
pub(crate) mod faults {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;
    use std::vec::Vec;

    static FAULTS: Mutex<Vec<(PathBuf, usize)>> = Mutex::new(Vec::new());

    /// One sync of this folder fails, after so many that do not.
    #[cfg(feature = "sqlite")] // What has no database syncs no folder of its own.
    pub(crate) fn fail_sync(folder: &Path, after: usize) {
        FAULTS.lock().unwrap().push((folder.to_path_buf(), after));
    }

    pub(super) fn strikes(folder: &Path) -> bool {
        let mut faults = FAULTS.lock().unwrap();
        let Some(at) = faults.iter().position(|(place, _)| place == folder) else {
            return false;
        };
        match &mut faults[at].1 {
            0 => {
                faults.remove(at);
                true
            }
            after => {
                *after -= 1;
                false
            }
        }
    }
}
