//! Making receipts.

use core::ffi::c_char;
use core::mem::replace;
use std::sync::Arc;
use std::vec::Vec;

use super::answer::bulla_answer;
use super::buffer::bulla_buffer;
use super::clock::{bulla_clock, clock};
use super::guard::bulla_guard;
use super::handle::{Exclusive, Out, free, shared};
use super::identity::{Keys, bulla_identity};
use super::input::text;
use super::lease::{Reserved, bulla_lease};
use super::open_stream::bulla_open_stream;
use super::status::{BULLA_NOTHING, BULLA_OK, BULLA_UNTOLD, bulla_error, bulla_status, entry};
use super::store_stream::bulla_store_stream;
use crate::{
    Answerable, Clock, Committed, Damaged, Error, ErrorKind, Lease, Opened, OsEntropy, Outcome,
    Rate, Reason, Receipter, Rejection, ReplayGuard, Result, SystemClock,
};

/// Makes receipts, each sealed to the key that the sender of the message asked it to be sent to. A receipt comes only out of a
/// commit, and only where the sender asked for it: so nobody can make this recipient write to somebody else.
pub struct bulla_receipter {
    parts: Exclusive<Arc<ReceipterParts>>,
}

#[derive(Clone)]
struct ReceipterParts {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    limit: Option<(Arc<dyn ReplayGuard>, Rate)>,
}

impl ReceipterParts {
    fn receipter(&self) -> Receipter<'_> {
        let receipter = Receipter::with(&*self.keys, &*self.clock, &OsEntropy);
        match &self.limit {
            Some((guard, rate)) => receipter.limited(&**guard, *rate),
            None => receipter,
        }
    }
}

impl bulla_receipter {
    fn parts(&self) -> Result<Arc<ReceipterParts>> {
        self.parts.enter_waiting().map(|parts| Arc::clone(&parts))
    }

    fn change<R>(&self, work: impl FnOnce(&mut ReceipterParts) -> R) -> Result<bulla_status> {
        self.parts.change(work)?;
        Ok(BULLA_OK)
    }
}

fn answer(outcome: Outcome, committed: Committed<Opened>) -> bulla_answer {
    let (opened, receipt) = committed.into_parts();
    bulla_answer::committed(outcome, Some(opened), receipt)
}

/// Makes a maker of receipts that signs with this identity, by the clock of the system.
///
/// @param identity The recipient.
/// @param receipter Receives the receipter; free it with bulla_receipter_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_new(
    identity: *const bulla_identity,
    receipter: *mut *mut bulla_receipter,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(receipter, "receipter is NULL")?;
        // SAFETY: as the contract says.
        let keys = unsafe { shared(identity, "identity is NULL") }?.keys()?;
        let parts = ReceipterParts {
            keys,
            clock: Arc::new(SystemClock),
            limit: None,
        };
        out.give(bulla_receipter {
            parts: Exclusive::new(Arc::new(parts)),
        });
        Ok(BULLA_OK)
    })
}

/// Goes by a clock of the host's from now on.
///
/// @param receipter The receipter.
/// @param host_clock The clock.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_clock(
    receipter: *mut bulla_receipter,
    host_clock: *const bulla_clock,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipter, clock) =
            unsafe { (shared(receipter, "receipter is NULL")?, clock(host_clock)?) };
        receipter.change(|parts| replace(&mut parts.clock, Arc::clone(clock)))
    })
}

/// Limits how often one sender is told of rejections and of damage. Without this, rejections are limited by the guard of the
/// message, to 20 at once and then one a minute; and no notes of damage are made.
///
/// @param receipter The receipter.
/// @param guard Keeps count.
/// @param every Seconds for each.
/// @param burst How many at once.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_limit(
    receipter: *mut bulla_receipter,
    guard: *const bulla_guard,
    every: u64,
    burst: u32,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipter, guard) = unsafe {
            (
                shared(receipter, "receipter is NULL")?,
                shared(guard, "guard is NULL")?,
            )
        };
        let limit = (Arc::clone(&guard.guard), Rate { every, burst });
        receipter.change(|parts| parts.limit.replace(limit))
    })
}

