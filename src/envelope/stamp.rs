//! The stamp: what an author signed about a message.

use core::fmt;

use crate::crypto::digest::Digest;
use crate::crypto::kem::KemPublicKey;
use crate::crypto::sign::VerifyingKey;
use crate::error::{ErrorKind, Result};
use crate::identity::public::EncryptionKey;
use crate::wire::claims::{Claims, Sequence, StatementType};

/// Identifies a message; it stays the same when the message is sealed again. Random, 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

/// Which receipts an author asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Receipts {
    /// When the message was opened and handed to the application.
    pub delivered: bool,
    /// When the content was stored and read again.
    pub stored: bool,
    /// When it was rejected.
    pub rejected: bool,
}

impl Receipts {
    pub(crate) fn to_bits(self) -> u8 {
        u8::from(self.delivered) | u8::from(self.stored) << 1 | u8::from(self.rejected) << 2
    }

    const fn from_bits(bits: u8) -> Self {
        Self {
            delivered: bits & 1 != 0,
            stored: bits & 2 != 0,
            rejected: bits & 4 != 0,
        }
    }
}

/// What an author signed about a message. Whoever holds one from an opened message can rely on it: it is authentic.
#[derive(Clone, Debug)]
pub struct Stamp {
    claims: Claims,
    signer: VerifyingKey,
    reply_key: Option<EncryptionKey>,
}

impl Stamp {
    /// Checks the keys among the claims. `known` finds a key that is already parsed, which saves a decompression.
    pub(crate) fn new(
        claims: Claims,
        known: impl Fn(&[u8; 32]) -> Option<VerifyingKey>,
    ) -> Result<Self> {
        let signer = known(&claims.signer)
            .or_else(|| VerifyingKey::from_bytes(&claims.signer))
            .ok_or(ErrorKind::NotAuthentic)?;
        let reply_key = match &claims.reply_key {
            None => None,
            Some(reply) => {
                let key = KemPublicKey::from_bytes(&reply.key).ok_or(ErrorKind::NotAuthentic)?;
                Some(EncryptionKey::new(reply.generation, key))
            }
        };
        Ok(Self {
            claims,
            signer,
            reply_key,
        })
    }

    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Who signed: the author.
    #[must_use]
    pub const fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// Which application it was made for.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.claims.context
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn statement_type(&self) -> StatementType {
        self.claims.statement
    }

    /// When it was issued, as the author says, in seconds since 1970.
    #[must_use]
    pub const fn issued(&self) -> u64 {
        self.claims.issued
    }

    /// From when on it is not valid any more, in seconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> Option<u64> {
        self.claims.expires
    }

    /// The message id.
    #[must_use]
    pub const fn message_id(&self) -> MessageId {
        MessageId(self.claims.message_id)
    }

    /// The media type of the content, as the author says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.claims.content_type.as_deref()
    }

    /// Length of the content in bytes, if it was known when the stamp was signed.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.claims.length
    }

    /// Digest of the content, if it was known when the stamp was signed (not when streamed).
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.claims.digest.map(Digest::from_bytes)
    }

    /// Length of the padding in bytes.
    #[must_use]
    pub const fn padding(&self) -> u64 {
        self.claims.padding
    }

    /// The attributes. Names and values are data from a stranger: a file name among them is not a path.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.claims
            .attributes
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_slice()))
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.attributes()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Its place in a stream of messages.
    #[must_use]
    pub const fn sequence(&self) -> Option<&Sequence> {
        self.claims.sequence.as_ref()
    }

    /// The challenge that it answers.
    #[must_use]
    pub const fn challenge(&self) -> Option<&[u8; 32]> {
        self.claims.challenge.as_ref()
    }

    /// Which receipts are asked for.
    #[must_use]
    pub const fn receipts(&self) -> Receipts {
        Receipts::from_bits(self.claims.receipts)
    }

    /// Where receipts go.
    #[must_use]
    pub const fn reply_key(&self) -> Option<&EncryptionKey> {
        self.reply_key.as_ref()
    }
}
