//! Key files on disk: created for their owner alone, never written over, replaced in one step.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::vec::Vec;
use zeroize::Zeroizing;

use super::secret::Identity;
use crate::crypto::random::Entropy;
use crate::disk::new_file::NewFile;
use crate::error::Result;
use crate::wire::limits::MAX_KEY_FILE;

impl Identity {
    /// Creates the key file `path`, readable by its owner alone (mode 0600), synced to the disk. A file that is there
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NameTaken`](crate::ErrorKind::NameTaken) if it exists; [`ErrorKind::Io`](crate::ErrorKind::Io); those of
    /// [`to_key_file`](Self::to_key_file). Nothing is left behind.
    pub fn create_key_file(
        &self,
        path: &Path,
        passphrase: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        self.write_key_file(path, passphrase, entropy, false)
    }

    /// Replaces the key file `path` in one step: after a crash there is the old one or the new one, whole.
    ///
    /// The old blocks of the disk may still hold what was destroyed, until the disk reuses them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io); those of [`to_key_file`](Self::to_key_file). The old file is then unchanged.
    pub fn replace_key_file(
        &self,
        path: &Path,
        passphrase: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        // A link is followed, so that the file behind it is replaced and not the link.
        self.write_key_file(&path.canonicalize()?, passphrase, entropy, true)
    }

    fn write_key_file(
        &self,
        path: &Path,
        passphrase: Option<&str>,
        entropy: &dyn Entropy,
        replace: bool,
    ) -> Result<()> {
        let text = self.to_key_file(passphrase, entropy)?;
        let mut file = NewFile::create(path, replace, true)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    }

    /// Reads the key file `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io); those of [`from_key_file`](Self::from_key_file).
    pub fn read_key_file(path: &Path, passphrase: Option<&str>) -> Result<Self> {
        // One byte more than the limit shows that it is too long, without reading what may be endless.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE + 1));
        File::open(path)?
            .take(MAX_KEY_FILE as u64 + 1)
            .read_to_end(&mut text)?;
        Self::from_key_file(&text, passphrase)
    }
}
