//! Messages that are reserved, until their effect is durable.

use core::any::Any;
use std::boxed::Box;

use super::answer::{bulla_answer, outcome};
use super::handle::{Kept, Once, Out, free, shared};
use super::input::bytes;
use super::stamp::bulla_stamp;
use super::status::{BULLA_AGAIN, BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::bulla_view;
use crate::{
    Again, Delivery, Error, ErrorKind, Lease, Opened, Outcome, Reason, Result, StampOnly, Stored,
};

/// A message that was opened, and waits for its effect.
pub const BULLA_LEASE_MESSAGE: u32 = 1;
/// A message whose content is on the disk.
pub const BULLA_LEASE_STORED: u32 = 2;
/// A message that can only be refused.
pub const BULLA_LEASE_REFUSED: u32 = 3;

/// A message that is reserved in the replay guard, for so many seconds.
///
/// Make its effect durable, then commit it: with a receipt (bulla_receipter_accept()) or without
/// (bulla_lease_commit()). Or release it, and it may come again. Freed before that, it is released; if the process dies it falls
/// free when its time is over. A receipt leaves only after a commit: there is no other way to get one.
pub struct bulla_lease {
    pub(super) reserved: Once<Kept<Reserved, dyn Any + Send + Sync>>,
}

/// What is reserved.
pub(super) enum Reserved {
    Message(Lease<'static, Opened>),
    Stored(Box<Stored<'static>>),
    Refused(Lease<'static, StampOnly>, Option<Reason>),
}

impl Reserved {
    fn stamp(&self) -> &crate::Stamp {
        match self {
            Self::Message(lease) => lease.proof().stamp(),
            Self::Stored(stored) => stored.proof().stamp(),
            Self::Refused(lease, _) => lease.proof().stamp(),
        }
    }

    /// Why the host's own rules refused it, if they did.
    pub(super) const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Refused(_, reason) => reason.as_ref(),
            _ => None,
        }
    }

    /// Commits as delivered or stored, without an answer, also if one was asked for.
    fn accept_unanswered(self) -> Result<(Outcome, Opened)> {
        match self {
            Self::Message(lease) => Ok((Outcome::Delivered, lease.deliver_unanswered()?)),
            Self::Stored(stored) => Ok((Outcome::Stored, stored.commit_unanswered()?)),
            Self::Refused(..) => Err(Error::with(
                ErrorKind::WrongOrder,
                "this message can only be refused: nothing of its content was verified",
            )),
        }
    }

    /// Commits with an answer of the host's own.
    fn commit(self, outcome: Outcome, answer: &[u8]) -> Result<Option<Opened>> {
        match (self, outcome) {
            (Self::Message(lease), outcome) => lease.commit(outcome, answer).map(Some),
            (Self::Stored(stored), Outcome::Stored) => stored.commit(answer).map(Some),
            (Self::Refused(lease, _), Outcome::Rejected) => lease.reject(answer).map(|_| None),
            (Self::Stored(_) | Self::Refused(..), _) => Err(Error::with(
                ErrorKind::InvalidInput,
                "what is stored can only be committed as stored, what is to be refused only as rejected",
            )),
        }
    }
}

/// Where a delivery goes: one of the two places is written.
pub(super) struct Places {
    lease: Out<*mut bulla_lease>,
    again: Out<*mut bulla_answer>,
}

impl Places {
    pub(super) fn new(lease: *mut *mut bulla_lease, again: *mut *mut bulla_answer) -> Result<Self> {
        Ok(Self {
            lease: Out::new(lease, "lease is NULL")?,
            again: Out::new(again, "again is NULL")?,
        })
    }

    pub(super) fn put<O: Send + Sync + 'static>(self, landed: Landed<O>) -> bulla_status {
        match landed {
            Landed::New(reserved) => {
                let reserved = Once::new(reserved.erase());
                self.lease.give(bulla_lease { reserved });
                BULLA_OK
            }
            Landed::Again(again) => {
                self.again.give(bulla_answer::again(again));
                BULLA_AGAIN
            }
        }
    }
}

/// A reservation with what it borrows from, or what was dealt with before.
// There is one for a call, never many.
#[allow(clippy::large_enum_variant)]
pub(super) enum Landed<O> {
    New(Kept<Reserved, O>),
    Again(Again),
}

/// Tells what is new, which borrows from its owner, from what was dealt with before.
pub(super) fn land<T, O: 'static>(
    delivery: Kept<Delivery<T>, O>,
    reserve: impl FnOnce(T) -> Result<Reserved>,
) -> Result<Landed<O>> {
    let mut again = None;
    let landed = delivery.try_map(|delivery| match delivery {
        Delivery::New(new) => reserve(new).map(Some),
        Delivery::Again(it) => {
            again = Some(it);
            Ok(None)
        }
    })?;
    match (landed.transpose(), again) {
        (Some(reserved), _) => Ok(Landed::New(reserved)),
        (None, Some(again)) => Ok(Landed::Again(again)),
        (None, None) => Err(ErrorKind::WrongOrder.into()),
    }
}

