//! Opening and verifying in pieces.

use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::handle::{Kept, Once, Out, free, null, shared};
use super::input::bytes;
use super::message::{Proof, bulla_message};
use super::open::sealed_only;
use super::opener::{Gate, OpenerParts, bulla_opener};
use super::opening::{Opening, Stream};
use super::stamp::bulla_stamp;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Archive, Damaged, DetachedStream, Error, ErrorKind, Fresh, OpenStream, Result};

/// An envelope that comes in pieces. What it gives before its end is provisional: do not act on it.
pub struct bulla_open_stream {
    stream: Once<Kept<Opening, OpenerParts>>,
}

impl bulla_open_stream {
    /// Appends what is left of the content, and has `claim` end the stream: if that fails, nothing of it stays in the buffer. That
    /// there is room is known before anything is claimed, so a buffer that is too small loses nothing.
    pub(super) fn finish<T>(
        &self,
        content: &bulla_buffer,
        claim: impl FnOnce(Kept<Opening, OpenerParts>) -> Result<T>,
    ) -> Result<T> {
        let most = self.stream.with(|stream| Ok(stream.content_end()?.len()))?;
        content.append(Some(most), |out| {
            let mut stream = self.stream.take()?;
            out.extend_from_slice(stream.content_end()?);
            claim(stream)
        })
    }

    /// Takes the stream, for what a replay guard is needed for.
    pub(super) fn take_fresh(&self) -> Result<FreshStream> {
        fresh(self.stream.take()?)
    }

    /// What is known of a copy that came damaged.
    pub(super) fn damaged(&self) -> Result<Option<Damaged>> {
        self.stream.with(|stream| {
            Ok(match &stream.stream {
                Stream::Fresh(stream) => stream.damaged(),
                Stream::Archive(_) => None,
            })
        })
    }
}

type FreshStream = Kept<OpenStream<'static, Fresh>, OpenerParts>;

/// One that a replay guard stands behind.
pub(super) fn fresh(stream: Kept<Opening, OpenerParts>) -> Result<FreshStream> {
    stream.try_map(|opening| match opening.stream {
        Stream::Fresh(stream) => Ok(stream),
        Stream::Archive(_) => Err(Error::with(
            ErrorKind::WrongOrder,
            "an opener of archived envelopes has no replay guard to reserve anything in",
        )),
    })
}

/// Begins an envelope that comes in pieces, with its content inside.
///
/// @param opener The opener. It may be changed or freed while the stream goes on.
/// @param stream Receives the stream; free it with bulla_open_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_new(
    opener: *const bulla_opener,
    stream: *mut *mut bulla_open_stream,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(stream, "stream is NULL")?;
        // SAFETY: as the contract says.
        let opener = unsafe { shared(opener, "opener is NULL") }?;
        let stream = Kept::try_new(opener.parts()?, |parts| {
            let stream = match parts.gate() {
                Gate::Open(gate) => Stream::Fresh(gate.stream()),
                Gate::Reopen(gate) => Stream::Archive(gate.stream()),
                Gate::Verify(gate) => Stream::Fresh(gate.stream()),
                Gate::Reverify(gate) => Stream::Archive(gate.stream()),
            };
            Ok(Opening::new(stream))
        })?;
        out.give(bulla_open_stream {
            stream: Once::new(stream),
        });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece of the envelope. What it gives is provisional: the stamp was judged before the first byte of it, but a
/// co-recipient could have changed the content, and the message may have come before. Keep it out of use until
/// bulla_open_stream_finish() has succeeded.
///
/// @param stream The stream.
/// @param envelope The piece, without armor.
/// @param length Its length in bytes.
/// @param content Provisional content is appended to this buffer: put it aside, clear it, use it again.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_open(). After a failure, BULLA_BUFFER_TOO_SMALL too, the stream can only be freed, and noted as
///         damaged (bulla_receipter_damaged()); all else is BULLA_WRONG_ORDER.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_update_provisional(
    stream: *mut bulla_open_stream,
    envelope: *const u8,
    length: usize,
    content: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, envelope, content) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                bytes(envelope, length, "envelope is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        stream
            .stream
            .with(|stream| stream.update(envelope, content))?;
        Ok(BULLA_OK)
    })
}

/// The end of the envelope has come: checks all but the replay guard. For hosts that make the content durable before the message
/// counts as accepted.
///
/// @param stream The stream.
/// @param content The rest of the content, still provisional, is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_open(). After BULLA_BUFFER_TOO_SMALL it may be called again with a larger buffer.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_settle_provisional(
    stream: *mut bulla_open_stream,
    content: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, content) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        stream.stream.with(|stream| stream.settle(content))?;
        Ok(BULLA_OK)
    })
}

