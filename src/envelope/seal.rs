//! Sealing and signing in one piece (spec/envelope.md).

use alloc::vec::Vec;
use core::fmt;

use super::begin::{opening_head, sent, sign_statement, undo_on_error, write_opening};
use super::chunks::BodyWriter;
use super::draft::Draft;
use super::padding::{Padding, padding_claim};
use super::recipients::Recipient;
#[cfg(feature = "std")]
use super::session::Session;
use super::stamp::MessageId;
use crate::crypto::digest::Digest;
use crate::crypto::random::Entropy;
use crate::crypto::secret::Secret;
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::identity::holder::Signer;
use crate::identity::public::PublicIdentity;
use crate::wire::claims::Claims;
use crate::wire::header::Kind;
use crate::wire::labels;
use crate::wire::limits::MAX_OPENING;

/// The form byte of a plaintext whose statements are COSE_Sign1 (spec/envelope.md §5).
pub(crate) const FORM_COSE: u8 = 1;
/// Form byte and length of the opening.
pub(crate) const OPENING_PREFIX: usize = 3;

/// What the sender should keep about a sealed or signed message: by it, receipts are checked later, and the same message
/// is sealed again ([`Draft::again`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The message id.
    pub message_id: MessageId,
    /// Digest of the header: names this very envelope.
    pub header_digest: Digest,
    /// Digest of the opening, its signature included.
    pub opening_digest: Digest,
    /// Digest of the content.
    pub content_digest: Digest,
    /// Length of the content in bytes.
    pub content_length: u64,
    /// The time that the stamp claims, in seconds since 1970.
    pub issued: u64,
    /// The expiry that the stamp claims.
    pub expires: Option<u64>,
}

/// Seals and signs messages of one author.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// use bulla::{Draft, Identity, OsEntropy, Sealer};
/// let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
/// assert!(envelope.starts_with(b"BULLA"));
/// # Ok(()) }
/// ```
pub struct Sealer<'a> {
    pub(super) signer: &'a dyn Signer,
    pub(super) verifying: VerifyingKey,
    pub(super) clock: &'a dyn Clock,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) recipients: Vec<Recipient>,
    pub(super) padding: Padding,
    /// Whether a recipient has no key that can be used here.
    pub(super) unusable: bool,
    pub(super) decoys: usize,
    pub(super) extra: Secret<32>,
    #[cfg(feature = "std")]
    pub(super) session: Option<&'a Session>,
}

