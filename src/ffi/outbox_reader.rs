//! An envelope of an outbox, on its way out.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use std::io::{Read, Seek, SeekFrom};

use super::buffer::bulla_buffer;
use super::handle::{Once, Out, free, shared};
use super::input::value;
use super::outbox::bulla_outbox;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_digest;
#[cfg(feature = "sqlite")]
use crate::OutboxEnvelope;
use crate::{Error, ErrorKind};

/// An envelope of an outbox, to be read in pieces.
pub struct bulla_outbox_reader {
    #[cfg(feature = "sqlite")]
    envelope: Once<OutboxEnvelope>,
}

/// Begins to read an envelope to send, in pieces.
///
/// @param outbox The outbox. It may be freed while the envelope is read.
/// @param header_digest Names the envelope.
/// @param reader Receives the reader; free it with bulla_outbox_reader_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is not there (any more), which is harmless as for
///         bulla_outbox_envelope(); BULLA_OUTBOX_UNAVAILABLE, BULLA_IO.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_reader_new(
    outbox: *const bulla_outbox,
    header_digest: *const bulla_digest,
    reader: *mut *mut bulla_outbox_reader,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(reader, "reader is NULL")?;
            // SAFETY: as the contract says.
            let (outbox, header) = unsafe {
                (
                    shared(outbox, "outbox is NULL")?,
                    (*value(header_digest, "header_digest is NULL")?).into(),
                )
            };
            out.give(bulla_outbox_reader {
                envelope: Once::new(outbox.outbox.envelope(&header)?),
            });
            Ok(BULLA_OK)
        })
    )
}

/// Reads the next piece.
///
/// @param reader The reader.
/// @param at_most How many bytes, at least 1. Memory of the caller's must have room for so many.
/// @param envelope The piece is appended to this buffer: as long as said, but for the last one.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING at the end; BULLA_IO, and then it can only be freed; BULLA_BUFFER_TOO_SMALL,
///         BULLA_INVALID_INPUT; BULLA_WRONG_ORDER after a failure.
/// Threads: one at a time for each reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_reader_read(
    reader: *mut bulla_outbox_reader,
    at_most: usize,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (reader, envelope) = unsafe {
                (
                    shared(reader, "reader is NULL")?,
                    shared(envelope, "envelope is NULL")?,
                )
            };
            if at_most == 0 {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "at_most is 0: nothing could be read",
                ));
            }
            // The buffer first: if it has no room, nothing of the envelope is lost.
            let read = envelope.append(Some(at_most), |out| {
                reader
                    .envelope
                    .with_or_end(|envelope| Ok(envelope.take(at_most as u64).read_to_end(out)?))
            })?;
            Ok(if read == 0 { BULLA_NOTHING } else { BULLA_OK })
        })
    )
}

/// Tells how long an envelope is, and goes to a place in it, from which it is read next: to go on with what was cut off.
///
/// @param reader The reader.
/// @param place How many bytes from the beginning.
/// @param length Receives the length of the whole envelope in bytes; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if the envelope is not so long: then only its length is told, and the reader stays where it
///         is; BULLA_IO, and then it can only be freed; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure.
/// Threads: one at a time for each reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_reader_seek(
    reader: *mut bulla_outbox_reader,
    place: u64,
    length: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let reader = unsafe { shared(reader, "reader is NULL") }?;
            let (whole, there) = reader.envelope.with_or_end(|envelope| {
                let before = envelope.stream_position()?;
                let whole = envelope.seek(SeekFrom::End(0))?;
                let there = place <= whole;
                envelope.seek(SeekFrom::Start(if there { place } else { before }))?;
                Ok((whole, there))
            })?;
            if let Ok(place) = Out::new(length, "") {
                place.put(whole);
            }
            Ok(if there { BULLA_OK } else { BULLA_NOTHING })
        })
    )
}

/// Frees a reader.
///
/// @param reader The reader; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_outbox_reader_free(reader: *mut bulla_outbox_reader) {
    // SAFETY: as the contract says.
    unsafe { free(reader) }
}
