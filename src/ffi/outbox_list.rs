//! What an outbox tells.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use std::vec::Vec;

use super::handle::{Out, free, shared};
use super::input::value;
use super::outbox::bulla_outbox;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key, bulla_message_id, bulla_sent, bulla_view};
use crate::{Error, ErrorKind, MessageId, Result};
#[cfg(feature = "sqlite")]
use crate::{Outbox, OutboxEntry, OutboxFilter, OutboxState};

/// A receipt is awaited.
pub const BULLA_OUTBOX_WAITING: u32 = 1;
/// Confirmed by a receipt.
pub const BULLA_OUTBOX_SETTLED: u32 = 2;
/// Rejected by a receipt: a failure.
pub const BULLA_OUTBOX_REJECTED: u32 = 3;
/// Nobody answered in time: a failure.
pub const BULLA_OUTBOX_GIVEN_UP: u32 = 4;

/// All entries are listed.
pub const BULLA_FILTER_ALL: u32 = 0;
/// Those that await a receipt.
pub const BULLA_FILTER_WAITING: u32 = 1;
/// Those that are settled.
pub const BULLA_FILTER_SETTLED: u32 = 2;
/// Those that were rejected or given up.
pub const BULLA_FILTER_FAILED: u32 = 3;

/// A message and one of its recipients. What it points to lives as long as what it was asked of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_outbox_entry {
    /// The message.
    pub message_id: bulla_message_id,
    /// Names the envelope that is sent.
    pub header_digest: bulla_digest,
    /// To whom: the public signing key.
    pub recipient: bulla_key,
    /// Until when an answer is awaited, in seconds since 1970.
    pub deadline: u64,
    /// When it is to be sent next, in seconds since 1970, if it is waiting.
    pub next_due: u64,
    /// How often it was sent, or was about to be.
    pub attempts: u32,
    /// How far it has come: BULLA_OUTBOX_WAITING and its like.
    pub state: u32,
    /// 1 if it must be stored, 0 if delivery is enough.
    pub awaits_stored: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// The context of the message, in UTF-8.
    pub context: bulla_view,
    /// The host's note, in UTF-8.
    pub note: bulla_view,
    /// What the last receipt that counted said, in words, in UTF-8; nothing if none came.
    pub told: bulla_view,
    /// The proof of that receipt, for third parties (bulla_receipt_proof_check()); nothing if none came.
    pub proof: bulla_view,
}

#[cfg(feature = "sqlite")]
impl From<&OutboxEntry> for bulla_outbox_entry {
    fn from(entry: &OutboxEntry) -> Self {
        // No catch-all: a new state must get a number.
        let state = match entry.state {
            OutboxState::Waiting => BULLA_OUTBOX_WAITING,
            OutboxState::Settled => BULLA_OUTBOX_SETTLED,
            OutboxState::Rejected => BULLA_OUTBOX_REJECTED,
            OutboxState::GivenUp => BULLA_OUTBOX_GIVEN_UP,
        };
        let told = entry.told.as_deref().unwrap_or_default();
        Self {
            message_id: entry.message_id.into(),
            header_digest: entry.header_digest.into(),
            recipient: (&entry.recipient).into(),
            deadline: entry.deadline,
            next_due: entry.next_due,
            attempts: entry.attempts,
            state,
            awaits_stored: u8::from(entry.awaits_stored),
            reserved: [0; 7],
            context: bulla_view::of(entry.context.as_bytes()),
            note: bulla_view::of(entry.note.as_bytes()),
            told: bulla_view::of(told.as_bytes()),
            proof: bulla_view::of(entry.proof.as_deref().unwrap_or_default()),
        }
    }
}

/// Entries of an outbox, as they were when it was asked.
pub struct bulla_entry_list {
    #[cfg(feature = "sqlite")]
    entries: Vec<OutboxEntry>,
}

/// Checks the arguments that the functions which give a list have in common, and gives it.
#[cfg(feature = "sqlite")]
unsafe fn give(
    outbox: *const bulla_outbox,
    list: *mut *mut bulla_entry_list,
    work: impl FnOnce(&Outbox) -> Result<Vec<OutboxEntry>>,
) -> Result<bulla_status> {
    let out = Out::new(list, "list is NULL")?;
    // SAFETY: as the contract says.
    let outbox = unsafe { shared(outbox, "outbox is NULL") }?;
    let entries = work(&outbox.outbox)?;
    out.give(bulla_entry_list { entries });
    Ok(BULLA_OK)
}

/// Gives up what has passed its deadline, and says once what that was: each is a failure to be told to its author, and stays in
/// the outbox as such until it is forgotten.
///
/// @param outbox The outbox.
/// @param now The time in seconds since 1970.
/// @param list Receives the list, which may be empty; free it with bulla_entry_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_give_up(
    outbox: *const bulla_outbox,
    now: u64,
    list: *mut *mut bulla_entry_list,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    with_sqlite!(
        without(error),
        entry(error, || unsafe {
            give(outbox, list, |outbox| outbox.give_up(now))
        })
    )
}

