//! Where the envelopes of an outbox are kept until they are settled.

use core::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use super::{Letter, folder, outbox_error, rows::Rows};
use crate::crypto::digest::Digest;
use crate::disk::folder_of;
use crate::disk::new_file::NewFile;
use crate::envelope::inspect::inspect;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::database::Database;
use crate::wire::limits::MAX_HEADER;

/// Longest envelope that is kept in the database, in bytes.
const INSIDE: usize = 64 * 1024;

/// An envelope on its way into the outbox. If it is dropped before it is committed, nothing is left.
#[must_use]
pub struct Outgoing {
    database: Database,
    /// What came, as long as it is short; of what is long the beginning, with the header.
    held: Vec<u8>,
    /// Where it goes once it is long.
    file: Option<NewFile>,
    /// The file's name while its own is not known.
    path: PathBuf,
}

impl Outgoing {
    pub(super) fn begin(database: Database) -> Result<Self> {
        let path = folder(&database);
        Ok(Self {
            database,
            held: Vec::new(),
            file: None,
            path,
        })
    }

    /// Records it, durably: it is due at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`], [`ErrorKind::Io`]: nothing was recorded, so do not send it.
    /// [`ErrorKind::InvalidInput`] if it is not the envelope that the letter names.
    pub fn commit(mut self, letter: &Letter, now: u64) -> Result<()> {
        let start = self
            .held
            .get(..self.held.len().min(MAX_HEADER))
            .unwrap_or_default();
        let named = inspect(start)?.map(|found| found.header_digest);
        if named != Some(letter.sent.header_digest) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "this is not the envelope that the letter is about",
            ));
        }
        let letter = letter.clone();
        let Some(mut file) = self.file.take() else {
            let inside = core::mem::take(&mut self.held);
            return self
                .database
                .write(move |connection| Rows(connection).put(&letter, Some(&inside), now))
                .map_err(outbox_error);
        };
        let path = self.path.join(name(&letter.sent.header_digest));
        // What takes long comes before the transaction.
        file.sync()?;
        let mut naming = Naming::Now(file);
        self.database
            .write(move |connection| {
                // It gets its name in the transaction, or it could be removed again before its row is there, by one who settles the
                // same envelope for somebody else. What was put before is replaced by the same.
                naming.name(&path)?;
                Rows(connection).put(&letter, None, now)
            })
            .map_err(outbox_error)
    }
}

/// How a long envelope gets its name, in work that may be done a second time.
enum Naming {
    Now(NewFile),
    /// What became of it.
    Done(Result<()>),
}

impl Naming {
    fn name(&mut self, path: &Path) -> Result<()> {
        match core::mem::replace(self, Self::Done(Ok(()))) {
            Self::Now(file) => *self = Self::Done(file.commit_as(path)),
            // Whatever lies there by now: what could not be named or synced the first time is not made good by looking again.
            Self::Done(Err(error)) => *self = Self::Done(Err(error)),
            // The first time was undone, and others may have come between.
            Self::Done(Ok(())) if !path.is_file() => {
                *self = Self::Done(Err(Error::with(
                    ErrorKind::OutboxUnavailable,
                    "its envelope did not stay in the folder beside the file: put it again",
                )));
            }
            Self::Done(Ok(())) => {}
        }
        match self {
            Self::Done(Err(error)) => Err(error.once_more()),
            _ => Ok(()),
        }
    }
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            let written = file.write(bytes)?;
            let header = MAX_HEADER.saturating_sub(self.held.len()).min(written);
            self.held
                .extend_from_slice(bytes.get(..header).unwrap_or_default());
            return Ok(written);
        }
        if self.held.len() + bytes.len() > INSIDE {
            make_folder(&self.path)?;
            // The name comes with the letter.
            let mut file = NewFile::create(&self.path.join("envelope"), true, true)?;
            file.write_all(&self.held)?;
            self.file = Some(file);
            return self.write(bytes);
        }
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

/// An envelope of the outbox, to be read from the beginning or, where it was cut off, from any place on.
#[derive(Debug)]
pub struct OutboxEnvelope(Source);

#[derive(Debug)]
enum Source {
    Inside(Cursor<Vec<u8>>),
    Outside(File),
}

impl Read for OutboxEnvelope {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Inside(bytes) => bytes.read(buffer),
            Source::Outside(file) => file.read(buffer),
        }
    }
}

