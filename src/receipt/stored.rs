//! The proof that content is on the disk: published, and read again from there.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::making::{Making, Stop, another, came_meanwhile, is_taken, read_some};
use super::partial::Partial;
use super::received::{NotStored, Received};
use crate::crypto::digest::Hasher;
use crate::crypto::secret::Wiped;
use crate::disk::os::is_same_file;
use crate::disk::{Access, Disk, folder_of};
use crate::envelope::lease::Lease;
use crate::envelope::outcome::Outcome;
use crate::envelope::verdict::{Opened, Verified};
use crate::error::{Error, ErrorKind, Result};

/// Bytes read again at once.
const BUFFER: usize = 256 * 1024;

/// Proof that the content of a verified message is on the disk under its final name: written, synced with its folder, and
/// read again from there with the length and the digest that were verified. Only [`Store`](crate::Store) makes it.
///
/// Commit it with a receipt, as [`Receipter::stored`](crate::Receipter::stored) does, or [without](Self::commit). If it is
/// released or dropped, the file is removed again (unless it was there before, from an attempt that was cut off) and the
/// message may come again.
#[must_use]
pub struct Stored<'a> {
    // In this order: the file goes before the reservation does.
    making: Making<'a>,
    partial: Option<Partial<'a>>,
    path: PathBuf,
    lease: Lease<'a>,
}

impl<'a> Stored<'a> {
    /// What was verified: author, stamp, length and digest of what is stored.
    #[must_use]
    pub const fn proof(&self) -> &Opened {
        self.lease.proof()
    }

    /// The final name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file was there before this message came, whole. Under [`Target::ById`](crate::Target::ById) it is this message's
    /// own, from an attempt that was cut off (or from before the guard forgot it), for nothing else has its name; under another
    /// target it may as well be another message's, with the same content.
    #[must_use]
    pub const fn was_there(&self) -> bool {
        self.making.is_found()
    }

    /// Holds the reservation for `seconds` from now on.
    ///
    /// # Errors
    ///
    /// As [`Lease::renew`].
    pub fn renew(&self, seconds: u64) -> Result<()> {
        self.lease.renew(seconds)
    }

    /// Makes it final, as [stored](Outcome::Stored), with an answer of the host's own (at most
    /// [`MAX_STORED_RECEIPT`](crate::MAX_STORED_RECEIPT) bytes, which may be none) that copies will get. Answer only after this
    /// has succeeded. With a receipt, [`Receipter::stored`](crate::Receipter::stored) does it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`], [`ErrorKind::Superseded`], [`ErrorKind::Gap`], [`ErrorKind::InvalidInput`]: it does not
    /// count, and the file is removed again, unless it was there before, from an attempt that was cut off: that one stays
    /// under its name, although the message does not count as stored (`Superseded`: a newer one was). Any other, such as [`ErrorKind::GuardUnavailable`]: it is not known whether it
    /// counts, so the file stays; when the message comes again, that will show.
    pub fn commit(self, answer: &[u8]) -> Result<Opened> {
        self.end(|lease| lease.answered(Outcome::Stored, answer))
    }

    /// Makes it final, as [stored](Outcome::Stored), for a host that gives no receipts: neither the author nor who sends a copy
    /// will get one, also where the author asked for it. He will send the message again until he gives it up.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn commit_unanswered(self) -> Result<Opened> {
        self.end(|lease| lease.end(Outcome::Stored, b""))
    }

    fn end(self, commit: impl FnOnce(Lease<'a>) -> Result<Opened>) -> Result<Opened> {
        let Self {
            mut making,
            partial,
            lease,
            ..
        } = self;
        let committed = commit(lease);
        match &committed {
            Ok(_) => {
                making.keep();
                Partial::done(partial);
            }
            Err(error) => {
                let kind = error.kind();
                let void = [
                    ErrorKind::LeaseLost,
                    ErrorKind::Superseded,
                    ErrorKind::Gap,
                    ErrorKind::GuardFull,
                    ErrorKind::InvalidInput,
                ];
                if !void.contains(&kind) {
                    making.keep();
                }
                if matches!(kind, ErrorKind::Superseded | ErrorKind::Gap) {
                    Partial::done(partial);
                }
            }
        }
        committed
    }

    /// Removes the file again and keeps the reservation, in order to [reject](crate::Receipter::rejected) the message for what
    /// its content is, after a scan for viruses for example. What a [resumable](crate::Store::resumable) store keeps of it goes
    /// too.
    ///
    /// A file that [was there before](Self::was_there) stays. Where it can only be this message's own, as under
    /// [`Target::ById`](crate::Target::ById), and the content is not to lie there, remove it by its [path](Self::path) *before*
    /// this: until then the name is held for it. Under another target it may be another message's: the host decides.
    ///
    /// ```
    /// # use bulla::{Reason, Receipter, Rejection, Result, Stored};
    /// /// What was stored with `Target::ById`.
    /// fn take(receipter: &Receipter<'_>, stored: Stored<'_>, clean: bool) -> Result<Option<Vec<u8>>> {
    ///     if clean {
    ///         return Ok(receipter.stored(stored)?.into_receipt());
    ///     }
    ///     if stored.was_there() {
    ///         std::fs::remove_file(stored.path())?;
    ///     }
    ///     let lease = stored.into_lease();
    ///     let reason = Reason::new(Reason::POLICY, "a virus was found in it")?;
    ///     Ok(receipter.rejected(lease, reason)?.into_receipt())
    /// }
    /// ```
    pub fn into_lease(self) -> Lease<'a> {
        let Self {
            making,
            partial,
            lease,
            ..
        } = self;
        drop(making);
        Partial::done(partial);
        lease
    }

    /// Gives it up: the file is removed again, and the message may come again.
    ///
    /// # Errors
    ///
    /// As [`Lease::release`]; the file is removed all the same, as well as that can be done.
    pub fn release(self) -> Result<()> {
        let Self { making, lease, .. } = self;
        drop(making);
        lease.release()
    }
}