/// Lists what is in an outbox, the oldest first.
///
/// @param outbox The outbox.
/// @param filter BULLA_FILTER_ALL, BULLA_FILTER_WAITING, BULLA_FILTER_SETTLED or BULLA_FILTER_FAILED.
/// @param at_most How many at most.
/// @param list Receives the list, which may be empty; free it with bulla_entry_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_list(
    outbox: *const bulla_outbox,
    filter: u32,
    at_most: usize,
    list: *mut *mut bulla_entry_list,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let filter = match filter {
                BULLA_FILTER_ALL => OutboxFilter::All,
                BULLA_FILTER_WAITING => OutboxFilter::Waiting,
                BULLA_FILTER_SETTLED => OutboxFilter::Settled,
                BULLA_FILTER_FAILED => OutboxFilter::Failed,
                _ => {
                    return Err(Error::with(
                        ErrorKind::InvalidInput,
                        "there is no such filter",
                    ));
                }
            };
            // SAFETY: as the contract says.
            unsafe { give(outbox, list, |outbox| outbox.list(filter, at_most)) }
        })
    )
}

/// Lists the entries of one message, one for each recipient.
///
/// @param outbox The outbox.
/// @param id The message.
/// @param list Receives the list, which is empty if the outbox does not know it; free it with bulla_entry_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_of_message(
    outbox: *const bulla_outbox,
    id: *const bulla_message_id,
    list: *mut *mut bulla_entry_list,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    with_sqlite!(
        without(error),
        entry(error, || unsafe {
            let id = MessageId(value(id, "id is NULL")?.bytes);
            give(outbox, list, |outbox| outbox.of_message(id))
        })
    )
}

/// How many entries there are.
///
/// @param list The list.
/// @return The number; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_entry_list_count(list: *const bulla_entry_list) -> usize {
    // SAFETY: as the contract says.
    with_sqlite!(
        0,
        plain(0, || Some(unsafe { shared(list, "") }.ok()?.entries.len()))
    )
}

/// One of the entries.
///
/// @param list The list.
/// @param index Less than bulla_entry_list_count().
/// @param found Receives the entry; what it points to lives as long as the list.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_entry_list_at(
    list: *const bulla_entry_list,
    index: usize,
    found: *mut bulla_outbox_entry,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(found, "found is NULL")?;
            // SAFETY: as the contract says.
            let list = unsafe { shared(list, "list is NULL") }?;
            let entry = list.entries.get(index).ok_or(Error::with(
                ErrorKind::InvalidInput,
                "the list is not so long",
            ))?;
            out.put(entry.into());
            Ok(BULLA_OK)
        })
    )
}

/// Frees a list of entries, and what they point to.
///
/// @param list The list; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_entry_list_free(list: *mut bulla_entry_list) {
    // SAFETY: as the contract says.
    unsafe { free(list) }
}

/// What was sent of a message, one for each sealing.
pub struct bulla_sent_list {
    sent: Vec<bulla_sent>,
}

/// Gives what was sent of a message: for an audit, or to seal it again.
///
/// @param outbox The outbox.
/// @param id The message.
/// @param list Receives the list, which is empty if the outbox does not know it; free it with bulla_sent_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_sent(
    outbox: *const bulla_outbox,
    id: *const bulla_message_id,
    list: *mut *mut bulla_sent_list,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(list, "list is NULL")?;
            // SAFETY: as the contract says.
            let (outbox, id) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    MessageId(value(id, "id is NULL")?.bytes),
                )
            };
            let sent = outbox.outbox.sent(id)?;
            out.give(bulla_sent_list {
                sent: sent.iter().map(bulla_sent::from).collect(),
            });
            Ok(BULLA_OK)
        })
    )
}

/// How many sealings there are.
///
/// @param list The list.
/// @return The number; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sent_list_count(list: *const bulla_sent_list) -> usize {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { shared(list, "") }.ok()?.sent.len()))
}

/// The sealings, as an array, which bulla_receipt_check() takes as it is.
///
/// @param list The list.
/// @return As many as bulla_sent_list_count() says, which live as long as the list; NULL if there are none.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sent_list_items(list: *const bulla_sent_list) -> *const bulla_sent {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let sent = &unsafe { shared(list, "") }.ok()?.sent;
        (!sent.is_empty()).then_some(sent.as_ptr())
    })
}

/// Frees a list of what was sent.
///
/// @param list The list; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sent_list_free(list: *mut bulla_sent_list) {
    // SAFETY: as the contract says.
    unsafe { free(list) }
}
