//! Storing what comes, so that it is on the disk when that is said.

use core::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::file_name::Target;
use super::partial::Partials;
use super::pushed::StoreStream;
use super::receive::Incoming;
use super::received::{NotStored, Received};
use super::status::Reason;
use crate::crypto::digest::Digest;
use crate::disk::os::is_same;
use crate::disk::{Access, Disk, is_partial_name, is_temporary_name};
use crate::envelope::open::Opener;
use crate::envelope::stamp::Stamp;
use crate::error::{Error, ErrorKind, Result};

/// After how many seconds what was left behind may be removed.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// A host's word on whether there is room in a folder for so many bytes; `None` if the length is not known yet.
pub(super) type HasRoom<'a> = &'a (dyn Fn(&Path, Option<u64>) -> bool + Sync);

/// A host's word on a message whose stamp was judged.
pub(super) type Judge<'a> = &'a (dyn Fn(&Stamp) -> Ruling + Sync);

/// What a host's own [rules](Store::judge) say of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is accepted.
    Accept,
    /// It is not, for this reason, which is final: [`Received::Refused`].
    Refuse(Reason),
    /// It cannot be told now: a database does not answer, there is no memory. Nothing is reserved and nothing written,
    /// [`ErrorKind::Undecided`] comes out, and the message may come again.
    Later,
}

impl From<Option<Reason>> for Ruling {
    /// Why it is not accepted, if it is not.
    fn from(reason: Option<Reason>) -> Self {
        reason.map_or(Self::Accept, Self::Refuse)
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
/// new, and nothing is written for it a second time: a disk without room for another copy does not matter. (It is compared as the
/// content comes. If it turns out to be another file, the content is written beside it, and the host may
/// [choose another name](StoreStream::retarget).) So the effect is
/// exactly once, as long as the message comes to the same target.
///
/// For a copy of what was committed nothing is written either, if the [guard can tell](crate::ReplayGuard::look). Where the
/// stamp has the digest of the content the answer is given by the stamp alone, and the rest of the copy is not read; else once
/// all of it is verified.
///
/// The folder is to be written by its owner alone: of a file that is found there, neither its owner nor its other names are
/// looked at. It must be on a file system with locks (`flock`) and with `linkat` or `renameat2`; several processes may store to
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
    pub(super) judge: Option<Judge<'a>>,
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
            judge: None,
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

    /// Asks the host's own rules about every message that is new, once its stamp is verified and judged and before anything of
    /// it is written: a reason makes it [`Received::Refused`], which is final; rules that cannot tell now say so
    /// ([`Ruling::Later`]). The stamp is all that is known by then.
    ///
    /// What is to be decided on the content (a scan for viruses) is decided after it is stored, and before it is committed:
    /// [`Stored::into_lease`](crate::Stored::into_lease).
    ///
    /// Rest them on what another sealing of the same message cannot change: signer, attributes, sequence, length and digest; not on
    /// its times or on which receipts it asks for, for a rejection holds for all sealings; nor on what the folder holds, where this
    /// very message may be, from an attempt that was cut off. They are asked of a message as often as
    /// it is new, so also after an attempt that was cut off: if they have become stricter since, it is rejected, and a file that
    /// the attempt left under its final name stays.
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
    /// use bulla::{OsDisk, Reason, Receipter, Received, Ruling, Stamp, Store, Target};
    /// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
    /// # let guard = MemoryGuard::new(1000);
    /// # let folder = std::env::temp_dir();
    /// let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
    /// let unnamed = Reason::new(Reason::POLICY, "send files with a name")?;
    /// let judge = |stamp: &Stamp| match stamp.attribute("name") {
    ///     Some(_) => Ruling::Accept,
    ///     None => Ruling::Refuse(unnamed.clone()),
    /// };
    /// let store = Store::new(Opener::new(&bob, &policy, Replay::Guarded(&guard)), 60, &OsDisk).judge(&judge);
    /// match store.store(envelope.as_slice(), Target::ById(&folder))? {
    ///     Received::Refused(lease, reason) => drop(Receipter::new(&bob).rejected(lease, reason)?),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn judge(mut self, rules: &'a (dyn Fn(&Stamp) -> Ruling + Sync)) -> Self {
        self.judge = Some(rules);
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
    /// [`ErrorKind::NameTaken`] if there is another file of that name ([`stream`](Self::stream) lets the host choose another one);
    /// [`ErrorKind::Undecided`] if the host's [rules](Self::judge) say so; [`ErrorKind::Io`], also if what was read again is not
    /// what was written. Then nothing is left but what is [kept](Self::resumable) of the envelope, and the message may come again.
    /// If a copy came damaged, [`NotStored::damaged`] says so.
    pub fn store(
        &self,
        mut input: impl Read,
        target: Target<'_>,
    ) -> Result<Received<'a>, NotStored> {
        let mut incoming = Incoming::new(self, target)?;
        let taken = incoming.take_all(&mut input);
        incoming.conclude(taken)?.or_taken()
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
        incoming.conclude(taken)?.or_taken()
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
        let incoming = Incoming::new(self, target)?;
        Ok(StoreStream::new(self, incoming, Ok(())))
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
        Ok(StoreStream::new(self, incoming, taken))
    }

    /// Removes what was left behind in a folder by processes that were killed more than a day ago: regular files with exactly
    /// the names that this crate gives to files that are not whole, on which nobody works. Says how many.
    ///
    /// Where the file system knows no files without a name, a process that is killed leaves what it had written of the
    /// *content* under such a name. So every host that stores should call this now and then. What is
    /// [kept](Self::resumable) of envelopes is removed only by a store that keeps such: another one knows nothing of who may
    /// still complete them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the folder cannot be read. A file that cannot be removed stays.
    pub fn clean(&self, folder: &Path) -> Result<usize> {
        let mut removed = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let ours = entry.file_name().to_str().is_some_and(|name| {
                is_temporary_name(name) || (self.partials.is_some() && is_partial_name(name))
            });
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
