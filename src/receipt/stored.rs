//! The proof that content is on the disk: published, and read again from there.

use core::fmt;
use std::path::{Path, PathBuf};

use super::making::Making;
use super::partial::Partial;
use crate::envelope::lease::Lease;
use crate::envelope::outcome::Outcome;
use crate::envelope::verdict::Opened;
use crate::error::{ErrorKind, Result};

/// Proof that the content of a verified message is on the disk under its final name: written, synced with its folder, and
/// read again from there with the length and the digest that were verified. Only [`Store`](crate::Store) makes it.
///
/// Commit it with a receipt, as [`Receipter::stored`](crate::Receipter::stored) does, or [without](Self::commit). If it is
/// released or dropped, the file is removed again (unless it was there before, from an attempt that was cut off) and the
/// message may come again.
#[must_use]
pub struct Stored<'a> {
    // In this order: the file goes before the reservation does.
    pub(super) making: Making<'a>,
    pub(super) partial: Option<Partial<'a>>,
    pub(super) path: PathBuf,
    pub(super) lease: Lease<'a>,
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

impl fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