/// What the sender signed, as soon as it is verified and judged.
///
/// @param stream The stream.
/// @return The stamp, which lives until the next call on the stream and is not freed; NULL if nothing is known yet.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_stamp(
    stream: *const bulla_open_stream,
) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let stream = unsafe { shared(stream, "") }.ok()?;
        let stamp = stream
            .stream
            .with_ref(|it| it.stream.stamp().map(bulla_stamp::of).ok_or(null("")));
        stamp.ok()
    })
}

/// Ends the envelope, and claims the message from the replay guard: from now on all of the content counts. The stream can then
/// only be freed.
///
/// @param stream The stream.
/// @param content The rest of the content is appended to this buffer.
/// @param message Receives what is known of the message; free it with bulla_message_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_open(): then throw away all of the content. After BULLA_BUFFER_TOO_SMALL nothing is claimed yet,
///         and it may be called again with a larger buffer.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_finish(
    stream: *mut bulla_open_stream,
    content: *mut bulla_buffer,
    message: *mut *mut bulla_message,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(message, "message is NULL")?;
        // SAFETY: as the contract says.
        let (stream, content) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        let proof = stream.finish(content, |stream| {
            stream.end(|it| it.stream.finish(&mut Vec::new()))
        })?;
        out.give(bulla_message { proof });
        Ok(BULLA_OK)
    })
}

/// Frees a stream; one that is not finished claims nothing.
///
/// @param stream The stream; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_free(stream: *mut bulla_open_stream) {
    // SAFETY: as the contract says.
    unsafe { free(stream) }
}

/// A detached envelope, judged, whose content comes in pieces.
pub struct bulla_detached_stream {
    stream: Once<Kept<Detached, OpenerParts>>,
}

enum Detached {
    Fresh(DetachedStream<'static, Fresh>),
    Archive(DetachedStream<'static, Archive>),
}

/// Judges a detached envelope, whose content then comes in pieces.
///
/// @param opener An opener of signed envelopes. It may be changed or freed while the stream goes on.
/// @param envelope The envelope, without armor.
/// @param length Its length in bytes.
/// @param stream Receives the stream; free it with bulla_detached_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_verify_detached(), for all that can be told before the content is there.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_stream_new(
    opener: *const bulla_opener,
    envelope: *const u8,
    length: usize,
    stream: *mut *mut bulla_detached_stream,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(stream, "stream is NULL")?;
        // SAFETY: as the contract says.
        let (opener, envelope) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                bytes(envelope, length, "envelope is NULL")?,
            )
        };
        let stream = Kept::try_new(opener.parts()?, |parts| match parts.gate() {
            Gate::Verify(gate) => gate.detached(envelope).map(Detached::Fresh),
            Gate::Reverify(gate) => gate.detached(envelope).map(Detached::Archive),
            Gate::Open(_) | Gate::Reopen(_) => Err(sealed_only()),
        })?;
        out.give(bulla_detached_stream {
            stream: Once::new(stream),
        });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece of the content.
///
/// @param stream The stream.
/// @param content The piece.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_NOT_AUTHENTIC if there is more than was signed, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER
///         after bulla_detached_stream_finish().
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_stream_update(
    stream: *mut bulla_detached_stream,
    content: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, content) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                bytes(content, length, "content is NULL")?,
            )
        };
        stream.stream.with(|stream| match &mut **stream {
            Detached::Fresh(stream) => stream.update(content),
            Detached::Archive(stream) => stream.update(content),
        })?;
        Ok(BULLA_OK)
    })
}

/// The content has ended: judges the whole. The stream can then only be freed.
///
/// @param stream The stream.
/// @param message Receives what is known of the message; free it with bulla_message_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_verify_detached().
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_stream_finish(
    stream: *mut bulla_detached_stream,
    message: *mut *mut bulla_message,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(message, "message is NULL")?;
        // SAFETY: as the contract says.
        let stream = unsafe { shared(stream, "stream is NULL") }?.stream.take()?;
        let proof = stream.end(|stream| {
            Ok(match stream {
                Detached::Fresh(stream) => Proof::Opened(stream.finish()?),
                Detached::Archive(stream) => Proof::Reopened(stream.finish()?),
            })
        })?;
        out.give(bulla_message { proof });
        Ok(BULLA_OK)
    })
}

/// Frees a stream; one that is not finished claims nothing.
///
/// @param stream The stream; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_detached_stream_free(stream: *mut bulla_detached_stream) {
    // SAFETY: as the contract says.
    unsafe { free(stream) }
}
