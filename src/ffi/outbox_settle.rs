//! What a receipt settles in an outbox.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use super::clock::{bulla_clock, clock_or_system};
use super::handle::{Out, free, shared};
use super::identity::bulla_identity;
use super::input::bytes;
use super::outbox::bulla_outbox;
use super::outbox_list::bulla_outbox_entry;
use super::receipt::bulla_receipt;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
#[cfg(feature = "sqlite")]
use crate::OutboxEntry;

/// What a receipt has settled.
pub struct bulla_settled {
    #[cfg(feature = "sqlite")]
    receipt: bulla_receipt,
    #[cfg(feature = "sqlite")]
    entry: OutboxEntry,
    is_new: bool,
}

/// Takes a receipt that came, checks it against what was sent, and settles what it is about. BULLA_STATUS_STORED and (if that
/// is enough) BULLA_STATUS_DELIVERED settle it, BULLA_STATUS_REJECTED makes it a failure, and BULLA_STATUS_DAMAGED only
/// makes it due at once. Stored outranks rejected, whichever comes first.
///
/// @param outbox The outbox.
/// @param identity The author, who asked for the receipt.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param envelope The receipt as it came, without armor.
/// @param length Its length in bytes.
/// @param settled Receives what it has settled; free it with bulla_settled_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK. Else nothing has changed: as bulla_receipt_open() and bulla_receipt_check(), of which BULLA_CONTENT_DIFFERS is
///         to be told loudly; BULLA_WRONG_RECEIPT if it is about nothing in this outbox; BULLA_OUTBOX_UNAVAILABLE: try again.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_settle(
    outbox: *const bulla_outbox,
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    envelope: *const u8,
    length: usize,
    settled: *mut *mut bulla_settled,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(settled, "settled is NULL")?;
            // SAFETY: as the contract says.
            let (outbox, keys, clock, envelope) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    shared(identity, "identity is NULL")?.keys()?,
                    clock_or_system(host_clock)?,
                    bytes(envelope, length, "envelope is NULL")?,
                )
            };
            let settled = outbox.outbox.settle(&*keys, envelope, &*clock)?;
            out.give(bulla_settled {
                receipt: bulla_receipt {
                    receipt: settled.receipt,
                },
                entry: settled.entry,
                is_new: settled.is_new,
            });
            Ok(BULLA_OK)
        })
    )
}

/// Whether the receipt has changed what the outbox says.
///
/// @param settled What a receipt has settled.
/// @return 1, or 0 if it said so before, and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_settled_is_new(settled: *const bulla_settled) -> u8 {
    // SAFETY: as the contract says.
    plain(0, || {
        Some(u8::from(unsafe { shared(settled, "") }.ok()?.is_new))
    })
}

/// What the outbox now says of this message and recipient.
///
/// @param settled What a receipt has settled.
/// @param found Receives the entry; what it points to lives as long as `settled`.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_settled_entry(
    settled: *const bulla_settled,
    found: *mut bulla_outbox_entry,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(found, "found is NULL")?;
            // SAFETY: as the contract says.
            let settled = unsafe { shared(settled, "settled is NULL") }?;
            out.put((&settled.entry).into());
            Ok(BULLA_OK)
        })
    )
}

/// The receipt: checked, and about a message of this outbox.
///
/// @param settled What a receipt has settled.
/// @return The receipt, which lives as long as `settled` and is not freed; NULL for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_settled_receipt(
    settled: *const bulla_settled,
) -> *const bulla_receipt {
    with_sqlite!(
        core::ptr::null(),
        plain(core::ptr::null(), || {
            // SAFETY: as the contract says.
            let settled = unsafe { shared(settled, "") }.ok()?;
            Some(core::ptr::from_ref(&settled.receipt))
        })
    )
}

/// Frees what a receipt has settled, and what was looked at in it. The outbox stays as it is.
///
/// @param settled What a receipt has settled; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_settled_free(settled: *mut bulla_settled) {
    // SAFETY: as the contract says.
    unsafe { free(settled) }
}
