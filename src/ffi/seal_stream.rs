//! Sealing and signing in pieces.

use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::draft::bulla_draft;
use super::handle::{Kept, Once, Out, free, shared};
use super::input::bytes;
use super::seal::make;
use super::sealer::{SealerParts, bulla_sealer};
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_sent;
use crate::{DetachedSigner, Draft, Result, SealStream, Sealer};

/// For a length that is not known when the stream begins.
pub const BULLA_LENGTH_UNKNOWN: u64 = u64::MAX;

/// An envelope in the making. One that is not finished opens to nobody.
pub struct bulla_seal_stream {
    stream: Once<Making>,
}

struct Making {
    stream: Kept<SealStream<'static>, SealerParts>,
    /// Whether all of the padding is in it.
    padded: bool,
}

/// What goes on, and where it puts bytes.
unsafe fn making<'a>(
    stream: *const bulla_seal_stream,
    envelope: *const bulla_buffer,
) -> Result<(&'a Once<Making>, &'a bulla_buffer)> {
    // SAFETY: as the contract says.
    unsafe {
        Ok((
            &shared(stream, "stream is NULL")?.stream,
            shared(envelope, "envelope is NULL")?,
        ))
    }
}

/// Checks the arguments of a beginning, and begins.
unsafe fn begin(
    (sealer, draft, length): (*const bulla_sealer, *const bulla_draft, u64),
    envelope: *mut bulla_buffer,
    stream: *mut *mut bulla_seal_stream,
    work: impl FnOnce(
        &Sealer<'static>,
        &Draft,
        Option<u64>,
        &mut Vec<u8>,
    ) -> Result<SealStream<'static>>,
) -> Result<bulla_status> {
    let place = Out::new(stream, "stream is NULL")?;
    // SAFETY: as the contract says.
    let (sealer, draft, envelope) = unsafe {
        (
            shared(sealer, "sealer is NULL")?,
            shared(draft, "draft is NULL")?,
            shared(envelope, "envelope is NULL")?,
        )
    };
    let (parts, draft) = (sealer.parts()?, draft.get()?);
    let length = (length != BULLA_LENGTH_UNKNOWN).then_some(length);
    let stream = envelope.append(None, |out| {
        Kept::try_new(parts, |parts| work(&parts.sealer(), &draft, length, out))
    })?;
    place.give(bulla_seal_stream {
        stream: Once::new(Making {
            stream,
            padded: false,
        }),
    });
    Ok(BULLA_OK)
}

/// Begins a sealed envelope whose content comes in pieces.
///
/// If the length is known it is signed up front, and the envelope is padded as the sealer says; otherwise it is not padded.
/// For its reader the content is provisional until its end: bulla_seal() is better where the content is at hand.
///
/// @param sealer The sealer, with at least one recipient. It may be changed or freed while the stream goes on.
/// @param draft What is said of the message.
/// @param length How long the content will be, in bytes, or BULLA_LENGTH_UNKNOWN.
/// @param envelope The beginning of the envelope is appended to this buffer.
/// @param stream Receives the stream; free it with bulla_seal_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_seal().
/// Threads: any for sealer and draft, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal_stream_new(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    length: u64,
    envelope: *mut bulla_buffer,
    stream: *mut *mut bulla_seal_stream,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        begin(
            (sealer, draft, length),
            envelope,
            stream,
            |sealer, draft, length, out| sealer.stream(draft, length, out),
        )
    })
}

/// Begins a signed envelope whose content comes in pieces and stays readable for everyone.
///
/// @param sealer The sealer. It may be changed or freed while the stream goes on.
/// @param draft What is said of the message.
/// @param length How long the content will be, in bytes, or BULLA_LENGTH_UNKNOWN.
/// @param envelope The beginning of the envelope is appended to this buffer.
/// @param stream Receives the stream; free it with bulla_seal_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_sign().
/// Threads: any for sealer and draft, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sign_stream_new(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    length: u64,
    envelope: *mut bulla_buffer,
    stream: *mut *mut bulla_seal_stream,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        begin(
            (sealer, draft, length),
            envelope,
            stream,
            |sealer, draft, length, out| sealer.sign_stream(draft, length, out),
        )
    })
}

/// Takes the next piece of the content.
///
/// @param stream The stream.
/// @param content The piece.
/// @param length Its length in bytes.
/// @param envelope What the piece completes of the envelope is appended to this buffer: write it out, clear it, use it again.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_LENGTH_MISMATCH if there is more content than announced; BULLA_BUFFER_TOO_SMALL;
///         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_seal_stream_pad() and bulla_seal_stream_finish(). After any
///         failure but for NULL the stream can only be freed: what it took of the content is in no buffer.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal_stream_update(
    stream: *mut bulla_seal_stream,
    content: *const u8,
    length: usize,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let ((stream, envelope), content) = unsafe {
            (
                making(stream, envelope)?,
                bytes(content, length, "content is NULL")?,
            )
        };
        stream.with_or_end(|it| envelope.append(None, |out| it.stream.update(content, out)))?;
        Ok(BULLA_OK)
    })
}

