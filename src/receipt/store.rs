//! Storing what comes, so that it is on the disk when that is said.

use core::fmt;
use core::ops::Deref;
use std::boxed::Box;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::file_name::Target;
use super::partial::Partials;
use super::pushed::StoreStream;
use super::receive::Incoming;
use super::stored::Stored;
use crate::crypto::digest::Digest;
use crate::disk::os::is_same;
use crate::disk::{Access, Disk, is_partial_name, is_temporary_name};
use crate::envelope::lease::Lease;
use crate::envelope::open::{OpenStream, Opener};
use crate::envelope::outcome::Again;
use crate::envelope::verdict::StampOnly;
use crate::error::{Error, ErrorKind, Result};

/// After how many seconds what was left behind may be removed.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// A host's word on whether there is room in a folder for so many bytes; `None` if the length is not known yet.
pub(super) type HasRoom<'a> = &'a (dyn Fn(&Path, Option<u64>) -> bool + Sync);

/// What came of an envelope that was given to a [`Store`].
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Received<'a> {
    /// It is on the disk: commit it, with a [receipt](crate::Receipter::stored) or [without](Stored::commit).
    Stored(Stored<'a>),
    /// It came before, and was dealt with: give the same receipt again.
    Again(Again),
    /// Its content is longer than this store accepts. Nothing is left of it. [Reject](crate::Receipter::rejected) it, which is
    /// final, or release it.
    TooLarge(Lease<'a, StampOnly>),
    /// There is no room for it. Nothing is left of it. Release it, and it may come again when there is; or
    /// [reject](crate::Receipter::rejected) it, which is final.
    NoRoom(Lease<'a, StampOnly>),
}

/// Why an envelope was not stored: an [`Error`], which it turns into by itself, and whether a copy came damaged.
pub struct NotStored {
    error: Error,
    damaged: Option<Box<StampOnly>>,
}

impl NotStored {
    pub(super) fn of(error: Error, stream: &OpenStream<'_>) -> Self {
        let damaged = match error.kind() {
            ErrorKind::NotAuthentic => stream.stamp_only().map(Box::new),
            _ => None,
        };
        Self { error, damaged }
    }

    /// If the stamp of what came was verified and judged, and what followed it was damaged, or cut off at the end of the input:
    /// what a note of [damage](crate::Receipter::damaged) to its author is made of. `None` for every other failure.
    #[must_use]
    pub fn damaged(&self) -> Option<&StampOnly> {
        self.damaged.as_deref()
    }
}

impl Deref for NotStored {
    type Target = Error;

    fn deref(&self) -> &Error {
        &self.error
    }
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self {
            error,
            damaged: None,
        }
    }
}

impl From<NotStored> for Error {
    fn from(not_stored: NotStored) -> Self {
        not_stored.error
    }
}

impl fmt::Debug for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl PartialEq<ErrorKind> for NotStored {
    fn eq(&self, other: &ErrorKind) -> bool {
        self.error == *other
    }
}

impl core::error::Error for NotStored {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}

/// Opens envelopes to files, and says `stored` only of what it has read again from the disk.
///
/// Content goes into a temporary file in the folder of its final name as it is verified chunk by chunk; when the whole is
/// verified and synced, the message is reserved in the replay guard; then the file gets its final name without writing over
/// another, the folder is synced, and the file is read again by that name and compared. At no instant is there half a file
/// under a final name. What fails after the file got its name removes it again.
///
/// A process may be killed between the final name and the commit. When the message then comes again, it is new once more, and
/// the file that is there already is taken for it if it is, byte for byte, this content: synced and read again as if it were
/// new. So the effect is exactly once, as long as the message comes to the same target.
///
/// The folder must be on a file system with locks (`flock`) and with `linkat` or `renameat2`; several processes may store to
/// it at once.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # use bulla::{Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
/// use bulla::{OsDisk, Reason, Receipter, Received, Store, Target};
/// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
/// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
/// # let guard = MemoryGuard::new(1000);
/// # let folder = std::env::temp_dir().join(format!("bulla-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let store = Store::new(Opener::new(&bob, &policy, Replay::Guarded(&guard)), 60, &OsDisk).max_content(1 << 30);
/// let receipter = Receipter::new(&bob);
/// let receipt = match store.store(envelope.as_slice(), Target::Path(&folder.join("hello.txt")))? {
///     Received::Stored(stored) => receipter.stored(stored)?.into_receipt(),
///     Received::Again(again) => again.into_receipt(),
///     Received::TooLarge(lease) => {
///         let reason = Reason::new(Reason::TOO_LARGE, "at most 1 GiB")?;
///         receipter.rejected(lease, reason)?.into_receipt()
///     }
///     Received::NoRoom(lease) => lease.release().map(|()| None)?, // it may come again
///     _ => None,
/// };
/// // Send the receipt, if there is one: Alice did not ask for any here.
/// assert_eq!(receipt, None);
/// assert_eq!(std::fs::read(folder.join("hello.txt"))?, b"hello");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }
/// ```
pub struct Store<'a> {
    pub(super) opener: Opener<'a>,
    pub(super) lease: u64,
    pub(super) disk: &'a dyn Disk,
    pub(super) max_content: u64,
    pub(super) has_room: Option<HasRoom<'a>>,
    pub(super) partials: Option<Partials>,
}

