//! Public identities: what others need in order to seal to somebody, and to know him.

use core::ffi::c_char;
use std::str::FromStr;
use std::string::ToString;

use super::buffer::bulla_buffer;
use super::handle::{Out, free, shared};
use super::input::text;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_key;
use crate::PublicIdentity;

/// A public identity: a signing key, and the encryption keys of whom it belongs to.
pub struct bulla_public {
    pub(super) identity: PublicIdentity,
}

/// Reads an identity line ("bulla1…").
///
/// @param line The line, closed with NUL; white space around it is an error.
/// @param identity Receives the identity; free it with bulla_public_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_parse(
    line: *const c_char,
    identity: *mut *mut bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        // SAFETY: as the contract says.
        let line = unsafe { text(line, "line is NULL") }?;
        let identity = PublicIdentity::from_str(line)?;
        out.give(bulla_public { identity });
        Ok(BULLA_OK)
    })
}

/// Writes the identity line, without a line end and without a closing NUL.
///
/// @param identity The identity.
/// @param line The line is appended to this buffer; at most 1023 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
/// Threads: any for the identity, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_line(
    identity: *const bulla_public,
    line: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (identity, line) = unsafe {
            (
                shared(identity, "identity is NULL")?,
                shared(line, "line is NULL")?,
            )
        };
        line.add(identity.identity.to_string().as_bytes())?;
        Ok(BULLA_OK)
    })
}

/// The signing key of an identity: the name by which policies, guards and receipts know it.
///
/// @param identity The identity.
/// @param key Receives the key: 32 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_key(
    identity: *const bulla_public,
    key: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(key, "key is NULL")?;
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        out.put(identity.identity.verifying_key().into());
        Ok(BULLA_OK)
    })
}

/// Frees a public identity.
///
/// @param identity The identity; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_free(identity: *mut bulla_public) {
    // SAFETY: as the contract says.
    unsafe { free(identity) }
}
