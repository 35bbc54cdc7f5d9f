//! Opening to a file.

use std::io;
use std::path::Path;

use super::io::ProvisionalReader;
use super::open::{OpenStream, Opener};
use super::verdict::Mode;
use super::verify::Verifier;
use crate::disk::new_file::NewFile;
use crate::error::Result;

impl<M: Mode> Opener<'_, M> {
    /// Opens an envelope from `input` to the file `path` (mode 0600), which appears only when everything was verified.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and those of [`NewFile`]. Then there is no new file, and nothing else is left. The content is
    /// on the disk before the replay guard is asked; only if the file then cannot get its name is the message lost, for it
    /// counts as received.
    pub fn open_to_file(
        &self,
        input: impl io::Read,
        path: &Path,
        replace: bool,
    ) -> Result<M::Proof> {
        to_file(self.stream(), input, path, replace)
    }
}

impl<M: Mode> Verifier<'_, M> {
    /// Verifies a signed envelope from `input` and puts its content into the file `path` (mode 0600), which appears only
    /// when everything was verified.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), and those of [`NewFile`]. Then there is no new file, and nothing else is left.
    pub fn verify_to_file(
        &self,
        input: impl io::Read,
        path: &Path,
        replace: bool,
    ) -> Result<M::Proof> {
        to_file(self.stream(), input, path, replace)
    }
}

fn to_file<M: Mode>(
    stream: OpenStream<'_, M>,
    input: impl io::Read,
    path: &Path,
    replace: bool,
) -> Result<M::Proof> {
    // Before anything is read: where no file can be made, no message is claimed.
    let mut file = NewFile::create(path, replace, true)?;
    let reader = ProvisionalReader::begin(stream, input)?;
    let proof = reader.copy_and_store(&mut file, NewFile::sync)?;
    file.commit()?;
    Ok(proof)
}
