//! Cobblestone-256: C2SP chunked-encryption v1 with HKDF-Expand-SHA-512 and AES-256-GCM (spec/envelope.md §4).

use alloc::vec::Vec;
use bulla_aead::Aes256Gcm;
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::secret::{Secret, leaving_nothing};

/// Plaintext bytes of a chunk that is not the last; the last is always shorter.
pub(crate) const CHUNK_LEN: usize = 16 * 1024;
/// Length of the GCM tag after every chunk.
pub(crate) const TAG_LEN: usize = 16;
/// A full chunk on the wire.
pub(crate) const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
pub(crate) const SALT_LEN: usize = 24;
pub(crate) const COMMITMENT_LEN: usize = 32;
/// Salt and commitment, before the first chunk.
pub(crate) const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;
/// Chunks are numbered from 0 to one less than this.
const MAX_CHUNKS: u64 = 1 << 38;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00";

/// The key of one body, and how its chunks are sealed and opened.
pub(crate) struct BodyKey {
    cipher: Aes256Gcm,
    base_nonce: [u8; 12],
    commitment: [u8; COMMITMENT_LEN],
}

impl BodyKey {
    /// The key of a body that begins with `prefix`: salt and commitment. `None` unless the commitment is to this very key
    /// and context, which is checked before anything of the body is opened.
    pub(crate) fn committed(
        content_key: &Secret<32>,
        prefix: &[u8],
        context: &[&[u8]],
    ) -> Option<Self> {
        let (salt, commitment) = prefix.split_first_chunk::<SALT_LEN>()?;
        let key = leaving_nothing(|| Self::derive(content_key, salt, context));
        // Slices of different lengths are not equal.
        bool::from(key.commitment.as_slice().ct_eq(commitment)).then_some(key)
    }

    /// HKDF-Expand with the 32-byte content key directly as HMAC key; `context` in parts. Leaves keys on the stack: it is called by
    /// what wipes it.
    pub(crate) fn derive(
        content_key: &Secret<32>,
        salt: &[u8; SALT_LEN],
        context: &[&[u8]],
    ) -> Self {
        let mut okm = [0_u8; 128];
        let (first, second) = okm.split_at_mut(64);
        // Both blocks begin with the same key: its two compressions are done once.
        let keyed = keyed(content_key);
        hmac_block(&keyed, &[], salt, context, 1, first);
        hmac_block(&keyed, first, salt, context, 2, second);
        let mut key = Secret::<32>::default();
        let mut base_nonce = [0; 12];
        let mut commitment = [0; COMMITMENT_LEN];
        let outputs: [&mut [u8]; 3] = [key.expose_mut(), &mut base_nonce, &mut commitment];
        let mut rest = okm.as_slice();
        for output in outputs {
            let (part, tail) = rest.split_at(output.len());
            output.copy_from_slice(part);
            rest = tail;
        }
        okm.zeroize();
        let cipher = Aes256Gcm::new(key.expose());
        Self {
            cipher,
            base_nonce,
            commitment,
        }
    }

    pub(crate) const fn commitment(&self) -> &[u8; COMMITMENT_LEN] {
        &self.commitment
    }

    fn nonce(&self, chunk: u64) -> Option<[u8; 12]> {
        if chunk >= MAX_CHUNKS {
            return None;
        }
        let mut nonce = self.base_nonce;
        for (byte, count) in nonce.iter_mut().skip(4).zip(chunk.to_be_bytes()) {
            *byte ^= count;
        }
        Some(nonce)
    }

    /// Encrypts `buffer[from..]` in place as chunk number `chunk` and appends its tag. `None` past the last number.
    pub(crate) fn seal_tail(&self, chunk: u64, buffer: &mut Vec<u8>, from: usize) -> Option<()> {
        let nonce = self.nonce(chunk)?;
        let tail = buffer.get_mut(from..)?;
        let tag = self.cipher.seal(&nonce, &[], tail)?;
        buffer.extend_from_slice(&tag);
        Some(())
    }

    /// Opens one sealed chunk (text ‖ tag) and appends its plaintext to `out`; on failure `out` is as before.
    pub(crate) fn open_onto(&self, chunk: u64, sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let nonce = self.nonce(chunk)?;
        let (text, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
        let from = out.len();
        out.extend_from_slice(text);
        let opened = out
            .get_mut(from..)
            .and_then(|tail| self.cipher.open(&nonce, &[], tail, tag));
        if opened.is_none() {
            out.truncate(from);
            return None;
        }
        Some(())
    }
}

/// HMAC-SHA512 with the content key as its key.
fn keyed(key: &Secret<32>) -> Hmac<Sha512> {
    // A key shorter than the block is filled with zeros (RFC 2104 §2); doing so here leaves nothing that can fail.
    let mut block = Zeroizing::new([0_u8; 128]);
    for (slot, byte) in block.iter_mut().zip(key.expose()) {
        *slot = *byte;
    }
    Hmac::new((&*block).into())
}

fn hmac_block(
    keyed: &Hmac<Sha512>,
    previous: &[u8],
    salt: &[u8; SALT_LEN],
    context: &[&[u8]],
    counter: u8,
    out: &mut [u8],
) {
    let mut mac = keyed.clone();
    for part in [previous, INFO, salt] {
        mac.update(part);
    }
    for part in context {
        mac.update(part);
    }
    mac.update(&[counter]);
    let mut block = mac.finalize().into_bytes();
    out.copy_from_slice(&block);
    block.as_mut_slice().zeroize();
}