/// How content gets its final name.
pub(super) struct Publishing<'a> {
    pub(super) disk: &'a dyn Disk,
    /// For how long a message is reserved at a time.
    pub(super) seconds: u64,
    pub(super) path: PathBuf,
}

impl<'a> Publishing<'a> {
    /// Publishes a file that is written and synced, and whose message is reserved. Without one it must be there already.
    pub(super) fn publish(
        self,
        making: Option<Making<'a>>,
        partial: Option<Partial<'a>>,
        lease: Lease<'a>,
    ) -> Result<Received<'a>, NotStored> {
        let stop = match self.settle_on_disk(making, &lease) {
            Ok(making) => {
                return Ok(Received::Stored(Stored {
                    making,
                    partial,
                    path: self.path,
                    lease,
                }));
            }
            Err(stop) => stop,
        };
        let length = lease.proof().content_length();
        let stop = match stop {
            Stop::NoRoom if is_taken(&self.path, Some(length)) => Stop::Failed(came_meanwhile()),
            stop => stop,
        };
        Partial::after(partial, &stop, true);
        match stop {
            Stop::Failed(error) => Err(error.into()),
            Stop::NoRoom => Ok(Received::NoRoom(lease.into_stamp_only())),
            // What these rest on was judged before all of it had come.
            Stop::TooLarge | Stop::Refused(_) | Stop::Again(_) => {
                Err(Error::from(ErrorKind::WrongOrder).into())
            }
        }
    }

    /// Publishes, syncs the folder, and reads again. On failure what was published is removed.
    fn settle_on_disk(
        &self,
        making: Option<Making<'a>>,
        lease: &Lease<'_>,
    ) -> Result<Making<'a>, Stop> {
        let (path, mut renewal) = (&self.path, Renewal::new(lease, self.seconds));
        let verified: &Verified = lease.proof();
        let (making, found) = match publish(making, path)? {
            Some(making) => (making, false),
            None => (self.find(verified)?, true),
        };
        self.disk.sync_folder(folder_of(path))?;
        renewal.renew()?;
        if read_again(&making, path, verified, &mut renewal)? {
            // Whoever took the message over meanwhile decides what becomes of it.
            renewal.renew()?;
            Ok(making)
        } else if found {
            Err(another().into())
        } else {
            Err(changed().into())
        }
    }

    /// An attempt may have ended between the final name and its commit. What it left counts if it is this very content, now on
    /// the disk: nobody can tell the difference.
    ///
    /// A sync of that attempt may have failed, and ours succeed because the system does not try again what it could not write
    /// once. That deceives nobody: the content is read again from the disk, where what was lost is missing. As for the name, an
    /// attempt that saw the failure removes the file; and a file system with a journal takes nothing more once it could not
    /// write a folder.
    fn find(&self, verified: &Verified) -> Result<Making<'a>, Stop> {
        let making = Making::found(self.disk, &self.path)?;
        if making.file().metadata()?.len() != verified.content_length() {
            return Err(another().into());
        }
        making.sync()?;
        Ok(making)
    }
}

/// Gives a file its final name; `None` if there is none, or if another file has that name.
fn publish<'a>(making: Option<Making<'a>>, path: &Path) -> Result<Option<Making<'a>>, Stop> {
    match making {
        None => Ok(None),
        Some(mut making) => Ok(making.publish(path)?.then_some(making)),
    }
}

impl fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Reads the file from the disk by its final name, and says whether it is what was verified.
fn read_again(
    making: &Making<'_>,
    path: &Path,
    verified: &Verified,
    renewal: &mut Renewal<'_, '_>,
) -> Result<bool, Stop> {
    let disk = making.disk();
    let file = disk.open(path, Access::Read)?;
    if !is_same_file(&file, making.file())? {
        return Err(replaced().into());
    }
    disk.drop_cache(&file)?;
    let mut hasher = Hasher::new();
    let mut buffer = Wiped::new(std::vec![0; BUFFER]);
    let mut length = 0;
    loop {
        let read = read_some(disk, &file, &mut buffer)?;
        length += read as u64;
        if read == 0 || length > verified.content_length() {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        renewal.if_due()?;
    }
    Ok(length == verified.content_length() && hasher.finish() == verified.content_digest())
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "what was read again from the disk is not what was written: do not rely on this disk",
    )
}

fn replaced() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "another file took the name of the one that was stored: let nothing else write to this folder",
    )
}

/// Keeps a reservation alive while the disk takes its time.
struct Renewal<'l, 'a> {
    lease: &'l Lease<'a>,
    seconds: u64,
    last: Instant,
}

impl<'l, 'a> Renewal<'l, 'a> {
    fn new(lease: &'l Lease<'a>, seconds: u64) -> Self {
        Self {
            lease,
            seconds,
            last: Instant::now(),
        }
    }

    fn renew(&mut self) -> Result<()> {
        self.last = Instant::now();
        self.lease.renew(self.seconds)
    }

    fn if_due(&mut self) -> Result<()> {
        if self.last.elapsed() < Duration::from_secs(self.seconds) / 3 {
            return Ok(());
        }
        self.renew()
    }
}