impl<'a> Store<'a> {
    /// Stores what this opener, which must have a replay guard, accepts. A message is reserved for `lease` seconds at a time,
    /// and again as long as reading it again takes; it must be enough for a sync of the disk.
    #[must_use]
    pub const fn new(opener: Opener<'a>, lease: u64, disk: &'a dyn Disk) -> Self {
        Self {
            opener,
            lease,
            disk,
            max_content: u64::MAX,
            has_room: None,
            partials: None,
        }
    }

    /// Accepts content of at most so many bytes: longer ones are [`Received::TooLarge`], by the length that was signed. Where
    /// none was signed up front, nothing is written any more once too much has come, and the end is waited for: before all
    /// of it is verified a co-recipient may have added what is too much.
    #[must_use]
    pub const fn max_content(mut self, bytes: u64) -> Self {
        self.max_content = bytes;
        self
    }

    /// Asks before anything is written whether there is room in the folder for so many bytes (`None`: not known yet); if
    /// not, it is [`Received::NoRoom`], as when the disk says so itself.
    #[must_use]
    pub const fn has_room(
        mut self,
        answer: &'a (dyn Fn(&Path, Option<u64>) -> bool + Sync),
    ) -> Self {
        self.has_room = Some(answer);
        self
    }

    /// Keeps what has come of an envelope whose stamp was judged, as it comes, so that it can be
    /// [completed](Self::resume) if the rest does not. It costs writing every byte twice.
    #[must_use]
    pub fn resumable(mut self, partials: Partials) -> Self {
        self.partials = Some(partials);
        self
    }

