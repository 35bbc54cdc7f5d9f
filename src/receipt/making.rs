//! A file on its way to its final name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::status::Reason;
use crate::disk::os::is_same;
use crate::disk::{Access, Disk, Temporary, folder_of};
use crate::envelope::outcome::Again;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Process;

/// Why a message is not stored.
pub(super) enum Stop {
    /// Longer than the host accepts.
    TooLarge,
    /// The disk is full, or the host says so.
    NoRoom,
    /// The host's rules do not accept it.
    Refused(Reason),
    /// It was dealt with before: the stamp alone says so.
    Again(Again),
    Failed(Error),
}

impl Stop {
    /// For where nothing but a failure can stop it.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::TooLarge | Self::NoRoom | Self::Refused(_) | Self::Again(_) => {
                ErrorKind::WrongOrder.into()
            }
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What the disk answers.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoRoom,
            _ => Self::Failed(error.into()),
        }
    }
}

/// A file that is removed when this is dropped, under whatever name it has by then, unless it is to be [kept](Self::keep).
///
/// It stays locked all the while. So a file under a final name whose lock is free belongs to nobody who still works on it, and
/// nobody counts on a file that its maker may yet remove.
pub(super) struct Making<'a> {
    disk: &'a dyn Disk,
    file: Source,
    /// The final name, once it may stand for the file.
    name: Option<PathBuf>,
    keep: bool,
    process: Process,
}

enum Source {
    New(Temporary),
    /// It was there before, and is not ours to remove.
    Found(File),
}

impl<'a> Making<'a> {
    pub(super) fn begin(disk: &'a dyn Disk, folder: &Path) -> Result<Self, Stop> {
        let this = Self {
            disk,
            file: Source::New(disk.create(folder)?),
            name: None,
            keep: false,
            process: Process::this(),
        };
        if disk.lock(this.file())? {
            Ok(this)
        } else {
            // Nobody else knows it: locks do not work here.
            Err(io::Error::new(io::ErrorKind::Unsupported, NO_LOCKS).into())
        }
    }

    /// Takes over a file that is there, if nobody works on it.
    pub(super) fn found(disk: &'a dyn Disk, path: &Path) -> Result<Self, Stop> {
        let gave_up = || Stop::from(Error::from(ErrorKind::Pending));
        match path.symlink_metadata() {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(another().into()),
            // It was there just now.
            Err(_) => return Err(gave_up()),
        }
        let file = match disk.open(path, Access::Write) {
            Ok(file) => file,
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::NotFound => gave_up(),
                    io::ErrorKind::PermissionDenied => another().into(),
                    _ => error.into(),
                });
            }
        };
        if !disk.lock(&file)? || !is_same(&file, path)? {
            return Err(gave_up());
        }
        Ok(Self {
            disk,
            file: Source::Found(file),
            name: None,
            keep: true,
            process: Process::this(),
        })
    }

    pub(super) const fn file(&self) -> &File {
        match &self.file {
            Source::New(temporary) => temporary.file(),
            Source::Found(file) => file,
        }
    }

    pub(super) const fn disk(&self) -> &'a dyn Disk {
        self.disk
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        write_all(self.disk, self.file(), bytes)
    }

    /// Once, whatever comes of it: a second sync says nothing about what the first one lost.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync(self.file())
    }

    /// Gives it its final name. False if another file has it.
    pub(super) fn publish(&mut self, path: &Path) -> io::Result<bool> {
        let Source::New(temporary) = &self.file else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        // Before: after an error it is not known whether it was done.
        self.name = Some(path.to_path_buf());
        match self.disk.publish(temporary, path) {
            Ok(()) => Ok(true),
            // A server across the network may have been asked twice.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                is_same(temporary.file(), path)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it was there before.
    pub(super) const fn is_found(&self) -> bool {
        matches!(self.file, Source::Found(_))
    }

    /// It stays.
    pub(super) const fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let Source::New(temporary) = &self.file else {
            return;
        };
        // What was forked off leaves it to this process.
        if self.keep || !self.process.is_this() {
            return;
        }
        // Only what is ours: nobody takes over what is locked.
        let is_ours = |name: &&Path| is_same(temporary.file(), name).unwrap_or(false);
        if let Some(name) = self.name.as_deref().filter(is_ours) {
            let _ = self.disk.remove(name);
            let _ = self.disk.sync_folder(folder_of(name));
        }
        if let Some(name) = temporary.path().filter(is_ours) {
            let _ = self.disk.remove(name);
        }
    }
}

const NO_LOCKS: &str = "this file system has no locks that work: store on another one";

/// Whether a file that may be this content has the final name already: a regular one of this length, if that is known.
pub(super) fn is_taken(path: &Path, length: Option<u64>) -> bool {
    path.symlink_metadata()
        .is_ok_and(|found| found.is_file() && length.is_none_or(|length| length == found.len()))
}

/// No room, and none is needed: a file that may be this content came to its name meanwhile. When the message comes again that
/// file is compared; to reject it now would be final.
pub(super) fn came_meanwhile() -> Error {
    Error::with(
        ErrorKind::Pending,
        "a file that may be this content has its name by now: when the message comes again they are compared",
    )
}

/// The name is taken by something else.
pub(super) fn another() -> Error {
    ErrorKind::NameTaken.into()
}

/// What has the final name was this content when the message came, and is not any more: there is nothing to store.
pub(super) fn changed_meanwhile() -> Error {
    Error::with(
        ErrorKind::Pending,
        "the file that has its name is being changed: when the message comes again they are compared anew",
    )
}

pub(super) fn write_all(disk: &dyn Disk, file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match disk.write(file, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn read_some(disk: &dyn Disk, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match disk.read(file, buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
