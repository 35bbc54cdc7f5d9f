//! What anyone can see of an envelope.

use super::handle::Out;
use super::input::bytes;
use super::status::{BULLA_MORE, BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_digest;
use crate::{Kind, inspect};

/// Encrypted to recipients, and signed.
pub const BULLA_KIND_SEALED: u32 = 1;
/// Signed, not encrypted; the content is inside.
pub const BULLA_KIND_SIGNED: u32 = 2;
/// Signed, not encrypted; the content is beside.
pub const BULLA_KIND_DETACHED: u32 = 3;

/// What anyone can see of an envelope without a key. None of it is authentic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_inspection {
    /// Digest of the header (BLAKE3): names this very envelope.
    pub header_digest: bulla_digest,
    /// Length of the header in bytes.
    pub header_length: u64,
    /// How many stanzas there are: at most so many recipients, for some may be decoys. 0 for a signed envelope.
    pub stanzas: u32,
    /// BULLA_KIND_SEALED, BULLA_KIND_SIGNED or BULLA_KIND_DETACHED.
    pub kind: u32,
    /// The suite: 1.
    pub suite: u32,
    /// Zero.
    pub reserved: [u8; 4],
}

/// Reads the header of an envelope, without a key.
///
/// @param start The envelope, or the beginning of it, without armor.
/// @param length Its length in bytes.
/// @param inspection Receives what can be seen.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_MORE if it is well-formed so far, but more of it is needed (1 MiB at most, mostly 200 bytes);
///         BULLA_MALFORMED; BULLA_UNSUPPORTED_VERSION; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_inspect(
    start: *const u8,
    length: usize,
    inspection: *mut bulla_inspection,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(inspection, "inspection is NULL")?;
        // SAFETY: as the contract says.
        let start = unsafe { bytes(start, length, "start is NULL") }?;
        let Some(seen) = inspect(start)? else {
            return Ok(BULLA_MORE);
        };
        out.put(bulla_inspection {
            header_digest: seen.header_digest.into(),
            header_length: seen.header_length as u64,
            // At most 10 000.
            stanzas: u32::try_from(seen.stanzas).unwrap_or(u32::MAX),
            kind: match seen.kind {
                Kind::Sealed => BULLA_KIND_SEALED,
                Kind::Signed => BULLA_KIND_SIGNED,
                Kind::Detached => BULLA_KIND_DETACHED,
            },
            suite: seen.suite.into(),
            reserved: [0; 4],
        });
        Ok(BULLA_OK)
    })
}
