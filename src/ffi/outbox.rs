//! The outbox: what was sent and awaits receipts.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use std::io::Write;

use super::database::bulla_database;
use super::handle::{Once, Out, free, shared};
use super::input::bytes;
use super::letter::bulla_letter;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
#[cfg(feature = "sqlite")]
use crate::{Backoff, Outbox, Outgoing};

/// Waiting times: the first, doubled each time up to the longest, each a quarter shorter or longer by chance.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_backoff {
    /// Seconds until something is sent the second time; 0 counts as 1.
    pub first: u64,
    /// Most seconds between two times; 0 counts as 1.
    pub longest: u64,
}

/// A sender's durable list of what awaits receipts, so that nothing is lost in silence. Every step is one transaction on the
/// disk, may be repeated, and is safe for several threads and processes.
///
/// Put what is sealed before it is sent. Then, again and again: send what is due, and mark it as sent; settle with the
/// receipts that come; and tell what is given up.
pub struct bulla_outbox {
    #[cfg(feature = "sqlite")]
    pub(super) outbox: Outbox,
}

/// An envelope on its way into the outbox, in pieces. If it is not committed, nothing is left of it.
pub struct bulla_outgoing {
    #[cfg(feature = "sqlite")]
    outgoing: Once<Outgoing>,
}

/// Makes the outbox of a database; a guard may live in the same one.
///
/// @param database The database.
/// @param backoff How long to wait before something is sent again; NULL: a minute at first, six hours at most.
/// @param outbox Receives the outbox; free it with bulla_outbox_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_new(
    database: *const bulla_database,
    backoff: *const bulla_backoff,
    outbox: *mut *mut bulla_outbox,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(outbox, "outbox is NULL")?;
            // SAFETY: as the contract says; `backoff` is NULL, or a whole value.
            let (database, backoff) =
                unsafe { (shared(database, "database is NULL")?, backoff.as_ref()) };
            let mut outbox = Outbox::new(database.database.0.clone());
            if let Some(&bulla_backoff { first, longest }) = backoff {
                outbox = outbox.backoff(Backoff { first, longest });
            }
            out.give(bulla_outbox { outbox });
            Ok(BULLA_OK)
        })
    )
}

/// Records an envelope before it is sent; it is due at once. To put the same envelope again changes nothing. Another envelope of
/// the same message is one more that may be answered, and is sent in place of the first.
///
/// @param outbox The outbox.
/// @param letter What it is, to whom it goes, and what is awaited.
/// @param envelope The envelope, without armor.
/// @param length Its length in bytes.
/// @param now The time in seconds since 1970.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK. Else nothing was recorded, so do not send it: BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_MALFORMED, and
///         BULLA_INVALID_INPUT, also if it is not the envelope that the letter names.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_put(
    outbox: *const bulla_outbox,
    letter: *const bulla_letter,
    envelope: *const u8,
    length: usize,
    now: u64,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (outbox, letter, envelope) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    shared(letter, "letter is NULL")?,
                    bytes(envelope, length, "envelope is NULL")?,
                )
            };
            outbox.outbox.put(&letter.get()?, envelope, now)?;
            Ok(BULLA_OK)
        })
    )
}

/// Begins an envelope that comes in pieces. It is recorded by bulla_outgoing_commit().
///
/// @param outbox The outbox. It may be freed before the envelope is whole.
/// @param outgoing Receives what takes the envelope; free it with bulla_outgoing_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_begin(
    outbox: *const bulla_outbox,
    outgoing: *mut *mut bulla_outgoing,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(outgoing, "outgoing is NULL")?;
            // SAFETY: as the contract says.
            let outbox = unsafe { shared(outbox, "outbox is NULL") }?;
            out.give(bulla_outgoing {
                outgoing: Once::new(outbox.outbox.begin()?),
            });
            Ok(BULLA_OK)
        })
    )
}

/// Takes the next piece of the envelope.
///
/// @param outgoing What takes the envelope.
/// @param envelope The piece.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_IO, and then it can only be freed; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure
///         and after the end.
/// Threads: one at a time for each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outgoing_write(
    outgoing: *mut bulla_outgoing,
    envelope: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (outgoing, envelope) = unsafe {
                (
                    shared(outgoing, "outgoing is NULL")?,
                    bytes(envelope, length, "envelope is NULL")?,
                )
            };
            // An envelope with a hole in it must not be recorded.
            outgoing
                .outgoing
                .with_or_end(|outgoing| Ok(outgoing.write_all(envelope)?))?;
            Ok(BULLA_OK)
        })
    )
}

/// Records the envelope, durably; it is due at once. What took it can then only be freed, whatever this returns.
///
/// @param outgoing What took the envelope.
/// @param letter What it is, to whom it goes, and what is awaited.
/// @param now The time in seconds since 1970.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_outbox_put(); BULLA_WRONG_ORDER after a failure and after the end.
/// Threads: one at a time for each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outgoing_commit(
    outgoing: *mut bulla_outgoing,
    letter: *const bulla_letter,
    now: u64,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (outgoing, letter) = unsafe {
                (
                    shared(outgoing, "outgoing is NULL")?,
                    shared(letter, "letter is NULL")?,
                )
            };
            let letter = letter.get()?;
            outgoing.outgoing.take()?.commit(&letter, now)?;
            Ok(BULLA_OK)
        })
    )
}

/// Frees what takes an envelope; if it was not committed, nothing is left of it.
///
/// @param outgoing What takes the envelope; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outgoing_free(outgoing: *mut bulla_outgoing) {
    // SAFETY: as the contract says.
    unsafe { free(outgoing) }
}

/// Forgets what is settled or failed for all its recipients and was last touched before a time.
///
/// @param outbox The outbox.
/// @param before The time in seconds since 1970.
/// @param forgotten Receives how many messages; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_forget(
    outbox: *const bulla_outbox,
    before: u64,
    forgotten: *mut usize,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let outbox = unsafe { shared(outbox, "outbox is NULL") }?;
            let count = outbox.outbox.forget(before)?;
            // It may be NULL: nobody wants to know.
            if let Ok(place) = Out::new(forgotten, "") {
                place.put(count);
            }
            Ok(BULLA_OK)
        })
    )
}

/// Removes what a crash left beside the file: long envelopes that nobody awaits an answer to, a day after they were written.
///
/// @param outbox The outbox.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_clean(
    outbox: *const bulla_outbox,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            unsafe { shared(outbox, "outbox is NULL") }?
                .outbox
                .clean()?;
            Ok(BULLA_OK)
        })
    )
}

/// Frees an outbox; what is in it stays in the file.
///
/// @param outbox The outbox; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_free(outbox: *mut bulla_outbox) {
    // SAFETY: as the contract says.
    unsafe { free(outbox) }
}
