//! Proof for third parties, checked.

use super::handle::{Out, free, shared};
use super::input::bytes;
use super::stamp::bulla_stamp;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::bulla_digest;
use crate::Evidence;

/// Evidence that was checked: its signatures are the author's.
pub struct bulla_evidence {
    evidence: Evidence,
}

/// Checks evidence of a message, as bulla_message_evidence() gave it. No key is needed. Whether the author is who one thinks, and
/// the context the one that is meant, is for the caller to judge: bulla_stamp_signer(), bulla_stamp_context().
///
/// It proves the author's key, the time that the author claims, context, and content. It does not prove who the recipients were,
/// nor when it was really made.
///
/// @param proof The evidence, without armor.
/// @param length Its length in bytes.
/// @param evidence Receives what it says; free it with bulla_evidence_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_NOT_AUTHENTIC, BULLA_WRONG_STATEMENT if it is about a
///         receipt, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_check(
    proof: *const u8,
    length: usize,
    evidence: *mut *mut bulla_evidence,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(evidence, "evidence is NULL")?;
        // SAFETY: as the contract says.
        let proof = unsafe { bytes(proof, length, "proof is NULL") }?;
        let evidence = Evidence::check(proof)?;
        out.give(bulla_evidence { evidence });
        Ok(BULLA_OK)
    })
}

/// What the author signed.
///
/// @param evidence The evidence.
/// @return The stamp, which lives as long as the evidence and is not freed; NULL for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_stamp(
    evidence: *const bulla_evidence,
) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let evidence = unsafe { shared(evidence, "") }.ok()?;
        Some(bulla_stamp::of(evidence.evidence.stamp()))
    })
}

/// Length of the content that it is about.
///
/// @param evidence The evidence.
/// @return The length in bytes; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_content_length(evidence: *const bulla_evidence) -> u64 {
    plain(0, || {
        // SAFETY: as the contract says.
        let evidence = unsafe { shared(evidence, "") }.ok()?;
        Some(evidence.evidence.content_length())
    })
}

/// Digest of the content that it is about: for content that comes in pieces, to be compared with bulla_hasher_digest().
///
/// @param evidence The evidence.
/// @param content_digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_content_digest(
    evidence: *const bulla_evidence,
    content_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(content_digest, "content_digest is NULL")?;
        // SAFETY: as the contract says.
        let evidence = unsafe { shared(evidence, "evidence is NULL") }?;
        out.put(evidence.evidence.content_digest().into());
        Ok(BULLA_OK)
    })
}

/// Whether it is about this content.
///
/// @param evidence The evidence.
/// @param content The content.
/// @param length Its length in bytes.
/// @return 1 or 0; 0 for NULL, but content of length 0 may be NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_is_about(
    evidence: *const bulla_evidence,
    content: *const u8,
    length: usize,
) -> u8 {
    plain(0, || {
        // SAFETY: as the contract says.
        let (evidence, content) =
            unsafe { (shared(evidence, "").ok()?, bytes(content, length, "").ok()?) };
        Some(u8::from(evidence.evidence.is_about(content)))
    })
}

/// Frees evidence, and its stamp with it.
///
/// @param evidence The evidence; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_evidence_free(evidence: *mut bulla_evidence) {
    // SAFETY: as the contract says.
    unsafe { free(evidence) }
}
