//! Evidence: what a third party needs, without any secret, to check who said what and when (spec/statements.md §6).

use alloc::vec::Vec;

use super::gate::{authenticate, settle};
use super::stamp::Stamp;
use super::verdict::Verified;
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::wire::claims::StatementType;
use crate::wire::evidence::RawEvidence;

impl Verified {
    /// The evidence of this message, for a third party: at most 20 480 bytes, no secret in it, and not the content.
    ///
    /// It proves the author's key, the time the author claims, context, attributes, content length and digest. It does
    /// *not* prove who the recipients were, nor when it was really made: whoever stole the signing key can date back.
    #[must_use]
    pub fn evidence(&self) -> Vec<u8> {
        RawEvidence {
            header_digest: self.header_digest.as_bytes(),
            opening: &self.opening,
            closing: self.closing.as_deref(),
        }
        .write()
    }
}

/// Evidence that was checked: its signatures are the author's.
#[derive(Clone, Debug)]
pub struct Evidence {
    stamp: Stamp,
    content_digest: Digest,
    content_length: u64,
}

impl Evidence {
    /// Checks evidence of a message. No key is needed. Whether the author is who one thinks, and the context the one that
    /// is meant, is for the caller to judge: [`stamp`](Self::stamp)`().signer()` and `.context()`.
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// use bulla::{Draft, Evidence, Identity, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
    /// let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("contract")?, b"I owe you 5")?;
    /// let policy = Policy::new("contract", Senders::only([*alice.verifying_key()]))?;
    /// let message = Opener::new(&bob, &policy, Replay::Unguarded).open(&envelope)?;
    ///
    /// let evidence = message.proof().evidence();
    /// let checked = Evidence::check(&evidence)?; // by anyone, later
    /// assert_eq!(checked.stamp().signer(), alice.verifying_key());
    /// assert!(checked.is_about(b"I owe you 5") && !checked.is_about(b"I owe you 500"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`], [`ErrorKind::UnsupportedVersion`], [`ErrorKind::NotAuthentic`],
    /// [`ErrorKind::WrongStatement`].
    pub fn check(evidence: &[u8]) -> Result<Self> {
        // Other statements have checks of their own: a receipt says nothing about the content of a message.
        Self::check_statement(evidence, StatementType::Message)
    }

    /// The same, of a statement of this type.
    pub(crate) fn check_statement(evidence: &[u8], statement: StatementType) -> Result<Self> {
        let raw = RawEvidence::parse(evidence)?;
        let header_digest = Digest::from_bytes(*raw.header_digest);
        let stamp = authenticate(raw.opening, &header_digest, None, |_| None)?;
        if stamp.statement_type() != statement {
            return Err(ErrorKind::WrongStatement.into());
        }
        let (content_length, content_digest) = match (stamp.length(), stamp.digest(), raw.closing) {
            (Some(length), Some(digest), None) => (length, digest),
            (_, None, Some(closing)) => settle(closing, &stamp, &header_digest, raw.opening)?,
            // A closing is missing, or is one too many.
            _ => return Err(ErrorKind::NotAuthentic.into()),
        };
        Ok(Self {
            stamp,
            content_digest,
            content_length,
        })
    }

    pub(crate) fn into_stamp(self) -> Stamp {
        self.stamp
    }

    /// What the author signed.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Digest of the content.
    #[must_use]
    pub const fn content_digest(&self) -> Digest {
        self.content_digest
    }

    /// Length of the content in bytes.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        self.content_length
    }

    /// Whether `content` is what it is about.
    #[must_use]
    pub fn is_about(&self, content: &[u8]) -> bool {
        content.len() as u64 == self.content_length && Digest::of(content) == self.content_digest
    }
}
