//! What a step asks for that needs one thing alone.

use super::shelf::Ask;
use crate::crypto::digest::Digest;

/// Asks for one entry.
pub(super) fn of_entry(key: &Digest) -> Ask<'_> {
    Ask {
        entry: Some(key),
        ..Ask::default()
    }
}

/// Asks for one stream.
pub(super) fn of_stream(name: &Digest) -> Ask<'_> {
    Ask {
        stream: Some(name),
        ..Ask::default()
    }
}
