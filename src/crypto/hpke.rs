//! The key schedule of HPKE mode base and its single-shot AEAD (RFC 9180 §5, §6), for the one suite
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

use bulla_aead::Aes256Gcm;
use hkdf::Hkdf;
use sha2::Sha256;

use zeroize::Zeroize;

use super::secret::Secret;

/// Length of a sealed 32-byte key in bytes.
pub(crate) const SEALED_KEY_LEN: usize = 48;
const SUITE_ID: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";
const MODE_BASE: u8 = 0;
const VERSION: &[u8] = b"HPKE-v1";
/// LabeledExtract("", "psk_id_hash", "") of this suite: the same for every message.
const PSK_ID_HASH: [u8; 32] = [
    0x4c, 0xe5, 0x47, 0x2e, 0xcd, 0xd5, 0x09, 0x3b, 0xa0, 0xae, 0xcb, 0x8f, 0x87, 0x1f, 0xf1, 0x3f,
    0x1f, 0xbc, 0x90, 0xee, 0x76, 0xf0, 0xe1, 0x8a, 0xce, 0x1a, 0x1b, 0x7e, 0x56, 0x5b, 0xaf, 0xa3,
];

/// LabeledExtract of RFC 9180 §4, ready to expand.
pub(crate) struct Prk(Hkdf<Sha256>);

pub(crate) fn labeled_kdf(salt: &[u8], suite_id: &[u8], label: &[u8], ikm: &[&[u8]]) -> Prk {
    let mut extract = hkdf::HkdfExtract::<Sha256>::new(Some(salt));
    for part in [VERSION, suite_id, label] {
        extract.input_ikm(part);
    }
    for part in ikm {
        extract.input_ikm(part);
    }
    let (mut prk, expand) = extract.finalize();
    prk.as_mut_slice().zeroize();
    Prk(expand)
}

impl Prk {
    /// LabeledExpand of RFC 9180 §4.
    pub(crate) fn expand<const N: usize>(
        &self,
        suite_id: &[u8],
        label: &[u8],
        info: &[&[u8]],
        out: &mut [u8; N],
    ) {
        const { assert!(N <= 64) };
        let length = [0, N as u8];
        let mut parts: [&[u8]; 8] = [&length, VERSION, suite_id, label, &[], &[], &[], &[]];
        debug_assert!(info.len() <= 4);
        for (slot, part) in parts.iter_mut().skip(4).zip(info) {
            *slot = part;
        }
        // Fails only above 255 × 32 bytes, which the assertion above excludes.
        let _ = self.0.expand_multi_info(&parts, out);
    }
}

/// The AEAD of one (shared secret, info), ready for its only sealing.
pub(crate) struct Context {
    cipher: Aes256Gcm,
    nonce: [u8; 12],
}

impl Context {
    /// The context of this shared secret and `info`, given in parts.
    pub(crate) fn new(shared_secret: &Secret<32>, info: &[&[u8]]) -> Self {
        let (key, nonce) = key_schedule(shared_secret, info);
        let cipher = Aes256Gcm::new(key.expose());
        Self { cipher, nonce }
    }

    /// Single-shot Seal of a 32-byte key with empty AAD: the first sequence number, so the base nonce itself.
    /// Consumes the context, for a second use would repeat the nonce.
    pub(crate) fn seal_key(self, key: &Secret<32>) -> Option<[u8; SEALED_KEY_LEN]> {
        let mut out = [0; SEALED_KEY_LEN];
        let (text, tag) = out.split_at_mut(32);
        text.copy_from_slice(key.expose());
        let made = self.cipher.seal(&self.nonce, &[], text)?;
        tag.copy_from_slice(&made);
        Some(out)
    }

    /// Single-shot Open. May be tried on many ciphertexts: opening repeats no nonce.
    pub(crate) fn open_key(&self, sealed: &[u8; SEALED_KEY_LEN]) -> Option<Secret<32>> {
        let (text, tag) = sealed.split_first_chunk::<32>()?;
        let tag: [u8; 16] = tag.try_into().ok()?;
        let mut key = Secret::new(*text);
        self.cipher.open(&self.nonce, &[], key.expose_mut(), &tag)?;
        Some(key)
    }
}

/// KeySchedule of RFC 9180 §5.1 with an empty PSK: key and base nonce.
fn key_schedule(shared_secret: &Secret<32>, info: &[&[u8]]) -> (Secret<32>, [u8; 12]) {
    let info_hash = labeled_hash(b"info_hash", info);
    let context: [&[u8]; 3] = [&[MODE_BASE], &PSK_ID_HASH, &info_hash];
    let prk = labeled_kdf(shared_secret.expose(), SUITE_ID, b"secret", &[]);
    let mut key = Secret::<32>::default();
    let mut nonce = [0; 12];
    prk.expand(SUITE_ID, b"key", &context, key.expose_mut());
    prk.expand(SUITE_ID, b"base_nonce", &context, &mut nonce);
    (key, nonce)
}

#[cfg(test)]
impl Context {
    /// The key and nonce of the schedule, for comparison with published vectors.
    pub(crate) fn key_and_nonce(
        &self,
        shared_secret: &Secret<32>,
        info: &[&[u8]],
    ) -> (Secret<32>, [u8; 12]) {
        (key_schedule(shared_secret, info).0, self.nonce)
    }
}

/// LabeledExtract("", label, ikm) as bytes, for the two hashes of the key schedule context.
fn labeled_hash(label: &[u8], ikm: &[&[u8]]) -> [u8; 32] {
    let mut extract = hkdf::HkdfExtract::<Sha256>::new(None);
    for part in [VERSION, SUITE_ID, label].iter().chain(ikm) {
        extract.input_ikm(part);
    }
    extract.finalize().0.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_no_psk_is_what_it_is() {
        assert_eq!(labeled_hash(b"psk_id_hash", &[]), PSK_ID_HASH);
    }
}
