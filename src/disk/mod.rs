//! Files that appear under their final name only when they are whole, and how they come to the disk.

pub(crate) mod new_file;
#[cfg(unix)]
pub(crate) mod os;

#[cfg(unix)]
pub use access::{Access, Disk, Temporary};

use std::path::Path;

/// The folder of a path.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What stands before the random part of every name that this crate gives to a file that is not whole.
const PREFIX: &str = ".bulla-";

/// A name for a temporary file: of its own length, for the final one may be as long as the file system allows.
fn temporary_name() -> crate::error::Result<std::string::String> {
    use crate::crypto::random::Entropy;
    let mut random = [0; 8];
    crate::crypto::random::OsEntropy.fill(&mut random)?;
    Ok(std::format!(
        "{PREFIX}{:016x}.part",
        u64::from_be_bytes(random)
    ))
}

/// Whether it is the name of a temporary file of this crate.
#[cfg(unix)]
pub(crate) fn is_temporary_name(name: &str) -> bool {
    is_own_name(name, 16, ".part")
}

/// The name of the file in which the beginning of an envelope is kept.
#[cfg(unix)]
pub(crate) fn partial_name(header: &crate::crypto::digest::Digest) -> std::string::String {
    let digest = std::string::ToString::to_string(header);
    std::format!("{PREFIX}{}.partial", digest.get(..32).unwrap_or_default())
}

/// Whether it is such a name.
#[cfg(unix)]
pub(crate) fn is_partial_name(name: &str) -> bool {
    is_own_name(name, 32, ".partial")
}

#[cfg(unix)]
fn is_own_name(name: &str, digits: usize, end: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(end))
        .is_some_and(|middle| {
            middle.len() == digits
                && middle
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
}

#[cfg(unix)]
mod access {
    use std::fs::File;
    use std::io;
    use std::path::{Path, PathBuf};

    /// What a file that has a name is opened for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Access {
        /// To be read; it must be there.
        Read,
        /// To be read, synced and locked; it must be there.
        Write,
        /// To be read and written (mode 0600 if it is new); nothing that it holds is cut off.
        Create,
    }

    /// A file in the making, which has no name, or a temporary one.
    #[derive(Debug)]
    pub struct Temporary {
        pub(super) file: File,
        pub(super) path: Option<PathBuf>,
    }

    impl Temporary {
        /// The file, open for reading and writing.
        #[must_use]
        pub const fn file(&self) -> &File {
            &self.file
        }

        /// Its temporary name, if it has one: `.bulla-<16 hex digits>.part`, in the folder of the final name.
        #[must_use]
        pub fn path(&self) -> Option<&Path> {
            self.path.as_deref()
        }
    }

    /// What [`Store`](crate::Store) asks of a file system, one operation at a time. [`OsDisk`](crate::OsDisk) is the real one;
    /// another one may hand on to it, and count, delay, refuse or inject faults.
    ///
    /// None of them may be repeated inside: above all a sync that failed must not be tried again, for the second one succeeds
    /// although what the first could not write is lost.
    pub trait Disk: Send + Sync {
        /// Creates a file in this folder for its owner alone (mode 0600), with no name yet, or with a new temporary one.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn create(&self, folder: &Path) -> io::Result<Temporary>;

        /// Opens a regular file by its name. No link is followed, and nothing that is not a file waits.
        ///
        /// # Errors
        ///
        /// Those of the system, also if it is no regular file.
        fn open(&self, path: &Path, access: Access) -> io::Result<File>;

        /// Locks a file against other processes and other handles, until its handle is closed. False if it is locked already.
        ///
        /// # Errors
        ///
        /// Those of the system, also if the file system has no locks.
        fn lock(&self, file: &File) -> io::Result<bool>;

        /// Writes some of the bytes, and says how many.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;

        /// Reads some bytes, and says how many; 0 at the end.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize>;

        /// Brings content and length of a file to the disk (`fsync`).
        ///
        /// # Errors
        ///
        /// Those of the system. Then nothing is known of what was written since the last sync, whatever a later one says.
        fn sync(&self, file: &File) -> io::Result<()>;

        /// Gives a file its final name, in one step and only if the name is free. A temporary name is then gone.
        ///
        /// # Errors
        ///
        /// [`io::ErrorKind::AlreadyExists`] if there is anything of that name; those of the system, also if it has no such step.
        fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()>;

        /// Brings the names in a folder to the disk.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn sync_folder(&self, folder: &Path) -> io::Result<()>;

        /// Asks the system to forget what it holds in memory of a file that was synced, so that it is next read from the disk.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn drop_cache(&self, file: &File) -> io::Result<()>;

        /// Removes a name.
        ///
        /// # Errors
        ///
        /// Those of the system.
        fn remove(&self, path: &Path) -> io::Result<()>;
    }
}
