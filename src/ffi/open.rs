//! Opening and verifying in one piece.

use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::handle::{Out, shared};
use super::input::bytes;
use super::message::{Proof, bulla_message};
use super::opener::{Gate, bulla_opener};
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{Error, ErrorKind, Result};

/// Opens a sealed envelope, or verifies a signed one with its content inside, once. Nothing is given out before everything
/// is checked, and what is accepted counts as accepted from then on.
///
/// @param opener The opener.
/// @param envelope The envelope, without armor.
/// @param length Its length in bytes.
/// @param content The content is appended to this buffer. Memory of the caller's must have room for `length` bytes.
/// @param message Receives what is known of the message; free it with bulla_message_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or a failure; then nothing was accepted, but for BULLA_GUARD_UNAVAILABLE of a guard on a server, or of the
///         host's own: its answer may have been lost after it had claimed the message, which then is BULLA_REPLAYED when it comes
///         again (with bulla_open_leased() it comes again, when the lease has run out). BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_WRONG_KIND,
///         BULLA_NOT_FOR_ME and BULLA_NOT_AUTHENTIC say that nobody is known to have said anything. Authentic but refused are
///         codes 40 to 69. Codes 70 to 79 decide nothing: try again later, and never bounce. BULLA_BUFFER_TOO_SMALL and
///         BULLA_INVALID_INPUT come before anything is looked at.
/// Threads: any for the opener, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_open(
    opener: *const bulla_opener,
    envelope: *const u8,
    length: usize,
    content: *mut bulla_buffer,
    message: *mut *mut bulla_message,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(message, "message is NULL")?;
        // SAFETY: as the contract says.
        let (opener, envelope, content) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                bytes(envelope, length, "envelope is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        let parts = opener.parts()?;
        let proof = content.append(Some(length), |place| open(&parts.gate(), envelope, place))?;
        out.give(bulla_message { proof });
        Ok(BULLA_OK)
    })
}

fn open(gate: &Gate<'_>, envelope: &[u8], place: &mut Vec<u8>) -> Result<Proof> {
    // In pieces, so that the content goes to its place without a copy. If it fails the buffer takes back what came.
    match gate {
        Gate::Open(gate) => {
            let mut stream = gate.stream();
            stream.update_provisional(envelope, place)?;
            stream.finish(place).map(Proof::Opened)
        }
        Gate::Reopen(gate) => {
            let mut stream = gate.stream();
            stream.update_provisional(envelope, place)?;
            stream.finish(place).map(Proof::Reopened)
        }
        Gate::Verify(gate) => {
            let mut stream = gate.stream();
            stream.update_provisional(envelope, place)?;
            stream.finish(place).map(Proof::Opened)
        }
        Gate::Reverify(gate) => {
            let mut stream = gate.stream();
            stream.update_provisional(envelope, place)?;
            stream.finish(place).map(Proof::Reopened)
        }
    }
}

/// Verifies a detached envelope against the content beside it, once.
///
/// @param opener An opener of signed envelopes.
/// @param envelope The envelope, without armor.
/// @param envelope_length Its length in bytes.
/// @param content The content.
/// @param content_length Its length in bytes.
/// @param message Receives what is known of the message; free it with bulla_message_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_open(); BULLA_NOT_AUTHENTIC also if the content is not the signed one; BULLA_WRONG_ORDER for an opener of
///         sealed envelopes.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verify_detached(
    opener: *const bulla_opener,
    envelope: *const u8,
    envelope_length: usize,
    content: *const u8,
    content_length: usize,
    message: *mut *mut bulla_message,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(message, "message is NULL")?;
        // SAFETY: as the contract says.
        let (opener, envelope, content) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                bytes(envelope, envelope_length, "envelope is NULL")?,
                bytes(content, content_length, "content is NULL")?,
            )
        };
        let parts = opener.parts()?;
        let proof = match parts.gate() {
            Gate::Verify(gate) => Proof::Opened(gate.verify_detached(envelope, content)?),
            Gate::Reverify(gate) => Proof::Reopened(gate.verify_detached(envelope, content)?),
            Gate::Open(_) | Gate::Reopen(_) => return Err(sealed_only()),
        };
        out.give(bulla_message { proof });
        Ok(BULLA_OK)
    })
}

pub(super) const fn sealed_only() -> Error {
    Error::with(
        ErrorKind::WrongOrder,
        "this opener is for sealed envelopes: make one with bulla_verifier_new()",
    )
}
