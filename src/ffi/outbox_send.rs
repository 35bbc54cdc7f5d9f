//! What an outbox has to send.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use std::io::Read;
use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::handle::{Out, free, shared};
use super::input::value;
use super::outbox::bulla_outbox;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key, bulla_message_id, bulla_view};
#[cfg(feature = "sqlite")]
use crate::{Due, Outbox};
use crate::{Error, ErrorKind, Result};

/// Something to be sent to somebody.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_due {
    /// The message.
    pub message_id: bulla_message_id,
    /// Names the envelope to send.
    pub header_digest: bulla_digest,
    /// To whom: the public signing key.
    pub recipient: bulla_key,
    /// Which time this is: 1 for the first.
    pub attempts: u32,
    /// Zero.
    pub reserved: u32,
    /// The host's note, in UTF-8, which lives as long as the list.
    pub note: bulla_view,
}

#[cfg(feature = "sqlite")]
impl From<&Due> for bulla_due {
    fn from(due: &Due) -> Self {
        Self {
            message_id: due.message_id.into(),
            header_digest: due.header_digest.into(),
            recipient: (&due.recipient).into(),
            attempts: due.attempts,
            reserved: 0,
            note: bulla_view::of(due.note.as_bytes()),
        }
    }
}

/// What is to be sent, given to this caller alone for ten minutes: send it, and mark it as sent.
pub struct bulla_due_list {
    #[cfg(feature = "sqlite")]
    dues: Vec<Due>,
}

#[cfg(feature = "sqlite")]
impl bulla_due_list {
    fn at(&self, index: usize) -> Result<&Due> {
        self.dues.get(index).ok_or(Error::with(
            ErrorKind::InvalidInput,
            "the list is not so long",
        ))
    }
}

/// Checks the arguments that the functions which give a list have in common, and gives it.
#[cfg(feature = "sqlite")]
unsafe fn give(
    outbox: *const bulla_outbox,
    list: *mut *mut bulla_due_list,
    work: impl FnOnce(&Outbox) -> Result<Vec<Due>>,
) -> Result<bulla_status> {
    let out = Out::new(list, "list is NULL")?;
    // SAFETY: as the contract says.
    let outbox = unsafe { shared(outbox, "outbox is NULL") }?;
    let dues = work(&outbox.outbox)?;
    out.give(bulla_due_list { dues });
    Ok(BULLA_OK)
}

/// Gives what is to be sent now: what was never sent, and what got no answer for long enough. Each is given to one caller alone,
/// and to another one if that does not mark it as sent within ten minutes.
///
/// @param outbox The outbox.
/// @param now The time in seconds since 1970.
/// @param at_most How many at most.
/// @param list Receives the list, which may be empty; free it with bulla_due_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_due(
    outbox: *const bulla_outbox,
    now: u64,
    at_most: usize,
    list: *mut *mut bulla_due_list,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    with_sqlite!(
        without(error),
        entry(error, || unsafe {
            give(outbox, list, |outbox| outbox.due(now, at_most))
        })
    )
}

/// Takes one envelope in order to send it now, due or not: for each recipient who has not answered.
///
/// @param outbox The outbox.
/// @param header_digest Names the envelope, as in bulla_sent.
/// @param now The time in seconds since 1970.
/// @param list Receives the list, which is empty if nobody's answer is awaited; free it with bulla_due_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_take(
    outbox: *const bulla_outbox,
    header_digest: *const bulla_digest,
    now: u64,
    list: *mut *mut bulla_due_list,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    with_sqlite!(
        without(error),
        entry(error, || unsafe {
            let header = (*value(header_digest, "header_digest is NULL")?).into();
            give(outbox, list, |outbox| outbox.take(&header, now))
        })
    )
}

/// Gives what bulla_outbox_due() or bulla_outbox_take() gave last of an envelope: for a process that was told its name alone, and
/// is to mark it as sent.
///
/// @param outbox The outbox.
/// @param header_digest Names the envelope, as in bulla_sent.
/// @param list Receives the list, which is empty if nobody has taken it, or nothing is awaited any more; free it with
///        bulla_due_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_taken(
    outbox: *const bulla_outbox,
    header_digest: *const bulla_digest,
    list: *mut *mut bulla_due_list,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    with_sqlite!(
        without(error),
        entry(error, || unsafe {
            let header = (*value(header_digest, "header_digest is NULL")?).into();
            give(outbox, list, |outbox| outbox.taken(&header))
        })
    )
}

/// How much is to be sent.
///
/// @param list The list.
/// @return The number; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_due_list_count(list: *const bulla_due_list) -> usize {
    // SAFETY: as the contract says.
    with_sqlite!(
        0,
        plain(0, || Some(unsafe { shared(list, "") }.ok()?.dues.len()))
    )
}

/// One of what is to be sent.
///
/// @param list The list.
/// @param index Less than bulla_due_list_count().
/// @param due Receives it; its note lives as long as the list.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_due_list_at(
    list: *const bulla_due_list,
    index: usize,
    due: *mut bulla_due,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(due, "due is NULL")?;
            // SAFETY: as the contract says.
            out.put(unsafe { shared(list, "list is NULL") }?.at(index)?.into());
            Ok(BULLA_OK)
        })
    )
}

/// Frees a list of what is to be sent; what was not marked as sent is due again ten minutes after it was given.
///
/// @param list The list; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_due_list_free(list: *mut bulla_due_list) {
    // SAFETY: as the contract says.
    unsafe { free(list) }
}

/// One of what was due was handed to the transport: it is due again after a while, longer each time, unless a receipt comes.
///
/// @param outbox The outbox.
/// @param list The list that it was in.
/// @param index Its place in the list, less than bulla_due_list_count().
/// @param now The time in seconds since 1970.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_mark_sent(
    outbox: *const bulla_outbox,
    list: *const bulla_due_list,
    index: usize,
    now: u64,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (outbox, list) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    shared(list, "list is NULL")?,
                )
            };
            outbox.outbox.mark_sent(list.at(index)?, now)?;
            Ok(BULLA_OK)
        })
    )
}

/// Gives an envelope to send, whole: the identical one each time.
///
/// @param outbox The outbox.
/// @param header_digest Names the envelope.
/// @param envelope The envelope is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is not there (any more); BULLA_OUTBOX_UNAVAILABLE, BULLA_IO,
///         BULLA_BUFFER_TOO_SMALL. That it is not there any more is harmless: a receipt settled it, or it was given up, between
///         bulla_outbox_due() and this, perhaps by another process. That is so if bulla_outbox_taken() now gives an empty list: there
///         is nothing to send, and nothing to mark.
/// Threads: any for the outbox, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_envelope(
    outbox: *const bulla_outbox,
    header_digest: *const bulla_digest,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (outbox, header, envelope) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    (*value(header_digest, "header_digest is NULL")?).into(),
                    shared(envelope, "envelope is NULL")?,
                )
            };
            let mut found = outbox.outbox.envelope(&header)?;
            envelope.append(None, |out| Ok(found.read_to_end(out)?))?;
            Ok(BULLA_OK)
        })
    )
}
