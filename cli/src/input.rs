//! Where bytes come from: a file, or standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::args::OutputArgs;
use crate::failure::{Failure, reason};
use crate::progress::Progress;

/// Read at once.
const STEP: usize = 64 * 1024;

/// An input by name; its errors say the name.
pub(crate) struct Input {
    source: Box<dyn Read>,
    name: String,
    length: Option<u64>,
    is_terminal: bool,
    progress: Option<Progress>,
}

impl Input {
    /// The file `path`; standard input if there is none, or it is `-`.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let stdin = io::stdin().lock();
            return Ok(Self {
                is_terminal: stdin.is_terminal(),
                ..Self::new(Box::new(stdin), "standard input", None)
            });
        };
        let name = path.display().to_string();
        let cannot = |error: io::Error| Failure::io(&format!("cannot read {name}"), &error);
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        // Some special files, such as those of /proc, call themselves regular and empty, and are not.
        let length = Some(metadata.len()).filter(|length| metadata.is_file() && *length > 0);
        Ok(Self::new(Box::new(file), &name, length))
    }

    /// The file `path`, which is open already.
    pub(crate) fn opened(file: File, path: &Path) -> Self {
        Self::new(Box::new(file), &path.display().to_string(), None)
    }

    fn new(source: Box<dyn Read>, name: &str, length: Option<u64>) -> Self {
        Self {
            source,
            name: name.to_owned(),
            length,
            is_terminal: false,
            progress: None,
        }
    }

    /// Shows progress while it is read.
    pub(crate) fn with_progress(mut self) -> Self {
        self.progress = Some(Progress::new(self.length));
        self
    }

    /// Shows progress while it is read, unless the result goes to a terminal: a bar would tear it.
    pub(crate) fn with_progress_beside(mut self, output: &OutputArgs) -> Self {
        let file = output
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"));
        if file.is_some() || !io::stdout().is_terminal() {
            self.progress = Some(Progress::new(self.length));
        }
        self
    }

    /// The length in bytes, where it is known before reading: for a regular file that is not empty.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.length
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// All of it, unless it is longer than `limit` bytes.
    pub(crate) fn read_all(
        mut self,
        limit: usize,
        too_long: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let expected = self.length.and_then(|length| usize::try_from(length).ok());
        // One byte more, so that a file of the length it claims is read without growing.
        let capacity = expected.map_or(STEP, |length| length.min(limit) + 1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        let too_long = || Failure::usage(format!("{}: {too_long}", self.name));
        if expected.is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        (&mut self.source)
            .take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io(&format!("cannot read {}", self.name), &error))?;
        if bytes.len() > limit {
            return Err(too_long());
        }
        Ok(bytes)
    }

    /// Reads what is left of a pipe, at most so many bytes, so that whoever writes into it comes to the end; what is read means
    /// nothing.
    pub(crate) fn drain(mut self, most: u64) {
        if self.length.is_none() && !self.is_terminal {
            // If it fails, there is nobody left who writes.
            let _ = io::copy(&mut (&mut self.source).take(most), &mut io::sink());
        }
    }

    /// Gives all of it to `take`, in pieces.
    pub(crate) fn each_piece(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut buffer = Zeroizing::new(vec![0; STEP]);
        loop {
            let read = match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The name is in it already.
                Err(error) => return Err(bulla::Error::from(error).into()),
            };
            take(buffer.get(..read).unwrap_or_default())?;
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(read) => {
                if let Some(progress) = &self.progress {
                    progress.advance(read);
                }
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(named("cannot read", &self.name, &error)),
        }
    }
}

/// The error with the name of the file in it, for it comes back out of the library without one.
pub(crate) fn named(what: &str, name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {name}: {}", reason(error)))
}
