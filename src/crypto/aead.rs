//! AES-256-GCM under a key that is used once, with the zero nonce: for key files (spec/identity.md §3).

use alloc::vec::Vec;
use bulla_aead::Aes256Gcm;

use super::secret::Secret;

/// Encrypts `buffer[from..]` in place and appends the tag. The key must never be used again.
pub(crate) fn seal_tail_once(
    key: &Secret<32>,
    associated: &[u8],
    buffer: &mut Vec<u8>,
    from: usize,
) -> Option<()> {
    let tail = buffer.get_mut(from..)?;
    let tag = Aes256Gcm::new(key.expose()).seal(&[0; 12], associated, tail)?;
    buffer.extend_from_slice(&tag);
    Some(())
}

/// Opens what [`seal_tail_once`] made.
pub(crate) fn open_once(key: &Secret<32>, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut out = text.to_vec();
    Aes256Gcm::new(key.expose()).open(&[0; 12], associated, &mut out, tag)?;
    Some(out)
}
