//! The beginning of an envelope that did not come whole, kept so that it can be completed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use super::making::{Stop, read_some, write_all};
use crate::crypto::body::{PREFIX_LEN, SEALED_CHUNK_LEN};
use crate::crypto::digest::Digest;
use crate::disk::os::is_same;
use crate::disk::{Access, Disk, is_partial_name, partial_name};
use crate::error::{Error, ErrorClass, ErrorKind, Result};
use crate::wire::header::Header;
use crate::wire::limits::MAX_HEADER;

/// Where and how much a [`Store`](crate::Store) keeps of envelopes that did not come whole.
///
/// While a copy of an envelope comes, what is kept of it is locked, and whoever wants to complete it gets
/// [`ErrorKind::Pending`], even if the copy holds less than was kept before, and stalls. So give connections a time after which
/// they are cut: what was kept stays, and can be completed then. A copy that comes while another one does is stored all the
/// same, and only keeps nothing.
#[derive(Clone, Debug)]
pub struct Partials {
    pub(super) folder: PathBuf,
    files: usize,
    bytes: u64,
}

impl Partials {
    /// At most about `files` envelopes at a time (as many more as processes begin one at the same instant), and of each at
    /// most the first `bytes` bytes, in this folder.
    #[must_use]
    pub fn new(folder: &Path, files: usize, bytes: u64) -> Self {
        Self {
            folder: folder.to_path_buf(),
            files,
            bytes,
        }
    }

    fn path(&self, header: &Digest) -> PathBuf {
        self.folder.join(partial_name(header))
    }

    /// Opens what is kept of an envelope; `None` if nothing is.
    fn open(&self, disk: &dyn Disk, header: &Digest) -> io::Result<Option<(File, u64)>> {
        let file = match disk.open(&self.path(header), Access::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = held(disk, &file, header)?;
        Ok(Some((file, length)))
    }

    /// How much of an envelope is kept.
    pub(super) fn held(&self, disk: &dyn Disk, header: &Digest) -> Result<u64> {
        Ok(self.open(disk, header)?.map_or(0, |(_, length)| length))
    }

    /// Opens what is kept in order to complete it, at its beginning.
    pub(super) fn resume<'a>(&self, disk: &'a dyn Disk, header: &Digest) -> Result<Partial<'a>> {
        let nothing = || {
            Error::with(
                ErrorKind::InvalidInput,
                "nothing is held of this envelope: send it from its beginning",
            )
        };
        let path = self.path(header);
        let (file, _) = self.open(disk, header)?.ok_or_else(nothing)?;
        if !disk.lock(&file)? {
            return Err(ErrorKind::Pending.into());
        }
        if !is_same(&file, &path)? {
            return Err(nothing());
        }
        // Once more, for nobody can change it now.
        let length = held(disk, &file, header)?;
        rewind(&file)?;
        Ok(Partial {
            disk,
            file,
            path,
            length,
            limit: self.bytes,
        })
    }

    /// Begins to keep an envelope, if that can be done. It is only a help: if it fails, nothing is kept.
    pub(super) fn begin<'a>(&self, disk: &'a dyn Disk, header: &Digest) -> Option<Partial<'a>> {
        let path = self.path(header);
        if !path.exists() && self.count()? >= self.files {
            return None;
        }
        let file = disk.open(&path, Access::Create).ok()?;
        let alone = disk.lock(&file).ok()? && is_same(&file, &path).ok()?;
        // What it may hold already stays until it is written over: a copy that was cut earlier must not undo a longer one.
        alone.then_some(Partial {
            disk,
            file,
            path,
            length: 0,
            limit: self.bytes,
        })
    }

    fn count(&self) -> Option<usize> {
        let entries = std::fs::read_dir(&self.folder).ok()?;
        let ours = entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(is_partial_name));
        Some(ours.count())
    }
}

/// What is kept of one envelope, locked.
pub(super) struct Partial<'a> {
    disk: &'a dyn Disk,
    file: File,
    path: PathBuf,
    /// How much of the file counts.
    length: u64,
    limit: u64,
}

impl<'a> Partial<'a> {
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Reads from where it stands, at most so many bytes.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        read_some(self.disk, &self.file, buffer)
    }

    /// Adds verified bytes, as many as there may be. `None` if the disk takes no more.
    pub(super) fn append(mut self, bytes: &[u8]) -> Option<Self> {
        let left = self.limit.saturating_sub(self.length);
        let left = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let bytes = bytes.get(..left).unwrap_or_default();
        self.length += bytes.len() as u64;
        if write_all(self.disk, &self.file, bytes).is_err() {
            // The disk may be full: the content needs the room more.
            self.remove();
            return None;
        }
        Some(self)
    }

    /// Whether it takes no more. It stays in hand, so that it goes when the message is dealt with.
    pub(super) const fn is_full(&self) -> bool {
        self.length >= self.limit
    }

    pub(super) fn remove(self) {
        if is_same(&self.file, &self.path).unwrap_or(false) {
            let _ = self.disk.remove(&self.path);
        }
    }

    /// The message was dealt with.
    pub(super) fn done(this: Option<Self>) {
        if let Some(partial) = this {
            partial.remove();
        }
    }

    /// Removes it unless the rest may still come. `whole`: the envelope came to its end.
    pub(super) fn after(this: Option<Partial<'a>>, stop: &Stop, whole: bool) {
        let may_come = match stop {
            Stop::TooLarge | Stop::NoRoom | Stop::Refused(_) | Stop::Again(_) => false,
            Stop::Failed(error) => match error.kind().class() {
                ErrorClass::Usage | ErrorClass::TryAgain => true,
                // Cut or damaged on the way: what is kept was verified.
                ErrorClass::NotAcceptable => !whole,
                ErrorClass::Refused => false,
            },
        };
        if !may_come {
            Self::done(this);
        }
    }
}

/// How many bytes of a kept envelope make whole chunks; 0 if it is not the envelope of this header.
fn held(disk: &dyn Disk, file: &File, header: &Digest) -> io::Result<u64> {
    rewind(file)?;
    let mut start = Vec::new();
    let mut buffer = std::vec![0; 8192];
    while start.len() <= MAX_HEADER {
        let read = read_some(disk, file, &mut buffer)?;
        start.extend_from_slice(buffer.get(..read).unwrap_or_default());
        match Header::parse(&start) {
            Ok(Some(found)) if Digest::of(found.bytes) == *header => {
                let before = (found.bytes.len() + PREFIX_LEN) as u64;
                let chunks =
                    file.metadata()?.len().saturating_sub(before) / SEALED_CHUNK_LEN as u64;
                return Ok(match chunks {
                    0 => 0,
                    _ => before + chunks * SEALED_CHUNK_LEN as u64,
                });
            }
            Ok(None) if read > 0 => {}
            _ => return Ok(0),
        }
    }
    Ok(0)
}

fn rewind(mut file: &File) -> io::Result<()> {
    io::Seek::rewind(&mut file)
}
