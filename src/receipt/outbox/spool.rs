//! Where the envelopes of an outbox are kept until they are settled.

use core::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
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
        let mut file = Some(file);
        self.database
            .write(move |connection| {
                // It gets its name in the transaction, or it could be removed again before its row is there, by one who settles the
                // same envelope for somebody else. What was put before is replaced by the same.
                if let Some(file) = file.take() {
                    file.commit_as(&path)?;
                } else if !path.exists() {
                    // This is the second time, after the first failed or was undone; others may have come between.
                    return Err(Error::with(
                        ErrorKind::OutboxUnavailable,
                        "its envelope did not stay in the folder beside the file: put it again",
                    ));
                }
                Rows(connection).put(&letter, None, now)
            })
            .map_err(outbox_error)
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
    let waiting: Vec<_> = database
        .read(|connection| Rows(connection).outside(true, None))
        .map_err(outbox_error)?
        .iter()
        .map(name)
        .collect();
    let files = match std::fs::read_dir(folder(database)) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for file in files {
        let file = file?;
        let found = file.metadata()?;
        let age = SystemTime::now()
            .duration_since(found.modified()?)
            .unwrap_or_default();
        let file_name = file.file_name();
        let ours = file_name.to_str().is_some_and(is_ours);
        let wanted = waiting.iter().any(|name| file_name.to_str() == Some(name));
        if ours && found.is_file() && age >= YOUNG && !wanted {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

fn name(header: &Digest) -> std::string::String {
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

fn make_folder(path: &std::path::Path) -> io::Result<()> {
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
