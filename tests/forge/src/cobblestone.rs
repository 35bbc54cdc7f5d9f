//! Cobblestone-256: C2SP chunked-encryption v1 with HKDF-Expand-SHA-512 and AES-256-GCM
//! (envelope.md §4).

use crate::primitives::{gcm_seal, h, hkdf_expand_sha512};

/// Bytes of plaintext in every chunk but the last.
pub const CHUNK: usize = 16_384;
const NAME: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// The `context` of an envelope's body.
#[must_use]
pub fn body_context(header: &[u8]) -> Vec<u8> {
    [&b"bulla/1 body\0"[..], &h(&[header])].concat()
}

/// What the content key, salt and context expand to.
#[derive(Clone)]
pub struct Schedule {
    pub key: [u8; 32],
    pub base_nonce: [u8; 12],
    pub commitment: [u8; 32],
}

impl Schedule {
    #[must_use]
    pub fn new(content_key: &[u8; 32], salt: &[u8; 24], context: &[u8]) -> Self {
        let out = hkdf_expand_sha512(content_key, &[NAME, salt, context].concat(), 76);
        Self {
            key: out[..32].try_into().expect("32 bytes"),
            base_nonce: out[32..44].try_into().expect("12 bytes"),
            commitment: out[44..].try_into().expect("32 bytes"),
        }
    }

    pub(crate) fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.base_nonce;
        for (byte, count) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= count;
        }
        nonce
    }

    /// One chunk with its tag, whatever its length.
    #[must_use]
    pub fn chunk(&self, number: u64, plaintext: &[u8]) -> Vec<u8> {
        gcm_seal(&self.key, &self.nonce(number), b"", plaintext)
    }

    /// All chunks of a message; the last one carries 0 to 16 383 bytes.
    #[must_use]
    pub fn chunks(&self, plaintext: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces: Vec<&[u8]> = plaintext.chunks(CHUNK).collect();
        if plaintext.len().is_multiple_of(CHUNK) {
            pieces.push(b"");
        }
        (0..).zip(pieces).map(|(number, piece)| self.chunk(number, piece)).collect()
    }
}

/// A whole body: salt, commitment, chunks.
#[must_use]
pub fn cobblestone_seal(content_key: &[u8; 32], salt: &[u8; 24], context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let schedule = Schedule::new(content_key, salt, context);
    [&salt[..], &schedule.commitment, &schedule.chunks(plaintext).concat()].concat()
}
