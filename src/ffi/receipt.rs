//! Receipts that came.

use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::clock::{bulla_clock, clock_or_system};
use super::handle::{Out, free, shared};
use super::identity::bulla_identity;
use super::input::{bytes, items};
use super::policy::bulla_policy;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key, bulla_message_id, bulla_sent, bulla_view};
use crate::{Digest, Reason, Receipt, Result, Sent, Status};

/// The message was opened, verified, and handed to the application.
pub const BULLA_STATUS_DELIVERED: u32 = 1;
/// Its content is on the disk, and was read again from there and compared.
pub const BULLA_STATUS_STORED: u32 = 2;
/// It will not be accepted, also not if it is sent again. There is a reason.
pub const BULLA_STATUS_REJECTED: u32 = 3;
/// A copy came damaged. This settles nothing: the message stays due. There is a reason.
pub const BULLA_STATUS_DAMAGED: u32 = 4;

/// No room for it.
pub const BULLA_REASON_FULL: u16 = 1;
/// Longer than is accepted.
pub const BULLA_REASON_TOO_LARGE: u16 = 2;
/// Not accepted by the recipient's rules.
pub const BULLA_REASON_POLICY: u16 = 3;
/// There is nobody, or nothing, of the name that it is for.
pub const BULLA_REASON_NO_SUCH_PLACE: u16 = 4;
/// It could not be stored or handed over, for a reason of the recipient's own.
pub const BULLA_REASON_FAILED: u16 = 5;
/// What came does not fit the stamp, which is authentic: for BULLA_STATUS_DAMAGED alone.
pub const BULLA_REASON_DAMAGED: u16 = 6;
/// From here to 65535: reasons of the application's own.
pub const BULLA_REASON_OWN: u16 = 1024;

// The numbers are those of the Rust interface.
const _: () = assert!(
    BULLA_REASON_FULL == Reason::FULL
        && BULLA_REASON_TOO_LARGE == Reason::TOO_LARGE
        && BULLA_REASON_POLICY == Reason::POLICY
        && BULLA_REASON_NO_SUCH_PLACE == Reason::NO_SUCH_PLACE
        && BULLA_REASON_FAILED == Reason::FAILED
        && BULLA_REASON_DAMAGED == Reason::DAMAGED
);

/// A receipt that was opened: its recipient really said this, to this author. Whether it is about what was sent,
/// bulla_receipt_check() says: settle nothing before.
pub struct bulla_receipt {
    pub(super) receipt: Receipt,
}

/// What became of a message, as a number; 0 for what this version of the C interface has no number for.
pub(super) const fn number(status: &Status) -> u32 {
    // No catch-all: a new one must get a number.
    match status {
        Status::Delivered => BULLA_STATUS_DELIVERED,
        Status::Stored => BULLA_STATUS_STORED,
        Status::Rejected(_) => BULLA_STATUS_REJECTED,
        Status::Damaged(_) => BULLA_STATUS_DAMAGED,
    }
}

/// Puts the parts of a reason.
pub(super) fn put_reason(
    status: &Status,
    code: Out<u16>,
    text: Out<bulla_view>,
) -> Result<bulla_status> {
    let Some(reason) = status.reason() else {
        return Ok(BULLA_NOTHING);
    };
    code.put(reason.code());
    text.put(bulla_view::of(reason.text().as_bytes()));
    Ok(BULLA_OK)
}

/// Puts the length and the digest of a content, if they are known.
pub(super) fn put_content(
    content: Option<(u64, Digest)>,
    length: Out<u64>,
    digest: Out<bulla_digest>,
) -> Result<bulla_status> {
    let Some((bytes, content_digest)) = content else {
        return Ok(BULLA_NOTHING);
    };
    length.put(bytes);
    digest.put(content_digest.into());
    Ok(BULLA_OK)
}

unsafe fn get<'a>(receipt: *const bulla_receipt) -> Result<&'a Receipt> {
    // SAFETY: as the contract says.
    unsafe { shared(receipt, "receipt is NULL") }.map(|receipt| &receipt.receipt)
}

/// Opens a receipt that came to the author of a message. A receipt is worth the same whenever it comes and however often, so
/// it needs no guard. bulla_outbox_settle() does this, and the check, for what is in an outbox.
///
/// @param identity The author, who asked for the receipt.
/// @param policy The context of the message, and as senders those to whom it was sent; the rest of it has no effect.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param envelope The receipt as it came, without armor.
/// @param length Its length in bytes.
/// @param receipt Receives the receipt; free it with bulla_receipt_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_open(): BULLA_UNTRUSTED_SENDER for another recipient, BULLA_WRONG_STATEMENT for what is no
///         receipt; and BULLA_WRONG_RECEIPT if it answers somebody else's message.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_open(
    identity: *const bulla_identity,
    policy: *const bulla_policy,
    host_clock: *const bulla_clock,
    envelope: *const u8,
    length: usize,
    receipt: *mut *mut bulla_receipt,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(receipt, "receipt is NULL")?;
        // SAFETY: as the contract says.
        let (keys, policy, clock, envelope) = unsafe {
            (
                shared(identity, "identity is NULL")?.keys()?,
                shared(policy, "policy is NULL")?,
                clock_or_system(host_clock)?,
                bytes(envelope, length, "envelope is NULL")?,
            )
        };
        let (context, recipients) = (policy.context()?, policy.senders()?);
        let receipt = Receipt::open_by(&*keys, &context, recipients, envelope, &*clock)?;
        out.give(bulla_receipt { receipt });
        Ok(BULLA_OK)
    })
}

