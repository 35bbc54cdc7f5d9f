//! Where the envelopes of an outbox are kept until they are settled.

use core::fmt;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::string::String;
use std::time::{Duration, SystemTime};
use std::vec::Vec;

use super::{Letter, folder, outbox_error, rows::Rows};
use crate::crypto::digest::Digest;
use crate::disk::folder_of;
use crate::disk::new_file::NewFile;
use crate::envelope::inspect::inspect;
use crate::envelope::stamp::MessageId;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::database::Database;
use crate::wire::limits::MAX_HEADER;

/// Longest envelope that is kept in the database, in bytes.
const INSIDE: usize = 64 * 1024;
/// What is in the folder for less than this may belong to a letter that is just being put.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

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

/// An envelope of the outbox, to be read from.
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

pub(super) fn envelope(database: &Database, header: &Digest) -> Result<OutboxEnvelope> {
    let found = database
        .read(|connection| Rows(connection).envelope(header))
        .map_err(outbox_error)?;
    match found {
        Some(Some(bytes)) => Ok(OutboxEnvelope(Source::Inside(Cursor::new(bytes)))),
        Some(None) => Ok(OutboxEnvelope(Source::Outside(File::open(
            folder(database).join(name(header)),
        )?))),
        None => Err(Error::with(
            ErrorKind::InvalidInput,
            "no such envelope is in the outbox",
        )),
    }
}

/// Removes the long envelopes of a message that awaits nothing any more.
pub(super) fn remove_settled(database: &Database, id: MessageId) -> Result<()> {
    let settled = move |database: &Database| {
        database.read(|connection| Rows(connection).outside(false, Some(id)))
    };
    if settled(database)?.is_empty() {
        return Ok(());
    }
    let database = database.clone();
    // In a transaction that writes, so that nobody puts the same envelope for somebody else between the look and the removal.
    database.clone().write(move |connection| {
        // Others' work in this transaction may still be undone: nobody must wait with it nor without it.
        let without = settled(&database)?;
        for header in Rows(connection).outside(false, Some(id))? {
            let path = folder(&database).join(name(&header));
            match without
                .contains(&header)
                .then(|| std::fs::remove_file(path))
            {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// Removes what nobody awaits: of settled messages, and what a crash left before its letter was recorded.
pub(super) fn clean(database: &Database) -> Result<()> {
    let mut left = match std::fs::read_dir(folder(database)) {
        Ok(files) => old_files(files)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let wanted = |database: &Database| database.read(|state| Rows(state).outside(true, None));
    without(&mut left, &wanted(database).map_err(outbox_error)?);
    if left.is_empty() {
        return Ok(());
    }
    let mut failed = None;
    // Few at a time: others wait for the transaction.
    for some in left.chunks(16) {
        let (mut some, reader) = (some.to_vec(), database.clone());
        // In a transaction that writes, as in `remove_settled`: nobody puts one of them between the look and the removal. What
        // others have just settled in this transaction may still be undone, so what is awaited without it stays, too.
        let removed = database.write(move |connection| {
            without(&mut some, &Rows(connection).outside(true, None)?);
            without(&mut some, &wanted(&reader)?);
            Ok(remove_old(&some))
        });
        // One that cannot be removed keeps no other, and undoes nobody's work.
        if let Err(error) = removed.map_err(outbox_error)? {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Removes those that are still there and old: one may have been put anew, and settled, since it was listed. The first failure
/// is told.
fn remove_old(files: &[PathBuf]) -> io::Result<()> {
    let remove = |path: &PathBuf| match is_old(path) {
        Ok(true) => std::fs::remove_file(path),
        other => other.map(drop),
    };
    files.iter().map(remove).fold(Ok(()), io::Result::and)
}

fn without(files: &mut Vec<PathBuf>, wanted: &[Digest]) {
    let names: HashSet<_> = wanted.iter().map(name).collect();
    let is_wanted = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| names.contains(name))
    };
    files.retain(|path| !is_wanted(path));
}

/// Those that can only be ours, and are not young.
fn old_files(files: std::fs::ReadDir) -> Result<Vec<PathBuf>> {
    let mut old = Vec::new();
    for file in files {
        let file = file?;
        if file.file_name().to_str().is_some_and(is_ours) && is_old(&file.path())? {
            old.push(file.path());
        }
    }
    Ok(old)
}

/// Whether it is a file that nobody wrote to of late. One that is gone is not.
fn is_old(path: &Path) -> io::Result<bool> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let age = SystemTime::now()
        .duration_since(found.modified()?)
        .unwrap_or_default();
    Ok(found.is_file() && age >= YOUNG)
}

fn name(header: &Digest) -> String {
    std::format!("{header}.bulla")
}

/// Whether a file of this name can only be ours.
fn is_ours(name: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let envelope = name.strip_suffix(".bulla");
    let part = name
        .strip_prefix(".bulla-")
        .and_then(|rest| rest.strip_suffix(".part"));
    envelope.is_some_and(|digest| digest.len() == 64 && hex(digest)) || part.is_some_and(hex)
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
}
