//! Opening with a lease, for hosts that store.

use std::vec::Vec;

use zeroize::Zeroizing;

use super::answer::bulla_answer;
use super::buffer::bulla_buffer;
use super::handle::{Kept, shared};
use super::input::bytes;
use super::lease::{Places, Reserved, bulla_lease, land};
use super::open_stream::{bulla_open_stream, fresh};
use super::opener::{Gate, bulla_opener};
use super::status::{bulla_error, bulla_status, entry};
use crate::{Error, ErrorKind};

/// As bulla_open(), but the message is only reserved.
///
/// @param opener An opener with a replay guard.
/// @param envelope The envelope, without armor.
/// @param length Its length in bytes.
/// @param seconds For how long it is reserved: long enough to make its effect durable.
/// @param content The content is appended to this buffer if the message is new. Memory of the caller's must have room for
///        `length` bytes.
/// @param lease With BULLA_OK, receives the reservation; free it with bulla_lease_free().
/// @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_AGAIN if it was dealt with before: do nothing but give the same answer again. Else as bulla_open(),
///         and BULLA_PENDING if somebody else works on it.
/// Threads: any for the opener, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_leased(
    opener: *const bulla_opener,
    envelope: *const u8,
    length: usize,
    seconds: u64,
    content: *mut bulla_buffer,
    lease: *mut *mut bulla_lease,
    again: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let places = Places::new(lease, again)?;
        // SAFETY: as the contract says.
        let (opener, envelope, content) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                bytes(envelope, length, "envelope is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        let parts = opener.parts()?;
        // All of it within, for the envelope may lie in this very buffer. If it fails after all the lease is dropped, and so
        // released.
        let landed = content.append(Some(length), |out| {
            let delivery = Kept::try_new(parts, |parts| match parts.gate() {
                Gate::Open(gate) => gate.open_leased(envelope, seconds),
                Gate::Verify(gate) => gate.verify_leased(envelope, seconds),
                Gate::Reopen(_) | Gate::Reverify(_) => Err(archived()),
            })?;
            land(delivery, |message| {
                let (plain, lease) = message.into_parts();
                out.extend_from_slice(&Zeroizing::new(plain));
                Ok(Reserved::Message(lease))
            })
        })?;
        Ok(places.put(landed))
    })
}

const fn archived() -> Error {
    Error::with(
        ErrorKind::WrongOrder,
        "an opener of archived envelopes has no replay guard to reserve anything in",
    )
}

/// As bulla_open_stream_finish(), but the message is only reserved.
///
/// @param stream A stream of an opener with a replay guard.
/// @param seconds For how long it is reserved: long enough to make its effect durable.
/// @param content The rest of the content is appended to this buffer.
/// @param lease With BULLA_OK, receives the reservation; free it with bulla_lease_free().
/// @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free(). Throw the
///        content away then.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_open_leased().
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_finish_leased(
    stream: *mut bulla_open_stream,
    seconds: u64,
    content: *mut bulla_buffer,
    lease: *mut *mut bulla_lease,
    again: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let places = Places::new(lease, again)?;
        // SAFETY: as the contract says.
        let (stream, content) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        let delivery = stream.finish(content, |stream| {
            fresh(stream)?.try_map(|stream| stream.finish_leased(seconds, &mut Vec::new()))
        })?;
        Ok(places.put(land(delivery, |lease| Ok(Reserved::Message(lease)))?))
    })
}

/// Reserves a message of which only the stamp is verified and judged, in order to refuse it: it is too long, or against the
/// host's policy. The stream can then only be freed.
///
/// @param stream A stream of an opener with a replay guard, whose stamp is there (bulla_open_stream_stamp()).
/// @param seconds For how long it is reserved.
/// @param lease With BULLA_OK, receives the reservation, which can only be rejected or released; free it with bulla_lease_free().
/// @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_open_leased(); BULLA_WRONG_ORDER without a stamp.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open_stream_refuse_leased(
    stream: *mut bulla_open_stream,
    seconds: u64,
    lease: *mut *mut bulla_lease,
    again: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let places = Places::new(lease, again)?;
        // SAFETY: as the contract says.
        let stream = unsafe { shared(stream, "stream is NULL") }?;
        let delivery = stream
            .take_fresh()?
            .try_map(|stream| stream.refuse_leased(seconds))?;
        Ok(places.put(land(delivery, |lease| Ok(Reserved::Refused(lease, None)))?))
    })
}
