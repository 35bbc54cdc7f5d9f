//! Plain values that go to and fro.

use crate::{Digest, MessageId, Sent, VerifyingKey};
use crate::{Error, ErrorKind, Result};

/// A BLAKE3 digest: 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_digest {
    /// The bytes.
    pub bytes: [u8; 32],
}

/// A public signing key (Ed25519): the name by which a person is known.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_key {
    /// The bytes, as RFC 8032 encodes them.
    pub bytes: [u8; 32],
}

/// The id of a message: the same when it is sealed or sent again.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_message_id {
    /// The bytes.
    pub bytes: [u8; 16],
}

/// What was sent: what a receipt is compared with. Keep it, byte for byte, until the receipt has come.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_sent {
    /// The id of the message.
    pub message_id: bulla_message_id,
    /// Names the envelope.
    pub header_digest: bulla_digest,
    /// Digest of the opening, its signature included.
    pub opening_digest: bulla_digest,
    /// Digest of the content.
    pub content_digest: bulla_digest,
    /// Length of the content in bytes.
    pub content_length: u64,
    /// When it was issued, in seconds since 1970.
    pub issued: u64,
    /// When it expires, in seconds since 1970; only if `has_expires` is 1.
    pub expires: u64,
    /// 1 if it expires.
    pub has_expires: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

impl From<Digest> for bulla_digest {
    fn from(digest: Digest) -> Self {
        Self {
            bytes: *digest.as_bytes(),
        }
    }
}

impl From<bulla_digest> for Digest {
    fn from(digest: bulla_digest) -> Self {
        Self::from_bytes(digest.bytes)
    }
}

impl From<&VerifyingKey> for bulla_key {
    fn from(key: &VerifyingKey) -> Self {
        Self {
            bytes: *key.as_bytes(),
        }
    }
}

impl bulla_key {
    pub(super) fn parse(&self) -> Result<VerifyingKey> {
        VerifyingKey::from_bytes(&self.bytes).ok_or(Error::with(
            ErrorKind::InvalidInput,
            "these 32 bytes are no acceptable signing key",
        ))
    }
}

impl From<MessageId> for bulla_message_id {
    fn from(id: MessageId) -> Self {
        Self { bytes: id.0 }
    }
}

impl From<&Sent> for bulla_sent {
    fn from(sent: &Sent) -> Self {
        Self {
            message_id: sent.message_id.into(),
            header_digest: sent.header_digest.into(),
            opening_digest: sent.opening_digest.into(),
            content_digest: sent.content_digest.into(),
            content_length: sent.content_length,
            issued: sent.issued,
            expires: sent.expires.unwrap_or_default(),
            has_expires: u8::from(sent.expires.is_some()),
            reserved: [0; 7],
        }
    }
}

impl From<&bulla_sent> for Sent {
    fn from(sent: &bulla_sent) -> Self {
        Self {
            message_id: MessageId(sent.message_id.bytes),
            header_digest: sent.header_digest.into(),
            opening_digest: sent.opening_digest.into(),
            content_digest: sent.content_digest.into(),
            content_length: sent.content_length,
            issued: sent.issued,
            expires: (sent.has_expires != 0).then_some(sent.expires),
        }
    }
}

/// Bytes that belong to something else and are only looked at: they stay as long as what they were asked of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_view {
    /// The bytes, not closed with NUL; NULL if there are none.
    pub data: *const u8,
    /// How many.
    pub length: usize,
}

impl bulla_view {
    pub(super) const NOTHING: Self = Self {
        data: core::ptr::null(),
        length: 0,
    };

    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::NOTHING;
        }
        Self {
            data: bytes.as_ptr(),
            length: bytes.len(),
        }
    }
}