impl<'a> Sealer<'a> {
    /// Seals as this author, with the clock and the generator of the system.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(signer: &'a dyn Signer) -> Self {
        Self::with(
            signer,
            &crate::freshness::clock::SystemClock,
            &crate::crypto::random::OsEntropy,
        )
    }

    /// Seals as this author, with this clock and this generator.
    #[must_use]
    pub fn with(signer: &'a dyn Signer, clock: &'a dyn Clock, entropy: &'a dyn Entropy) -> Self {
        Self {
            signer,
            verifying: signer.signer_key(),
            clock,
            entropy,
            recipients: Vec::new(),
            padding: Padding::Padme,
            unusable: false,
            decoys: 0,
            extra: Secret::default(),
            #[cfg(feature = "std")]
            session: None,
        }
    }

    /// Adds a recipient. All of them can open what is sealed; none of them learns who the others are, only how many.
    #[must_use]
    pub fn to(mut self, recipient: &PublicIdentity) -> Self {
        match Recipient::new(recipient) {
            Ok(recipient) => self.recipients.push(recipient),
            // Told when it comes to sealing: nobody is left out in silence.
            Err(_) => self.unusable = true,
        }
        self
    }

    /// Adds recipients.
    #[must_use]
    pub fn to_all<'r>(self, recipients: impl IntoIterator<Item = &'r PublicIdentity>) -> Self {
        recipients.into_iter().fold(self, Self::to)
    }

    /// How lengths are hidden; Padmé by default, where the length of the content is known.
    #[must_use]
    pub const fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Adds this many stanzas that open to nobody, to hide how many recipients there are: 48 bytes each.
    #[must_use]
    pub const fn decoys(mut self, count: usize) -> Self {
        self.decoys = count;
        self
    }

    /// Entropy that the application has gathered itself, mixed into all randomness.
    #[must_use]
    pub fn extra_entropy(mut self, bytes: &[u8]) -> Self {
        self.extra = Secret::new(*Digest::of_parts(&[self.extra.expose(), bytes]).as_bytes());
        self
    }

    /// Seals in a session: one ephemeral key for a batch (see [`Session`] for what that gives away).
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn in_session(mut self, session: &'a Session) -> Self {
        self.session = Some(session);
        self
    }

    /// Seals `content` to the recipients.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRecipient`], [`ErrorKind::DuplicateRecipient`], [`ErrorKind::InvalidInput`] (more than 10 000
    /// recipients, or a draft whose stamp is longer than 16 KiB), [`ErrorKind::RandomFailed`],
    /// [`ErrorKind::ClockFailed`], [`ErrorKind::KeyUnavailable`], [`ErrorKind::SessionOver`].
    pub fn seal(&self, draft: &Draft, content: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.seal_into(draft, content, &mut out)?;
        Ok(out)
    }

    /// Appends a sealed envelope to `out` and says what to keep about it. On failure `out` is as it was.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_into(&self, draft: &Draft, content: &[u8], out: &mut Vec<u8>) -> Result<Sent> {
        self.whole(Kind::Sealed, draft, content, out)
    }

    /// Signs `content` and encrypts nothing: the envelope holds the content for all to read.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal), but for recipients, of which none are needed.
    pub fn sign(&self, draft: &Draft, content: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.sign_into(draft, content, &mut out)?;
        Ok(out)
    }

    /// Appends a signed envelope with the content to `out`. On failure `out` is as it was.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_into(&self, draft: &Draft, content: &[u8], out: &mut Vec<u8>) -> Result<Sent> {
        self.whole(Kind::Signed, draft, content, out)
    }

    /// Signs `content`, which stays beside the envelope.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_detached(&self, draft: &Draft, content: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.detached(draft, Digest::of(content), content.len() as u64, &mut out)?;
        Ok(out)
    }

    /// A detached envelope for content of this digest and length.
    pub(super) fn detached(
        &self,
        draft: &Draft,
        digest: Digest,
        length: u64,
        out: &mut Vec<u8>,
    ) -> Result<Sent> {
        undo_on_error(out, |out| {
            let begun = self.begin(Kind::Detached, draft, (Some(length), Some(digest)), out)?;
            let claims = begun.claims;
            let opening = self.opening(&claims, &begun.header_digest)?;
            write_opening(&mut BodyWriter::Clear, &opening, out)?;
            Ok(sent(&claims, begun.header_digest, &opening, digest, length))
        })
    }

    fn whole(&self, kind: Kind, draft: &Draft, content: &[u8], out: &mut Vec<u8>) -> Result<Sent> {
        let digest = Digest::of(content);
        undo_on_error(out, |out| {
            let about = (Some(content.len() as u64), Some(digest));
            let begun = self.begin(kind, draft, about, out)?;
            let mut claims = begun.claims;
            if kind == Kind::Sealed {
                claims.padding = self.padding_for(&claims, content.len() as u64, 0)?;
            }
            let opening = self.opening(&claims, &begun.header_digest)?;
            // Padding is at most an eighth of the rest, which is in memory.
            let plain = OPENING_PREFIX + opening.len() + content.len() + claims.padding as usize;
            out.reserve(plain + BodyWriter::overhead(plain));
            let body = begun.body.into_writer(out);
            let head = opening_head(&opening);
            body.whole(&[&head, &opening, content], claims.padding, out)?;
            Ok(sent(
                &claims,
                begun.header_digest,
                &opening,
                digest,
                content.len() as u64,
            ))
        })
    }

    /// The padding of a message whose claims are final but for it; `trailer` is what follows the padding.
    pub(super) fn padding_for(&self, claims: &Claims, length: u64, trailer: u64) -> Result<u64> {
        match self.padding {
            Padding::None => Ok(0),
            Padding::Padme => length
                .checked_add(trailer + OPENING_PREFIX as u64)
                .and_then(|rest| padding_claim(claims.encode().len(), rest))
                .ok_or(Error::with(
                    ErrorKind::InvalidInput,
                    "the content is too long to be padded",
                )),
        }
    }

    /// Signs the stamp (spec/statements.md §2).
    pub(super) fn opening(&self, claims: &Claims, header_digest: &Digest) -> Result<Vec<u8>> {
        let opening = sign_statement(
            self.signer,
            &self.verifying,
            &[labels::OPENING, header_digest.as_bytes()],
            &claims.encode(),
        )?;
        if opening.len() > MAX_OPENING {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the stamp is longer than 16 KiB: fewer or shorter attributes",
            ));
        }
        Ok(opening)
    }
}

impl fmt::Debug for Sealer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("author", &self.verifying)
            .field("recipients", &self.recipients.len())
            .finish_non_exhaustive()
    }
}