/// Checks that a receipt is about a message that was sent: only then it says anything. Give all that was sent of the message,
/// one for each sealing.
///
/// @param receipt The receipt.
/// @param sent What was sent.
/// @param count How many there are.
/// @param which Receives the index of the sealing that it answers; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_WRONG_RECEIPT if it is about another message, or about an envelope that was not sent;
///         BULLA_CONTENT_DIFFERS if the recipient says that it has other content: this settles nothing, and is to be told
///         loudly; BULLA_TOO_OLD if it is older than the message; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_check(
    receipt: *const bulla_receipt,
    sent: *const bulla_sent,
    count: usize,
    which: *mut usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipt, sent) = unsafe { (get(receipt)?, items(sent, count, "sent is NULL")?) };
        let sent: Vec<Sent> = sent.iter().map(Sent::from).collect();
        let found = receipt.check(&sent)?;
        let at = sent.iter().position(|sent| core::ptr::eq(sent, found));
        // It may be NULL: nobody wants to know.
        if let (Ok(place), Some(at)) = (Out::new(which, ""), at) {
            place.put(at);
        }
        Ok(BULLA_OK)
    })
}

/// What became of the message, as its recipient says.
///
/// @param receipt The receipt.
/// @return BULLA_STATUS_DELIVERED, BULLA_STATUS_STORED, BULLA_STATUS_REJECTED or BULLA_STATUS_DAMAGED, or one of a newer
///         version; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_status(receipt: *const bulla_receipt) -> u32 {
    // SAFETY: as the contract says.
    plain(0, || Some(number(unsafe { get(receipt) }.ok()?.status())))
}

/// Why a message was not accepted.
///
/// @param receipt The receipt.
/// @param code Receives the reason: BULLA_REASON_FULL and its like, from BULLA_REASON_OWN on one of the application's own, or
///        one of a newer version.
/// @param text Receives words of the recipient's, in UTF-8, without control characters, at most 255 bytes; they may be
///        empty, and live as long as the receipt.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if it was accepted; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_reason(
    receipt: *const bulla_receipt,
    code: *mut u16,
    text: *mut bulla_view,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let code = Out::new(code, "code is NULL")?;
        let text = Out::new(text, "text is NULL")?;
        // SAFETY: as the contract says.
        put_reason(unsafe { get(receipt) }?.status(), code, text)
    })
}

/// Who says so: the public signing key of the recipient.
///
/// @param receipt The receipt.
/// @param recipient Receives the key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_recipient(
    receipt: *const bulla_receipt,
    recipient: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(recipient, "recipient is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(receipt) }?.recipient().into());
        Ok(BULLA_OK)
    })
}

/// The message that it is about, as the recipient says: bulla_receipt_check() compares it.
///
/// @param receipt The receipt.
/// @param id Receives the id.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_message_id(
    receipt: *const bulla_receipt,
    id: *mut bulla_message_id,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(id, "id is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(receipt) }?.message_id().into());
        Ok(BULLA_OK)
    })
}

/// The context that it was made in, in UTF-8.
///
/// @param receipt The receipt.
/// @return The context, which lives as long as the receipt; nothing for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_context(receipt: *const bulla_receipt) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let receipt = unsafe { get(receipt) }.ok()?;
        Some(bulla_view::of(receipt.context().as_bytes()))
    })
}

/// When it was made, as the recipient says.
///
/// @param receipt The receipt.
/// @return Seconds since 1970; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_issued(receipt: *const bulla_receipt) -> u64 {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { get(receipt) }.ok()?.issued()))
}

/// The content that the recipient verified.
///
/// @param receipt The receipt.
/// @param content_length Receives its length in bytes.
/// @param content_digest Receives its digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if the recipient verified none, as when it was rejected by its stamp alone;
///         BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_content(
    receipt: *const bulla_receipt,
    content_length: *mut u64,
    content_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let length = Out::new(content_length, "content_length is NULL")?;
        let digest = Out::new(content_digest, "content_digest is NULL")?;
        // SAFETY: as the contract says.
        put_content(unsafe { get(receipt) }?.content(), length, digest)
    })
}

/// Writes the proof of a receipt for a third party, who needs no key to check it (bulla_receipt_proof_check()). No secret
/// is in it, and not the content: what the message was, the author shows with its content, whose digest is in it.
///
/// @param receipt The receipt.
/// @param proof The proof is appended to this buffer; at most 21 520 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
/// Threads: any for the receipt, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_to_proof(
    receipt: *const bulla_receipt,
    proof: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (receipt, out) = unsafe { (get(receipt)?, shared(proof, "proof is NULL")?) };
        out.add(&receipt.proof())?;
        Ok(BULLA_OK)
    })
}

/// Frees a receipt, and what was looked at in it.
///
/// @param receipt The receipt; NULL is nothing. Not one that bulla_settled_receipt() gave: that belongs to what it was asked of.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_free(receipt: *mut bulla_receipt) {
    // SAFETY: as the contract says.
    unsafe { free(receipt) }
}
