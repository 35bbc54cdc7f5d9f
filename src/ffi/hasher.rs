//! Digests, for hosts that compare content with what was signed.

use super::handle::{Exclusive, Out, free, shared};
use super::input::bytes;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_digest;
use crate::{Digest, Hasher};

/// A digest (BLAKE3) in the making, over content that comes in pieces.
pub struct bulla_hasher {
    hasher: Exclusive<Hasher>,
}

/// The digest of content that is there as a whole.
///
/// @param content The content.
/// @param length Its length in bytes.
/// @param digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_digest_of(
    content: *const u8,
    length: usize,
    digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(digest, "digest is NULL")?;
        // SAFETY: as the contract says.
        let content = unsafe { bytes(content, length, "content is NULL") }?;
        out.put(Digest::of(content).into());
        Ok(BULLA_OK)
    })
}

/// Begins a digest over content that comes in pieces.
///
/// @param hasher Receives the hasher; free it with bulla_hasher_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_hasher_new(
    hasher: *mut *mut bulla_hasher,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        Out::new(hasher, "hasher is NULL")?.give(bulla_hasher {
            hasher: Exclusive::new(Hasher::new()),
        });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece of the content.
///
/// @param hasher The hasher.
/// @param content The piece.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each hasher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_hasher_update(
    hasher: *mut bulla_hasher,
    content: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (hasher, content) = unsafe {
            (
                shared(hasher, "hasher is NULL")?,
                bytes(content, length, "content is NULL")?,
            )
        };
        hasher.hasher.enter()?.update(content);
        Ok(BULLA_OK)
    })
}

/// The digest of all pieces so far. More may follow.
///
/// @param hasher The hasher.
/// @param digest Receives the digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each hasher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_hasher_digest(
    hasher: *const bulla_hasher,
    digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(digest, "digest is NULL")?;
        // SAFETY: as the contract says.
        let hasher = unsafe { shared(hasher, "hasher is NULL") }?;
        let made = hasher.hasher.enter()?.finish();
        out.put(made.into());
        Ok(BULLA_OK)
    })
}

/// Frees a hasher.
///
/// @param hasher The hasher; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_hasher_free(hasher: *mut bulla_hasher) {
    // SAFETY: as the contract says.
    unsafe { free(hasher) }
}