/// What a lease is of: BULLA_LEASE_MESSAGE, BULLA_LEASE_STORED or BULLA_LEASE_REFUSED.
///
/// @param lease The lease.
/// @return The number; 0 for NULL, and for a lease that has ended.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_kind(lease: *const bulla_lease) -> u32 {
    plain(0, || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "") }.ok()?;
        let kind = lease.reserved.with_ref(|reserved| {
            Ok(match **reserved {
                Reserved::Message(_) => BULLA_LEASE_MESSAGE,
                Reserved::Stored(_) => BULLA_LEASE_STORED,
                Reserved::Refused(..) => BULLA_LEASE_REFUSED,
            })
        });
        kind.ok()
    })
}

/// What the sender signed.
///
/// @param lease The lease.
/// @return The stamp, which lives until the lease ends or is freed, and is not freed; NULL for NULL, and for a lease that has
///         ended.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_stamp(lease: *const bulla_lease) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "") }.ok()?;
        lease
            .reserved
            .with_ref(|reserved| Ok(bulla_stamp::of(reserved.stamp())))
            .ok()
    })
}

/// The final name of the file in which the content is stored.
///
/// @param lease A lease of what is stored.
/// @return The path, not closed with NUL, which lives until the lease ends or is freed; nothing for other leases.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_path(lease: *const bulla_lease) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "") }.ok()?;
        let path = lease.reserved.with_ref(|reserved| {
            Ok(match &**reserved {
                Reserved::Stored(stored) => {
                    bulla_view::of(stored.path().as_os_str().as_encoded_bytes())
                }
                _ => bulla_view::NOTHING,
            })
        });
        path.ok()
    })
}

/// Whether the file in which the content is stored was there before this message came, whole: from an attempt of its own that was
/// cut off or, unless it is stored by its id, perhaps another message's with the same content. It stays if the message is rejected.
///
/// @param lease A lease of what is stored.
/// @return 1 or 0; 0 for other leases.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_was_there(lease: *const bulla_lease) -> u8 {
    plain(0, || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "") }.ok()?;
        let was_there = lease.reserved.with_ref(|reserved| {
            Ok(matches!(&**reserved, Reserved::Stored(stored) if stored.was_there()))
        });
        was_there.ok().map(u8::from)
    })
}

/// Holds a lease for longer.
///
/// @param lease The lease.
/// @param seconds For how long, from now on.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_LEASE_LOST: stop, somebody else has it now; BULLA_GUARD_UNAVAILABLE; BULLA_CLOCK_FAILED;
///         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER if it has ended.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_renew(
    lease: *mut bulla_lease,
    seconds: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "lease is NULL") }?;
        lease.reserved.with_ref(|reserved| match &**reserved {
            Reserved::Message(lease) => lease.renew(seconds),
            Reserved::Stored(stored) => stored.renew(seconds),
            Reserved::Refused(lease, _) => lease.renew(seconds),
        })?;
        Ok(BULLA_OK)
    })
}