/// The message was handed to the application, or its content is on the disk: makes the receipt (`delivered`, or `stored` for a
/// lease of a store), commits the message with it, and only then gives it.
///
/// @param receipter The receipter.
/// @param lease The lease; it can then only be freed, whatever comes of this.
/// @param answered Receives outcome and receipt; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_lease_commit(); then there is no receipt. If the receipt itself cannot be made
///         (BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED, BULLA_KEY_UNAVAILABLE) the message is released. BULLA_WRONG_ORDER for a lease
///         that is only to be refused.
/// Threads: any for the receipter, one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_accept(
    receipter: *const bulla_receipter,
    lease: *mut bulla_lease,
    answered: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(answered, "answered is NULL")?;
        // SAFETY: as the contract says.
        let (receipter, lease) = unsafe {
            (
                shared(receipter, "receipter is NULL")?,
                shared(lease, "lease is NULL")?,
            )
        };
        let parts = receipter.parts()?;
        let receipter = parts.receipter();
        let answer = lease.reserved.take()?.end(|reserved| match reserved {
            Reserved::Message(lease) => receipter
                .delivered(lease)
                .map(|it| answer(Outcome::Delivered, it)),
            Reserved::Stored(stored) => receipter
                .stored(*stored)
                .map(|it| answer(Outcome::Stored, it)),
            Reserved::Refused(..) => Err(Error::with(
                ErrorKind::WrongOrder,
                "this message can only be refused: nothing of its content was verified",
            )),
        })?;
        out.give(answer);
        Ok(BULLA_OK)
    })
}

/// The message is rejected for good: makes the receipt, commits the message with it, so that a copy gets the same, and only then
/// gives it.
///
/// @param receipter The receipter.
/// @param lease The lease; it can then only be freed, whatever comes of this. A stored file is removed, unless it
///        was there before (bulla_lease_was_there()).
/// @param code Why: BULLA_REASON_FULL to BULLA_REASON_FAILED, or a number of the host's own from 1024. 0 for the reason of a lease
///        that came with BULLA_REFUSED.
/// @param reason Why, in words, for the sender: at most 255 bytes without control characters, closed with NUL. May be NULL if
///        `code` is 0.
/// @param answered With BULLA_OK, receives outcome and receipt; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK. BULLA_UNTOLD: the sender asked to be told of rejections and may not be told now (too often, or a stranger by
///         the stamp alone), so the message was not rejected but released, and may come again. Else as
///         bulla_receipter_accept().
/// Threads: any for the receipter, one at a time for each lease.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_reject(
    receipter: *const bulla_receipter,
    lease: *mut bulla_lease,
    code: u16,
    reason: *const c_char,
    answered: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(answered, "answered is NULL")?;
        // SAFETY: as the contract says.
        let (receipter, lease) = unsafe {
            (
                shared(receipter, "receipter is NULL")?,
                shared(lease, "lease is NULL")?,
            )
        };
        let reason = match code {
            0 => kept_reason(lease)?,
            // SAFETY: as the contract says.
            code => Reason::new(code, unsafe { text(reason, "reason is NULL") }?)?,
        };
        let parts = receipter.parts()?;
        let receipter = parts.receipter();
        let answer = lease.reserved.take()?.end(|reserved| match reserved {
            Reserved::Message(lease) => reject(&receipter, lease, reason, Some),
            Reserved::Stored(stored) => reject(&receipter, (*stored).into_lease(), reason, Some),
            Reserved::Refused(lease, _) => reject(&receipter, lease, reason, |_| None),
        })?;
        Ok(match answer {
            Some(answer) => {
                out.give(answer);
                BULLA_OK
            }
            None => BULLA_UNTOLD,
        })
    })
}

