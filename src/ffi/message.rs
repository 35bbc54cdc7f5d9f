//! What is known of a message that passed the gate.

use super::buffer::bulla_buffer;
use super::handle::{Out, free, shared};
use super::stamp::bulla_stamp;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::bulla_digest;
use crate::{Opened, Reopened, Result, Verified};

/// A message that passed every check. Only the gate makes it.
pub struct bulla_message {
    pub(super) proof: Proof,
}

pub(super) enum Proof {
    Opened(Opened),
    Reopened(Reopened),
}

impl bulla_message {
    pub(super) fn verified(&self) -> &Verified {
        match &self.proof {
            Proof::Opened(proof) => proof,
            Proof::Reopened(proof) => proof,
        }
    }
}

/// Whether freshness was checked: 0 for messages from an archive.
///
/// @param message The message.
/// @return 1 or 0; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_is_fresh(message: *const bulla_message) -> u8 {
    plain(0, || {
        // SAFETY: as the contract says.
        let message = unsafe { shared(message, "") }.ok()?;
        Some(u8::from(matches!(message.proof, Proof::Opened(_))))
    })
}

/// What the sender signed: who, when, what for.
///
/// @param message The message.
/// @return The stamp, which lives as long as the message and is not freed; NULL for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_stamp(message: *const bulla_message) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let message = unsafe { shared(message, "") }.ok()?;
        Some(bulla_stamp::of(message.verified().stamp()))
    })
}

/// Length of the content, verified.
///
/// @param message The message.
/// @return The length in bytes; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_content_length(message: *const bulla_message) -> u64 {
    plain(0, || {
        // SAFETY: as the contract says.
        let message = unsafe { shared(message, "") }.ok()?;
        Some(message.verified().content_length())
    })
}

/// What a message is known by.
unsafe fn digest(
    message: *const bulla_message,
    digest: *mut bulla_digest,
    which: impl FnOnce(&Verified) -> crate::Digest,
) -> Result<bulla_status> {
    let out = Out::new(digest, "digest is NULL")?;
    // SAFETY: as the contract says.
    let message = unsafe { shared(message, "message is NULL") }?;
    out.put(which(message.verified()).into());
    Ok(BULLA_OK)
}

/// Digest of the content, verified.
///
/// @param message The message.
/// @param content_digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_content_digest(
    message: *const bulla_message,
    content_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        digest(message, content_digest, Verified::content_digest)
    })
}

/// Digest of the header: names this very envelope.
///
/// @param message The message.
/// @param header_digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_header_digest(
    message: *const bulla_message,
    header_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        digest(message, header_digest, Verified::header_digest)
    })
}

/// Proof of author, claimed time, context and content, that a third party can check without the reader's keys. It does not
/// prove who the recipients were.
///
/// @param message The message.
/// @param evidence The evidence is appended to this buffer; at most 20 480 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
/// Threads: any for the message, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_evidence(
    message: *const bulla_message,
    evidence: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (message, out) = unsafe {
            (
                shared(message, "message is NULL")?,
                shared(evidence, "evidence is NULL")?,
            )
        };
        out.add(&message.verified().evidence())?;
        Ok(BULLA_OK)
    })
}

/// Frees a message, and the stamp with it.
///
/// @param message The message; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_message_free(message: *mut bulla_message) {
    // SAFETY: as the contract says.
    unsafe { free(message) }
}
