//! Sealing and signing in one piece.

use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::draft::bulla_draft;
use super::handle::{Out, shared};
use super::input::bytes;
use super::sealer::bulla_sealer;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_sent;
use crate::{Draft, Result, Sealer, Sent};

/// What is appended to a buffer, and what is told of it besides.
pub(super) fn make(
    out: &bulla_buffer,
    sent: *mut bulla_sent,
    work: impl FnOnce(&mut Vec<u8>) -> Result<Sent>,
) -> Result<bulla_status> {
    let made = out.append(None, work)?;
    // It may be NULL: nobody wants to know.
    if let Ok(place) = Out::new(sent, "") {
        place.put((&made).into());
    }
    Ok(BULLA_OK)
}

/// Checks the arguments that the one-shot calls have in common, and runs one.
unsafe fn whole(
    arguments: (*const bulla_sealer, *const bulla_draft, *const u8, usize),
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    work: impl FnOnce(&Sealer<'_>, &Draft, &[u8], &mut Vec<u8>) -> Result<Sent>,
) -> Result<bulla_status> {
    let (sealer, draft, content, length) = arguments;
    // SAFETY: as the contract says.
    let (sealer, draft, content, envelope) = unsafe {
        (
            shared(sealer, "sealer is NULL")?,
            shared(draft, "draft is NULL")?,
            bytes(content, length, "content is NULL")?,
            shared(envelope, "envelope is NULL")?,
        )
    };
    let (parts, draft) = (sealer.parts()?, draft.get()?);
    make(envelope, sent, |out| {
        work(&parts.sealer(), &draft, content, out)
    })
}

/// Seals content to the recipients: private, signed, with a stamp.
///
/// @param sealer The sealer, with at least one recipient.
/// @param draft What is said of the message.
/// @param content The content.
/// @param length Its length in bytes.
/// @param envelope The envelope is appended to this buffer.
/// @param sent Receives what receipts are to be compared with; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_NO_RECIPIENT, BULLA_DUPLICATE_RECIPIENT, BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED,
///         BULLA_KEY_UNAVAILABLE, BULLA_SESSION_OVER, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT.
/// Threads: any for sealer and draft, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    content: *const u8,
    length: usize,
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        whole(
            (sealer, draft, content, length),
            envelope,
            sent,
            |sealer, draft, content, out| sealer.seal_into(draft, content, out),
        )
    })
}

/// Signs content, which stays readable for everyone, inside the envelope. Recipients of the sealer play no part.
///
/// @param sealer The sealer.
/// @param draft What is said of the message.
/// @param content The content.
/// @param length Its length in bytes.
/// @param envelope The envelope is appended to this buffer.
/// @param sent Receives what was signed; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_seal(), but for recipients and sessions.
/// Threads: any for sealer and draft, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sign(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    content: *const u8,
    length: usize,
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        whole(
            (sealer, draft, content, length),
            envelope,
            sent,
            |sealer, draft, content, out| sealer.sign_into(draft, content, out),
        )
    })
}

/// Signs content that stays beside the envelope, as for web pages and software.
///
/// @param sealer The sealer.
/// @param draft What is said of the message.
/// @param content The content.
/// @param length Its length in bytes.
/// @param envelope The envelope, without the content, is appended to this buffer.
/// @param sent Receives what was signed; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_sign().
/// Threads: any for sealer and draft, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sign_detached(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    content: *const u8,
    length: usize,
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        whole(
            (sealer, draft, content, length),
            envelope,
            sent,
            |sealer, draft, content, out| {
                let mut signer = sealer.sign_detached_stream(draft);
                signer.update(content);
                signer.finish(out)
            },
        )
    })
}