/// Appends some of the padding, at most 64 KiB, once all content has come. The padding of a long content is long (12 % of it at
/// most): call this until it says that there is none left, and write out what came in between, to keep memory small. It need not be
/// called: bulla_seal_stream_finish() appends at once what is left.
///
/// @param stream The stream. It takes no more content afterwards.
/// @param envelope What is completed of the envelope is appended to this buffer: write it out, clear it, use it again.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK if there may be more: call it again. BULLA_NOTHING if none is left. BULLA_LENGTH_MISMATCH if there was less content
///         than announced; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_seal_stream_finish().
///         After any failure but for NULL the stream can only be freed.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal_stream_pad(
    stream: *mut bulla_seal_stream,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, envelope) = unsafe { making(stream, envelope) }?;
        stream.with_or_end(|it| {
            if it.padded {
                return Ok(BULLA_NOTHING);
            }
            it.padded = !envelope.append(None, |out| it.stream.pad(out))?;
            Ok(BULLA_OK)
        })
    })
}

/// Ends the envelope. The stream can then only be freed.
///
/// @param stream The stream.
/// @param envelope The end of the envelope is appended to this buffer, with what is left of the padding, up to 12 % of the content
///        (bulla_seal_stream_pad() appends it in pieces before).
/// @param sent Receives what receipts are to be compared with; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_LENGTH_MISMATCH if there was less content than announced; BULLA_KEY_UNAVAILABLE;
///         BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure and after the end.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal_stream_finish(
    stream: *mut bulla_seal_stream,
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, envelope) = unsafe { making(stream, envelope) }?;
        let stream = stream.take()?.stream;
        make(envelope, sent, |out| {
            stream.end(|stream| stream.finish(out))
        })
    })
}

/// Frees a stream; one that is not finished leaves nothing to clean up.
///
/// @param stream The stream; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_seal_stream_free(stream: *mut bulla_seal_stream) {
    // SAFETY: as the contract says.
    unsafe { free(stream) }
}

/// A detached envelope in the making, over content that comes in pieces.
pub struct bulla_detached_signer {
    signer: Once<Kept<DetachedSigner<'static, 'static>, DetachedParts>>,
}

struct DetachedParts {
    sealer: Kept<Sealer<'static>, SealerParts>,
    draft: Draft,
}

/// Begins a detached envelope over content that comes in pieces.
///
/// @param sealer The sealer. It may be changed or freed while the stream goes on.
/// @param draft What is said of the message.
/// @param signer Receives what takes the content; free it with bulla_detached_signer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any for sealer and draft.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_signer_new(
    sealer: *const bulla_sealer,
    draft: *const bulla_draft,
    signer: *mut *mut bulla_detached_signer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let place = Out::new(signer, "signer is NULL")?;
        // SAFETY: as the contract says.
        let (sealer, draft) = unsafe {
            (
                shared(sealer, "sealer is NULL")?,
                shared(draft, "draft is NULL")?,
            )
        };
        let sealer = Kept::try_new(sealer.parts()?, |parts| Ok(parts.sealer()))?;
        let parts = DetachedParts {
            sealer,
            draft: draft.get()?,
        };
        let signer = Kept::try_new(std::sync::Arc::new(parts), |parts| {
            Ok(parts.sealer.sign_detached_stream(&parts.draft))
        })?;
        place.give(bulla_detached_signer {
            signer: Once::new(signer),
        });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece of the content.
///
/// @param signer What takes the content.
/// @param content The piece.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER after bulla_detached_signer_finish().
/// Threads: one at a time for each signer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_signer_update(
    signer: *mut bulla_detached_signer,
    content: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (signer, content) = unsafe {
            (
                shared(signer, "signer is NULL")?,
                bytes(content, length, "content is NULL")?,
            )
        };
        signer.signer.with(|signer| {
            signer.update(content);
            Ok(BULLA_OK)
        })
    })
}

/// Makes the envelope. The signer can then only be freed.
///
/// @param signer What took the content.
/// @param envelope The envelope, without the content, is appended to this buffer.
/// @param sent Receives what was signed; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_sign_detached(); BULLA_WRONG_ORDER after the end.
/// Threads: one at a time for each signer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_signer_finish(
    signer: *mut bulla_detached_signer,
    envelope: *mut bulla_buffer,
    sent: *mut bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (signer, envelope) = unsafe {
            (
                shared(signer, "signer is NULL")?,
                shared(envelope, "envelope is NULL")?,
            )
        };
        let signer = signer.signer.take()?;
        make(envelope, sent, |out| {
            signer.end(|signer| signer.finish(out))
        })
    })
}

/// Frees a detached signer.
///
/// @param signer What took the content; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_signer_free(signer: *mut bulla_detached_signer) {
    // SAFETY: as the contract says.
    unsafe { free(signer) }
}
