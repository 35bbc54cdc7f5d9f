//! What opening gives: only the gate can make it.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use super::stamp::Stamp;
use crate::crypto::digest::Digest;
use crate::crypto::secret::wipe;

/// What is known of a message after every check but those of freshness: author, stamp, content digest.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(super) stamp: Stamp,
    pub(super) header_digest: Digest,
    pub(super) opening: Vec<u8>,
    pub(super) closing: Option<Vec<u8>>,
    pub(super) content_digest: Digest,
    pub(super) content_length: u64,
    /// Whether the author is on the policy's list, and not just anyone: set by the gate's last step.
    pub(super) listed: bool,
}

impl Verified {
    pub(crate) const fn is_listed(&self) -> bool {
        self.listed
    }

    /// What the author signed.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Digest of the content, verified.
    #[must_use]
    pub const fn content_digest(&self) -> Digest {
        self.content_digest
    }

    /// Length of the content in bytes, verified.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        self.content_length
    }

    /// Digest of the header: names this very envelope.
    #[must_use]
    pub const fn header_digest(&self) -> Digest {
        self.header_digest
    }

    /// Digest of the opening, its signature included.
    #[must_use]
    pub fn opening_digest(&self) -> Digest {
        Digest::of(&self.opening)
    }

    /// What a refusal needs of it.
    pub(super) fn stamp_only(&self, listed: bool) -> StampOnly {
        StampOnly {
            stamp: self.stamp.clone(),
            header_digest: self.header_digest,
            opening_digest: self.opening_digest(),
            listed,
        }
    }
}

/// Proof that the stamp of a message was verified and judged, by an opener that judges freshness. Of the content nothing is
/// known: it is enough to refuse the message, and for nothing else.
#[derive(Clone, Debug)]
pub struct StampOnly {
    pub(super) stamp: Stamp,
    pub(super) header_digest: Digest,
    pub(super) opening_digest: Digest,
    /// Whether the author is on the policy's list, and not just anyone.
    pub(super) listed: bool,
}

impl StampOnly {
    pub(crate) const fn is_listed(&self) -> bool {
        self.listed
    }

    /// What the author signed.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Digest of the header: names this very envelope.
    #[must_use]
    pub const fn header_digest(&self) -> Digest {
        self.header_digest
    }

    /// Digest of the opening, its signature included.
    #[must_use]
    pub const fn opening_digest(&self) -> Digest {
        self.opening_digest
    }
}

/// Proof that a copy came damaged: its stamp was verified and judged, and what followed it failed with
/// [`NotAuthentic`](crate::ErrorKind::NotAuthentic). A note of [damage](crate::Receipter::damaged) is made of it, and of nothing
/// else. Only the gate makes it: neither the stamp of a stream that goes well is one, nor that of a message to be refused.
///
/// ```compile_fail
/// fn defame(stream: &bulla::OpenStream<'_>) -> Option<bulla::Damaged> {
///     stream.stamp_only()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Damaged(StampOnly);

impl Damaged {
    pub(super) const fn new(stamped: StampOnly) -> Self {
        Self(stamped)
    }

    pub(crate) const fn stamp_only(&self) -> &StampOnly {
        &self.0
    }

    /// What the author signed.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.0.stamp
    }

    /// Digest of the header: names the envelope that came damaged.
    #[must_use]
    pub const fn header_digest(&self) -> Digest {
        self.0.header_digest
    }
}

/// Proof that a message passed the whole gate: sender, context, freshness, content, and the replay guard, if the
/// reader has one.
///
/// Only the gate makes it, not even from what was verified for an archive:
///
/// ```compile_fail
/// fn promote(archived: bulla::Reopened) -> bulla::Opened {
///     <bulla::Fresh as bulla::Mode>::proof((*archived).clone())
/// }
/// ```
#[derive(Debug)]
pub struct Opened(Verified);

/// Proof that an archived message is authentic. **Its freshness was not judged**: it may be old, expired, or a copy.
#[derive(Debug)]
pub struct Reopened(Verified);

impl Deref for Opened {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.0
    }
}

impl Deref for Reopened {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.0
    }
}

/// A verified message: its content and the proof.
pub struct Message<P> {
    content: Vec<u8>,
    proof: P,
}

impl<P> Message<P> {
    pub(super) const fn new(content: Vec<u8>, proof: P) -> Self {
        Self { content, proof }
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The content, taken out.
    #[must_use]
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// The proof: who, when, what for.
    #[must_use]
    pub const fn proof(&self) -> &P {
        &self.proof
    }

    /// Content and proof.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, P) {
        (self.content, self.proof)
    }
}

impl<P: Deref<Target = Verified>> Message<P> {
    /// What the author signed.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        self.proof.stamp()
    }
}

impl<P> fmt::Debug for Message<P> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.content.len())
    }
}

/// Wipes content that was decrypted and then refused.
pub(super) fn discard(out: &mut Vec<u8>, from: usize) {
    if let Some(refused) = out.get_mut(from..) {
        wipe(refused);
    }
    out.truncate(from);
}

mod sealed {
    pub trait Mode {}

    /// Only this crate can make one, and so only it can make a proof.
    #[derive(Debug)]
    pub struct Token(pub(super) ());
}

/// What turns a verified message into a proof of the mode `M`: the gate's privilege.
pub(super) fn prove<M: Mode>(verified: Verified) -> M::Proof {
    M::proof(verified, sealed::Token(()))
}

/// How far an opener judges: [`Fresh`] or [`Archive`].
pub trait Mode: sealed::Mode {
    /// The proof that it gives.
    type Proof: Deref<Target = Verified> + fmt::Debug;
    #[doc(hidden)]
    fn proof(verified: Verified, token: sealed::Token) -> Self::Proof;
}

/// Judges everything (spec/opening.md §2).
#[derive(Clone, Copy, Debug)]
pub struct Fresh;

/// Judges everything but freshness, for archives.
#[derive(Clone, Copy, Debug)]
pub struct Archive;

impl sealed::Mode for Fresh {}
impl sealed::Mode for Archive {}

impl Mode for Fresh {
    type Proof = Opened;

    fn proof(verified: Verified, _: sealed::Token) -> Opened {
        Opened(verified)
    }
}

impl Mode for Archive {
    type Proof = Reopened;

    fn proof(verified: Verified, _: sealed::Token) -> Reopened {
        Reopened(verified)
    }
}
