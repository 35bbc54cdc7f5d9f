//! Proofs of receipts, for third parties.

use super::handle::{Out, free, shared};
use super::input::bytes;
use super::receipt::{number, put_content, put_reason};
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key, bulla_message_id, bulla_view};
use crate::{ReceiptProof, Result};

/// The proof of a receipt that was checked: the recipient signed this about a message of this author.
pub struct bulla_receipt_proof {
    proof: ReceiptProof,
}

unsafe fn get<'a>(proof: *const bulla_receipt_proof) -> Result<&'a ReceiptProof> {
    // SAFETY: as the contract says.
    unsafe { shared(proof, "proof is NULL") }.map(|proof| &proof.proof)
}

/// Checks the proof of a receipt. No key is needed. Whether the recipient is who one thinks is for the caller to judge, by
/// bulla_receipt_proof_recipient(); and whether the content at hand is the one meant, by bulla_receipt_proof_content().
///
/// @param data The proof, as bulla_receipt_to_proof() or an outbox gave it.
/// @param length Its length in bytes.
/// @param proof Receives what it proves; free it with bulla_receipt_proof_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_NOT_AUTHENTIC; BULLA_WRONG_STATEMENT if it is proof of
///         something else than a receipt; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_check(
    data: *const u8,
    length: usize,
    proof: *mut *mut bulla_receipt_proof,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(proof, "proof is NULL")?;
        // SAFETY: as the contract says.
        let data = unsafe { bytes(data, length, "data is NULL") }?;
        let proof = ReceiptProof::check(data)?;
        out.give(bulla_receipt_proof { proof });
        Ok(BULLA_OK)
    })
}

/// What became of the message, as its recipient says.
///
/// @param proof The proof.
/// @return BULLA_STATUS_DELIVERED, BULLA_STATUS_STORED, BULLA_STATUS_REJECTED or BULLA_STATUS_DAMAGED, or one of a newer
///         version; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_status(proof: *const bulla_receipt_proof) -> u32 {
    // SAFETY: as the contract says.
    plain(0, || Some(number(unsafe { get(proof) }.ok()?.status())))
}

/// Why a message was not accepted.
///
/// @param proof The proof.
/// @param code Receives the reason: BULLA_REASON_FULL and its like, from BULLA_REASON_OWN on one of the application's own, or
///        one of a newer version.
/// @param text Receives words of the recipient's, in UTF-8, without control characters, at most 255 bytes; they may be
///        empty, and live as long as the proof.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if it was accepted; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_reason(
    proof: *const bulla_receipt_proof,
    code: *mut u16,
    text: *mut bulla_view,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let code = Out::new(code, "code is NULL")?;
        let text = Out::new(text, "text is NULL")?;
        // SAFETY: as the contract says.
        put_reason(unsafe { get(proof) }?.status(), code, text)
    })
}

/// Who says so: the public signing key of the recipient.
///
/// @param proof The proof.
/// @param recipient Receives the key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_recipient(
    proof: *const bulla_receipt_proof,
    recipient: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(recipient, "recipient is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(proof) }?.recipient().into());
        Ok(BULLA_OK)
    })
}

/// The message that it is about.
///
/// @param proof The proof.
/// @param id Receives the id.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_message_id(
    proof: *const bulla_receipt_proof,
    id: *mut bulla_message_id,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(id, "id is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(proof) }?.message_id().into());
        Ok(BULLA_OK)
    })
}

/// The context that it was made in, in UTF-8.
///
/// @param proof The proof.
/// @return The context, which lives as long as the proof; nothing for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_context(
    proof: *const bulla_receipt_proof,
) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let proof = unsafe { get(proof) }.ok()?;
        Some(bulla_view::of(proof.context().as_bytes()))
    })
}

/// When it was made, as the recipient says.
///
/// @param proof The proof.
/// @return Seconds since 1970; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_issued(proof: *const bulla_receipt_proof) -> u64 {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { get(proof) }.ok()?.issued()))
}

/// The content that the recipient verified.
///
/// @param proof The proof.
/// @param content_length Receives its length in bytes.
/// @param content_digest Receives its digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if the recipient verified none, as when it was rejected by its stamp alone;
///         BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_content(
    proof: *const bulla_receipt_proof,
    content_length: *mut u64,
    content_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let length = Out::new(content_length, "content_length is NULL")?;
        let digest = Out::new(content_digest, "content_digest is NULL")?;
        // SAFETY: as the contract says.
        put_content(unsafe { get(proof) }?.content(), length, digest)
    })
}

/// Whose message it is about: the public signing key of the author.
///
/// @param proof The proof.
/// @param author Receives the key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_author(
    proof: *const bulla_receipt_proof,
    author: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(author, "author is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(proof) }?.author().into());
        Ok(BULLA_OK)
    })
}

/// Digest of the header of the envelope that it answers.
///
/// @param proof The proof.
/// @param header_digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_header_digest(
    proof: *const bulla_receipt_proof,
    header_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(header_digest, "header_digest is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(proof) }?.header_digest().into());
        Ok(BULLA_OK)
    })
}

/// Frees a proof, and what was looked at in it.
///
/// @param proof The proof; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_receipt_proof_free(proof: *mut bulla_receipt_proof) {
    // SAFETY: as the contract says.
    unsafe { free(proof) }
}
