//! The file that has the final name before the content is there.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;

use super::making::{Making, Stop, changed_meanwhile, is_taken, read_some};
use crate::crypto::secret::Wiped;
use crate::disk::{Access, Disk};

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// A file that may be this content, from an attempt that was cut off, or another one of that name. It is compared with the content
/// as that comes: so nothing is written as long as they are the same, and nothing is lost when they are not.
pub(super) struct Rival<'a> {
    disk: &'a dyn Disk,
    file: File,
    /// How many bytes are the same, from the beginning.
    same: u64,
}

impl<'a> Rival<'a> {
    /// `None` if there is no such file, or it cannot be this content: it has another length, or is somebody else's.
    pub(super) fn open(
        disk: &'a dyn Disk,
        path: &Path,
        length: Option<u64>,
    ) -> io::Result<Option<Self>> {
        if !is_taken(path, length) {
            return Ok(None);
        }
        // As it will be opened to be taken over.
        match disk.open(path, Access::Write) {
            Ok(file) => Ok(Some(Self {
                disk,
                file,
                same: 0,
            })),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Whether the file goes on with these bytes.
    pub(super) fn goes_on_with(&mut self, content: &[u8]) -> io::Result<bool> {
        let mut buffer = Wiped::new(std::vec![0; BUFFER.min(content.len())]);
        let mut rest = content;
        while !rest.is_empty() {
            let most = rest.len().min(buffer.len());
            let place = buffer.get_mut(..most).unwrap_or_default();
            let read = read_some(self.disk, &self.file, place)?;
            if read == 0 || buffer.get(..read) != rest.get(..read) {
                return Ok(false);
            }
            rest = rest.get(read..).unwrap_or_default();
        }
        self.same += content.len() as u64;
        Ok(true)
    }

    /// Whether nothing follows what was compared.
    pub(super) fn has_ended(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() == self.same)
    }

    /// Writes what is the same to a file of its own.
    pub(super) fn copy_to(&self, making: &Making<'_>) -> Result<(), Stop> {
        (&self.file).rewind()?;
        let mut buffer = Wiped::new(std::vec![0; BUFFER]);
        let mut left = self.same;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let place = buffer.get_mut(..most).unwrap_or_default();
            let read = read_some(self.disk, &self.file, place)?;
            if read == 0 {
                return Err(changed_meanwhile().into());
            }
            making.write_all(buffer.get(..read).unwrap_or_default())?;
            left -= read as u64;
        }
        Ok(())
    }
}
