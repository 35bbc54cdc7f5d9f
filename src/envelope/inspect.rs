//! What can be seen of an envelope without a key, and nothing more.

use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::wire::header::{Header, Kind};

/// What anyone can see of an envelope. None of it is authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What kind of envelope it is.
    pub kind: Kind,
    /// The suite.
    pub suite: u8,
    /// How many stanzas there are: at most that many recipients, for some may be decoys. 0 for a signed envelope.
    pub stanzas: usize,
    /// Length of the header in bytes.
    pub header_length: usize,
    /// Digest of the header: the name of this very envelope.
    pub header_digest: Digest,
}

/// Reads the header of an envelope that begins with `start`. `None`: well-formed so far, but more is needed (at most
/// 1 MiB).
///
/// ```
/// assert!(bulla::inspect(b"BULLA").unwrap().is_none());
/// assert!(bulla::inspect(b"PK\x03\x04").is_err());
/// ```
///
/// # Errors
///
/// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed),
/// [`ErrorKind::UnsupportedVersion`](crate::ErrorKind::UnsupportedVersion).
pub fn inspect(start: &[u8]) -> Result<Option<Inspection>> {
    Ok(Header::parse(start)?.map(|header| Inspection {
        kind: header.kind,
        suite: crate::wire::header::SUITE_1,
        stanzas: header.stanzas.len(),
        header_length: header.bytes.len(),
        header_digest: Digest::of(header.bytes),
    }))
}