impl Seek for OutboxEnvelope {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Source::Inside(bytes) => bytes.seek(place),
            Source::Outside(file) => file.seek(place),
        }
    }
}

pub(super) fn envelope(database: &Database, header: &Digest) -> Result<OutboxEnvelope> {
    let found = database
        .read(|connection| Rows(connection).envelope(header))
        .map_err(outbox_error)?;
    let source = match found {
        Some(Some(bytes)) if bytes.is_empty() => return Err(not_awaited()),
        Some(Some(bytes)) => Source::Inside(Cursor::new(bytes)),
        Some(None) => match File::open(folder(database).join(name(header))) {
            Ok(file) => Source::Outside(file),
            // It was removed with its last answer.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_awaited()),
            Err(error) => return Err(error.into()),
        },
        None => return Err(absent("no such envelope is in the outbox")),
    };
    Ok(OutboxEnvelope(source))
}

fn not_awaited() -> Error {
    absent(
        "it was answered or given up meanwhile, and nobody awaits it any more: there is nothing to send",
    )
}

const fn absent(detail: &'static str) -> Error {
    Error::with(ErrorKind::InvalidInput, detail)
}

pub(super) fn name(header: &Digest) -> String {
    std::format!("{header}.bulla")
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // What is synced into it is not on the disk unless its own name is; whoever made it may have been killed before this.
    if cfg!(unix) {
        File::open(folder_of(path))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::new_file::faults::fail_sync;

    /// The first time fails or its sync does; the second time, in a transaction of its own, must not find it well.
    #[test]
    fn what_was_not_named_the_first_time_is_not_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("name");
        let new_file = || {
            let mut file = NewFile::create(&folder.path().join("envelope"), true, true).unwrap();
            file.write_all(b"envelope").unwrap();
            file
        };
        let mut naming = Naming::Now(new_file());
        std::fs::create_dir(&path).unwrap();
        assert_eq!(naming.name(&path).unwrap_err(), ErrorKind::Io);
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"envelope").unwrap();
        assert_eq!(naming.name(&path).unwrap_err(), ErrorKind::Io);

        let mut naming = Naming::Now(new_file());
        naming.name(&path).unwrap();
        naming.name(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let gone = naming.name(&path).unwrap_err();
        assert_eq!(gone, ErrorKind::OutboxUnavailable);
        std::fs::write(&path, b"envelope").unwrap();
        assert_eq!(naming.name(&path).unwrap_err(), gone);
    }

    /// Two long envelopes share a transaction, and the name of one does not come to the disk: it alone fails, and does not find
    /// it well when it is done again in a transaction of its own.
    #[test]
    fn one_that_is_not_named_fails_alone() {
        for after in [0, 1] {
            let place = tempfile::tempdir().unwrap();
            let database = Database::open(place.path().join("outbox")).unwrap();
            let beside = folder(&database);
            make_folder(&beside).unwrap();
            let paths = [beside.join("first"), beside.join("second")];
            fail_sync(&beside, after);
            let name = |path: PathBuf| {
                let mut file = NewFile::create(&path, true, true).unwrap();
                file.write_all(b"envelope").unwrap();
                let mut naming = Naming::Now(file);
                let mut times = 0;
                move |_: &rusqlite::Connection| {
                    times += 1;
                    naming.name(&path).map(|()| times)
                }
            };
            let busy = std::sync::Barrier::new(2);
            let results = std::thread::scope(|scope| {
                let busy = &busy;
                let database = &database;
                // The two gather behind it.
                let (sign, seen) = std::sync::mpsc::channel();
                scope.spawn(move || {
                    database.write(move |_| {
                        let _ = sign.send(());
                        std::thread::sleep(std::time::Duration::from_millis(200));
                        Ok(())
                    })
                });
                seen.recv().unwrap();
                let threads = paths.clone().map(|path| {
                    scope.spawn(move || {
                        busy.wait();
                        database.write(name(path))
                    })
                });
                threads.map(|thread| thread.join().unwrap())
            });
            let failed = results.iter().filter(|result| result.is_err()).count();
            assert_eq!(failed, 1, "{results:?}");
            for (result, path) in results.iter().zip(&paths) {
                match result {
                    // It was named before the other one failed, and is asked once more; or it came after that.
                    Ok(times) => assert!(path.is_file() && *times == after + 1),
                    Err(error) => assert_eq!(*error, ErrorKind::Io),
                }
            }
        }
    }
}
