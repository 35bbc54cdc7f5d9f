//! HPKE as in RFC 9180, mode base, suite (0x0020, 0x0001, 0x0002), with a chosen ephemeral key
//! (envelope.md §3).

use crate::primitives::{gcm_seal, hkdf_expand_sha256, hmac_sha256};

const KEM_SUITE: &[u8] = b"KEM\x00\x20";
const HPKE_SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";

fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    hmac_sha256(salt, &[b"HPKE-v1", suite, label, ikm])
}

fn labeled_expand(suite: &[u8], prk: &[u8], label: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let length_bytes = u16::try_from(length).expect("a short output").to_be_bytes();
    let info = [&length_bytes[..], b"HPKE-v1", suite, label, info].concat();
    hkdf_expand_sha256(prk, &info, length)
}

/// The public key of an X25519 secret.
#[must_use]
pub fn x25519_public(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// The stanza for one recipient, under the ephemeral secret's own public key as `enc`.
#[must_use]
pub fn hpke_seal(ephemeral: &[u8; 32], recipient: &[u8; 32], info: &[u8], plaintext: &[u8]) -> Vec<u8> {
    hpke_seal_as(ephemeral, &x25519_public(ephemeral), recipient, info, plaintext)
}

/// The same with another `enc` in the KEM context than the ephemeral secret has (a wrong or
/// non-canonical one).
#[must_use]
pub fn hpke_seal_as(
    ephemeral: &[u8; 32],
    enc: &[u8; 32],
    recipient: &[u8; 32],
    info: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let dh = x25519_dalek::x25519(*ephemeral, *recipient);
    let context = hpke_key(&dh, enc, recipient, info);
    gcm_seal(&context.0, &context.1, b"", plaintext)
}

/// Key and base nonce from the Diffie-Hellman result (RFC 9180 §4.1 and §5.1).
#[must_use]
pub fn hpke_key(dh: &[u8; 32], enc: &[u8; 32], recipient: &[u8; 32], info: &[u8]) -> ([u8; 32], [u8; 12]) {
    let prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", dh);
    let kem_context = [*enc, *recipient].concat();
    let shared = labeled_expand(KEM_SUITE, &prk, b"shared_secret", &kem_context, 32);

    let psk_id_hash = labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"");
    let info_hash = labeled_extract(HPKE_SUITE, b"", b"info_hash", info);
    let context = [&[0u8][..], &psk_id_hash, &info_hash].concat();
    let secret = labeled_extract(HPKE_SUITE, &shared, b"secret", b"");
    let key = labeled_expand(HPKE_SUITE, &secret, b"key", &context, 32);
    let nonce = labeled_expand(HPKE_SUITE, &secret, b"base_nonce", &context, 12);
    (key.try_into().expect("32 bytes"), nonce.try_into().expect("12 bytes"))
}

/// `info` of a stanza (envelope.md §3).
#[must_use]
pub fn stanza_info(nonce: &[u8], signing_key: &[u8; 32]) -> Vec<u8> {
    [b"bulla/1 stanza\0", nonce, signing_key].concat()
}
