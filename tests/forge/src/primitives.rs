//! The few primitives that everything here is made of, each behind one plain function.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};

/// `H(x)` of the specification: BLAKE3 with 32 bytes of output.
#[must_use]
pub fn h(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Expands a name to `length` bytes; all "randomness" of this crate.
#[must_use]
pub fn bytes(name: &str, length: usize) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"bulla-forge test bytes: ");
    hasher.update(name.as_bytes());
    let mut out = vec![0; length];
    hasher.finalize_xof().fill(&mut out);
    out
}

/// [`bytes`] as an array.
#[must_use]
pub fn named<const N: usize>(name: &str) -> [u8; N] {
    bytes(name, N).try_into().expect("asked for N bytes")
}

/// AES-256-GCM; the tag stands after the ciphertext.
#[must_use]
pub fn gcm_seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    cipher.encrypt(&Nonce::from(*nonce), Payload { msg: plaintext, aad }).expect("short enough for GCM")
}

/// The plaintext, if the tag after the ciphertext is right.
pub(crate) fn gcm_open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

/// Argon2id, version 0x13, 32 bytes of output (identity.md §3).
#[must_use]
pub fn argon2id(passphrase: &str, salt: &[u8; 16], m: u32, t: u32, p: u32) -> [u8; 32] {
    use argon2::{Algorithm, Argon2, Params, Version};
    let params = Params::new(m, t, p, Some(32)).expect("possible Argon2 parameters");
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .expect("a passphrase of possible length");
    key
}

/// HMAC with SHA-256 or SHA-512, over the parts joined.
macro_rules! hmac_fn {
    ($name:ident, $hash:ty, $length:literal) => {
        pub(crate) fn $name(key: &[u8], parts: &[&[u8]]) -> [u8; $length] {
            use hmac::{Hmac, KeyInit, Mac};
            let mut mac = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes any key length");
            for part in parts {
                mac.update(part);
            }
            mac.finalize().into_bytes().into()
        }
    };
}
hmac_fn!(hmac_sha256, sha2::Sha256, 32);
hmac_fn!(hmac_sha512, sha2::Sha512, 64);

/// HKDF-Expand (RFC 5869 §2.3), written out because Cobblestone's 32-byte key is shorter than a PRK.
macro_rules! hkdf_expand_fn {
    ($name:ident, $hmac:ident) => {
        pub(crate) fn $name(prk: &[u8], info: &[u8], length: usize) -> Vec<u8> {
            let (mut out, mut block, mut counter) = (Vec::new(), Vec::new(), 1u8);
            while out.len() < length {
                block = $hmac(prk, &[&block, info, &[counter]]).to_vec();
                out.extend_from_slice(&block);
                counter += 1;
            }
            out.truncate(length);
            out
        }
    };
}
hkdf_expand_fn!(hkdf_expand_sha256, hmac_sha256);
hkdf_expand_fn!(hkdf_expand_sha512, hmac_sha512);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_expand_is_rfc_5869_test_case_1() {
        let prk = hmac_sha256(&(0..=12).collect::<Vec<u8>>(), &[&[0x0b; 22]]);
        let okm = hkdf_expand_sha256(&prk, &(0xf0..=0xf9).collect::<Vec<u8>>(), 42);
        assert_eq!(okm[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        assert_eq!(okm[40..], [0x58, 0x65]);
    }

    #[test]
    fn names_give_stable_bytes() {
        assert_eq!(bytes("a", 64)[..32], bytes("a", 32));
        assert_ne!(bytes("a", 32), bytes("b", 32));
    }
}
