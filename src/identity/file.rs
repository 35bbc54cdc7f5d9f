//! Key files on disk: created for their owner alone, never written over, replaced in one step.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::vec::Vec;
use zeroize::Zeroizing;

use super::secret::Identity;
use crate::crypto::random::Entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::limits::MAX_KEY_FILE;

impl Identity {
    /// Creates the key file `path`, readable by its owner alone (mode 0600), synced to the disk. A file that is there
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] (also if it exists); those of [`to_key_file`](Self::to_key_file). Nothing is left behind.
    pub fn create_key_file(&self, path: &Path, passphrase: Option<&str>, entropy: &dyn Entropy) -> Result<()> {
        let text = self.to_key_file(passphrase, entropy)?;
        write_new(path, &text)
    }

    /// Replaces the key file `path` in one step: after a crash there is the old one or the new one, whole.
    ///
    /// The old blocks of the disk may still hold what was destroyed, until the disk reuses them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]; those of [`to_key_file`](Self::to_key_file). The old file is then unchanged.
    pub fn replace_key_file(&self, path: &Path, passphrase: Option<&str>, entropy: &dyn Entropy) -> Result<()> {
        let text = self.to_key_file(passphrase, entropy)?;
        // A link is followed, so that the file behind it is replaced and not the link.
        let path = path.canonicalize()?;
        let temporary = beside(&path)?;
        write_new(&temporary, &text)?;
        let renamed = std::fs::rename(&temporary, &path).and_then(|()| sync_folder(&path));
        if renamed.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        Ok(renamed?)
    }

    /// Reads the key file `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]; those of [`from_key_file`](Self::from_key_file).
    pub fn read_key_file(path: &Path, passphrase: Option<&str>) -> Result<Self> {
        // One byte more than the limit shows that it is too long, without reading what may be endless.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE + 1));
        File::open(path)?.take(MAX_KEY_FILE as u64 + 1).read_to_end(&mut text)?;
        Self::from_key_file(&text, passphrase)
    }
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(path));
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    Ok(written?)
}

/// A name in the same folder, so that a rename stays on one file system.
fn beside(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or(Error::with(ErrorKind::InvalidInput, "the key file has no name"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(std::format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(temporary))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A folder can be opened and synced on Unix; elsewhere the file system sees to it.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