/// The reason that the host's own rules gave.
fn kept_reason(lease: &bulla_lease) -> Result<Reason> {
    let reason = lease
        .reserved
        .with_ref(|reserved| Ok(reserved.reason().cloned()))?;
    reason.ok_or(Error::with(
        ErrorKind::InvalidInput,
        "this message was refused by no rules of the host's that gave a reason: give one",
    ))
}

fn reject<P: Answerable>(
    receipter: &Receipter<'_>,
    lease: Lease<'_, P>,
    reason: Reason,
    opened: impl FnOnce(P) -> Option<Opened>,
) -> Result<Option<bulla_answer>> {
    Ok(match receipter.rejected(lease, reason)? {
        Rejection::Untold(_) => None,
        Rejection::Final(committed) => {
            let (proof, receipt) = committed.into_parts();
            Some(bulla_answer::committed(
                Outcome::Rejected,
                opened(proof),
                receipt,
            ))
        }
    })
}

/// Gives a note of damage, if one may be given.
fn note(
    receipter: &bulla_receipter,
    damaged: Option<Damaged>,
    text: &str,
    out: &bulla_buffer,
) -> Result<bulla_status> {
    let Some(damaged) = damaged else {
        return Ok(BULLA_NOTHING);
    };
    let parts = receipter.parts()?;
    let made: Option<Vec<u8>> = parts.receipter().damaged(&damaged, text)?;
    let Some(made) = made else {
        return Ok(BULLA_NOTHING);
    };
    out.add(&made)?;
    Ok(BULLA_OK)
}

/// A copy came damaged: makes a note for its sender. It says nothing about the message, which may still come: nothing is
/// claimed for it, and the sender sends it again.
///
/// @param receipter The receipter, with a limit (bulla_receipter_limit()).
/// @param stream A stream that failed with BULLA_NOT_AUTHENTIC.
/// @param words More about it for the sender: at most 255 bytes without control characters, closed with NUL.
/// @param receipt The note is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if none may be given: the stamp was not authentic either, or the sender did not ask for it, is
///         not named in the policy, or was told too often. BULLA_INVALID_INPUT without a limit; BULLA_GUARD_UNAVAILABLE;
///         BULLA_GUARD_FULL; BULLA_WRONG_ORDER if the stream has ended; BULLA_BUFFER_TOO_SMALL.
/// Threads: any for the receipter, one at a time for stream and buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_damaged(
    receipter: *const bulla_receipter,
    stream: *const bulla_open_stream,
    words: *const c_char,
    receipt: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipter, stream, words, out) = unsafe {
            (
                shared(receipter, "receipter is NULL")?,
                shared(stream, "stream is NULL")?,
                text(words, "words is NULL")?,
                shared(receipt, "receipt is NULL")?,
            )
        };
        note(receipter, stream.damaged()?, words, out)
    })
}

/// As bulla_receipter_damaged(), for a stream of a store that failed with BULLA_NOT_AUTHENTIC.
///
/// @param receipter The receipter, with a limit (bulla_receipter_limit()).
/// @param stream The stream, after bulla_store_stream_finish().
/// @param words More about it for the sender: at most 255 bytes without control characters, closed with NUL.
/// @param receipt The note is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_receipter_damaged().
/// Threads: any for the receipter, one at a time for stream and buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_damaged_in_store(
    receipter: *const bulla_receipter,
    stream: *const bulla_store_stream,
    words: *const c_char,
    receipt: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipter, stream, words, out) = unsafe {
            (
                shared(receipter, "receipter is NULL")?,
                shared(stream, "stream is NULL")?,
                text(words, "words is NULL")?,
                shared(receipt, "receipt is NULL")?,
            )
        };
        note(receipter, stream.damaged()?, words, out)
    })
}

/// Frees a receipter.
///
/// @param receipter The receipter; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipter_free(receipter: *mut bulla_receipter) {
    // SAFETY: as the contract says.
    unsafe { free(receipter) }
}