    /// Reads a whole envelope and stores its content.
    ///
    /// # Errors
    ///
    /// As [`Opener::open_leased`]; [`ErrorKind::Pending`] also if another process works on a file of that name;
    /// [`ErrorKind::Io`], also if there is another file of that name, or if what was read again is not what was written.
    /// Then nothing is left but what is [kept](Self::resumable) of the envelope, and the message may come again.
    /// If a copy came damaged, [`NotStored::damaged`] says so.
    pub fn store(
        &self,
        mut input: impl Read,
        target: Target<'_>,
    ) -> Result<Received<'a>, NotStored> {
        let mut incoming = Incoming::new(self, target)?;
        let taken = incoming.take_all(&mut input);
        incoming.conclude(taken)
    }

    /// From which byte of an envelope on it is to be sent, to be [completed](Self::resume): how much is held of the one with
    /// this header (as [`Sent`](crate::Sent) gives it), in bytes without an armor. 0 if nothing is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]; [`ErrorKind::InvalidInput`] if this store [keeps](Self::resumable) nothing.
    pub fn held(&self, header_digest: &Digest) -> Result<u64> {
        self.partials()?.held(self.disk, header_digest)
    }

    /// Completes an envelope: `rest` is what follows the bytes that are [held](Self::held). What is held is verified once
    /// more, with the stamp judged by the time it is now.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store); [`ErrorKind::InvalidInput`] if nothing is held, or this store [keeps](Self::resumable)
    /// nothing; [`ErrorKind::NotAuthentic`] also if what was held is not what came, and then it is removed.
    pub fn resume(
        &self,
        header_digest: &Digest,
        mut rest: impl Read,
        target: Target<'_>,
    ) -> Result<Received<'a>, NotStored> {
        let mut incoming = Incoming::new(self, target)?;
        let partial = self.partials()?.resume(self.disk, header_digest)?;
        let taken = incoming.take_held(partial, header_digest);
        let taken = taken.and_then(|()| incoming.take_all(&mut rest));
        incoming.conclude(taken)
    }

    /// As [`store`](Self::store), for an envelope that is pushed in pieces.
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Draft, Identity, MemoryGuard, Opener, OsDisk, OsEntropy, Policy, Received, Replay, Sealer, Senders, Store, Target};
    /// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
    /// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
    /// # let guard = MemoryGuard::new(1000);
    /// # let folder = std::env::temp_dir().join(format!("bulla-doc-push-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let store = Store::new(Opener::new(&bob, &policy, Replay::Guarded(&guard)), 60, &OsDisk);
    /// let mut stream = store.stream(Target::ById(&folder))?;
    /// for piece in envelope.chunks(100) {
    ///     if !stream.update(piece) {
    ///         break; // it is decided already
    ///     }
    /// }
    /// assert!(matches!(stream.finish()?, Received::Stored(_)));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if the target is none, or the opener has no guard.
    pub fn stream<'s>(&'s self, target: Target<'s>) -> Result<StoreStream<'s, 'a>> {
        Ok(StoreStream::new(Incoming::new(self, target)?, Ok(())))
    }

    /// As [`resume`](Self::resume), for the rest of an envelope that is pushed in pieces.
    ///
    /// # Errors
    ///
    /// As [`stream`](Self::stream); [`ErrorKind::InvalidInput`] if nothing is held, or this store
    /// [keeps](Self::resumable) nothing. That what was held is not what came is told at the end.
    pub fn resume_stream<'s>(
        &'s self,
        header_digest: &Digest,
        target: Target<'s>,
    ) -> Result<StoreStream<'s, 'a>> {
        let mut incoming = Incoming::new(self, target)?;
        let partial = self.partials()?.resume(self.disk, header_digest)?;
        let taken = incoming.take_held(partial, header_digest);
        Ok(StoreStream::new(incoming, taken))
    }

    /// Removes what was left behind in a folder by processes that were killed more than a day ago: regular files with exactly
    /// the names that this crate gives to files that are not whole, on which nobody works. Says how many.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the folder cannot be read. A file that cannot be removed stays.
    pub fn clean(&self, folder: &Path) -> Result<usize> {
        let mut removed = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let ours = entry
                .file_name()
                .to_str()
                .is_some_and(|name| is_temporary_name(name) || is_partial_name(name));
            if ours && self.clean_file(&entry.path()).unwrap_or(false) {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn clean_file(&self, path: &Path) -> io::Result<bool> {
        if !path.symlink_metadata()?.is_file() {
            return Ok(false);
        }
        let file = self.disk.open(path, Access::Write)?;
        let changed = file.metadata()?.modified()?;
        let old = SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > LEFT_BEHIND);
        if !old || !self.disk.lock(&file)? || !is_same(&file, path)? {
            return Ok(false);
        }
        self.disk.remove(path).map(|()| true)
    }

    fn partials(&self) -> Result<&Partials> {
        self.partials.as_ref().ok_or(Error::with(
            ErrorKind::InvalidInput,
            "this store keeps nothing of envelopes that did not come whole: name a folder for that",
        ))
    }
}

impl fmt::Debug for Store<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("opener", &self.opener)
            .field("lease", &self.lease)
            .field("max_content", &self.max_content)
            .finish_non_exhaustive()
    }
}
