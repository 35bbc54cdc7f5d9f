//! AES-256-GCM, without a generic parameter. Generic code is compiled where it is used, with the settings of that crate: here it
//! gets its own, and stays fast in a library that is made small. Nothing of this is a public interface: use the crate `bulla`.
#![no_std]

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Nonce, Tag};

/// Length of the tag, in bytes.
pub const TAG_LEN: usize = 16;

/// A key, scheduled; wiped when it is dropped.
pub struct Aes256Gcm(aes_gcm::Aes256Gcm);

// Never inlined: what is inlined is compiled as its surroundings are.
impl Aes256Gcm {
    /// Schedules the key.
    #[inline(never)]
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(aes_gcm::Aes256Gcm::new(key.into()))
    }

    /// Encrypts in place and gives the tag; `None` if it is too long.
    #[inline(never)]
    #[must_use]
    pub fn seal(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        self.0
            .encrypt_inout_detached(&Nonce::from(*nonce), associated, text.into())
            .ok()
            .map(Into::into)
    }

    /// Decrypts in place; `None` if it is not authentic, and then nothing can be said about `text`.
    #[inline(never)]
    #[must_use]
    pub fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        self.0
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                associated,
                text.into(),
                &Tag::from(*tag),
            )
            .ok()
    }
}
