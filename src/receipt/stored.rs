//! The proof that content is on the disk: published, and read again from there.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::making::{Making, Stop, another, read_some};
use super::partial::Partial;
use super::store::{NotStored, Received};
use crate::crypto::digest::Hasher;
use crate::crypto::secret::Wiped;
use crate::disk::os::is_same_file;
use crate::disk::{Access, folder_of};
use crate::envelope::lease::Lease;
use crate::envelope::outcome::Outcome;
use crate::envelope::verdict::{Opened, Verified};
use crate::error::{ErrorKind, Result};

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
    /// Publishes a file that is written and synced, and whose message is reserved.
    pub(super) fn publish(
        making: Making<'a>,
        partial: Option<Partial<'a>>,
        path: PathBuf,
        lease: Lease<'a>,
        seconds: u64,
    ) -> Result<Received<'a>, NotStored> {
        match settle_on_disk(making, &path, &lease, seconds) {
            Ok(making) => Ok(Received::Stored(Self {
                making,
                partial,
                path,
                lease,
            })),
            Err(stop) => {
                Partial::after(partial, &stop, true);
                match stop {
                    Stop::Failed(error) => Err(error.into()),
                    Stop::TooLarge => Ok(Received::TooLarge(lease.into_stamp_only())),
                    Stop::NoRoom => Ok(Received::NoRoom(lease.into_stamp_only())),
                }
            }
        }
    }

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
    /// count, and the file is removed again. Any other, such as [`ErrorKind::GuardUnavailable`]: it is not known whether it
    /// counts, so the file stays; when the message comes again, that will show.
    pub fn commit(self, answer: &[u8]) -> Result<Opened> {
        let Self {
            mut making,
            partial,
            lease,
            ..
        } = self;
        let committed = lease.commit(Outcome::Stored, answer);
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

    /// Removes the file again and keeps the reservation, in order to [reject](crate::Receipter::rejected) the message.
    pub fn into_lease(self) -> Lease<'a> {
        let Self { making, lease, .. } = self;
        drop(making);
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

impl fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Publishes, syncs the folder, and reads again. On failure what was published is removed.
fn settle_on_disk<'a>(
    mut making: Making<'a>,
    path: &Path,
    lease: &Lease<'_>,
    seconds: u64,
) -> Result<Making<'a>, Stop> {
    let mut renewal = Renewal {
        lease,
        seconds,
        last: Instant::now(),
    };
    let verified: &Verified = lease.proof();
    let found = !making.publish(path)?;
    if found {
        // An attempt may have ended between here and its commit. What it left counts if it is this very content, now on the
        // disk: nobody can tell the difference.
        making = Making::found(making.disk(), path)?;
        if making.file().metadata()?.len() != verified.content_length() {
            return Err(another().into());
        }
        making.sync()?;
    }
    making.disk().sync_folder(folder_of(path))?;
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

impl Renewal<'_, '_> {
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
