//! AES-256-GCM under a key that is used once, with the zero nonce: for key files (spec/identity.md §3).

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use alloc::vec::Vec;

use super::secret::Secret;

/// Encrypts `buffer[from..]` in place and appends the tag. The key must never be used again.
pub(crate) fn seal_tail_once(
    key: &Secret<32>,
    associated: &[u8],
    buffer: &mut Vec<u8>,
    from: usize,
) -> Option<()> {
    let tail = buffer.get_mut(from..)?;
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(&Nonce::default(), associated, tail.into())
        .ok()?;
    buffer.extend_from_slice(&tag);
    Some(())
}

/// Opens what [`seal_tail_once`] made.
pub(crate) fn open_once(key: &Secret<32>, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut out = text.to_vec();
    Aes256Gcm::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::default(),
            associated,
            out.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(out)
}