/// Ends a lease for good, with an answer of the host's own: copies will get this outcome and this answer. Answer only after this
/// has succeeded. Receipts are made and committed in one step by bulla_receipter_accept().
///
/// @param lease The lease; it can then only be freed, whatever comes of this.
/// @param number What became of the message: one of BULLA_OUTCOME_..., or a number of the host's own from 128 to 255. What is stored
///        can only be BULLA_OUTCOME_STORED, and nothing else can; what is to be refused only BULLA_OUTCOME_REJECTED.
/// @param answer The answer; may be NULL if `length` is 0, which is BULLA_INVALID_INPUT where the sender asked for a receipt of
///        this (for hosts that give none there is bulla_lease_accept_unanswered()).
/// @param length Its length in bytes, at most 4095.
/// @param answered Receives the same, with what is known of the message; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK. BULLA_LEASE_LOST, BULLA_SUPERSEDED, BULLA_GAP, BULLA_GUARD_FULL, BULLA_INVALID_INPUT: it does not count; undo
///         the effect (a stored file is removed, unless it was there before). BULLA_GUARD_UNAVAILABLE: it is not known whether it counts; when the message comes again,
///         that will show. BULLA_WRONG_ORDER if it has ended before.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_commit(
    lease: *mut bulla_lease,
    number: u32,
    answer: *const u8,
    length: usize,
    answered: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(answered, "answered is NULL")?;
        // SAFETY: as the contract says.
        let (lease, answer) = unsafe {
            (
                shared(lease, "lease is NULL")?,
                bytes(answer, length, "answer is NULL")?,
            )
        };
        let outcome = outcome(number)?;
        // Copied before: it may lie in the lease, as its path does. One byte more than there may be is enough to be refused.
        let most = crate::MAX_STORED_RECEIPT + 1;
        let answer = answer.get(..answer.len().min(most)).unwrap_or_default();
        let answer = answer.to_vec();
        let opened = lease
            .reserved
            .take()?
            .end(|reserved| reserved.commit(outcome, &answer))?;
        let answer = Some(answer).filter(|answer| !answer.is_empty());
        out.give(bulla_answer::committed(outcome, opened, answer));
        Ok(BULLA_OK)
    })
}

/// Ends a lease for good, as delivered or stored, for a host that gives no receipts: neither the sender nor who sends a copy will
/// get one, also where the sender asked for it. There is no such call for rejections: release the message instead.
///
/// @param lease The lease; it can then only be freed, whatever comes of this.
/// @param answered Receives what is known of the message; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_lease_commit(); BULLA_WRONG_ORDER also for a lease that is only to be refused.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_accept_unanswered(
    lease: *mut bulla_lease,
    answered: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(answered, "answered is NULL")?;
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "lease is NULL") }?;
        let (outcome, opened) = lease.reserved.take()?.end(Reserved::accept_unanswered)?;
        out.give(bulla_answer::committed(outcome, Some(opened), None));
        Ok(BULLA_OK)
    })
}

/// Gives a lease up: the message may come again, and a stored file is removed, unless it was there before.
///
/// @param lease The lease; it can then only be freed.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_LEASE_LOST and BULLA_GUARD_UNAVAILABLE: nothing to be done, it falls free by itself;
///         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER if it has ended.
/// Threads: one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_release(
    lease: *mut bulla_lease,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let lease = unsafe { shared(lease, "lease is NULL") }?;
        lease.reserved.take()?.end(|reserved| match reserved {
            Reserved::Message(lease) => lease.release(),
            Reserved::Stored(stored) => stored.release(),
            Reserved::Refused(lease, _) => lease.release(),
        })?;
        Ok(BULLA_OK)
    })
}

/// Frees a lease; one that has not ended is released.
///
/// @param lease The lease; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_lease_free(lease: *mut bulla_lease) {
    // SAFETY: as the contract says.
    unsafe { free(lease) }
}
