//! Ed25519 with everything in the open, so that signatures can be bent (statements.md §1).

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Signer;
use sha2::{Digest, Sha512};

use crate::points::order_eight;

/// The order L of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// An honest signature (RFC 8032).
#[must_use]
pub fn sign(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    ed25519_dalek::SigningKey::from_bytes(seed).sign(message).to_bytes()
}

/// The public key of a seed.
#[must_use]
pub fn public(seed: &[u8; 32]) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// The secret scalar of a seed (RFC 8032 §5.1.5, before the reduction irrelevant here).
#[must_use]
pub fn scalar(seed: &[u8; 32]) -> Scalar {
    ed25519_dalek::SigningKey::from_bytes(seed).to_scalar()
}

fn challenge(r: &[u8], public: &[u8], message: &[u8]) -> [u8; 64] {
    Sha512::new().chain_update(r).chain_update(public).chain_update(message).finalize().into()
}

/// A signature made from a chosen secret scalar, public encoding, nonce scalar and encoding of R.
/// With scalar 0 and the identity as key it is "valid" for everybody who does not look at the points.
#[must_use]
pub fn sign_raw(
    secret: &Scalar,
    public: &[u8; 32],
    nonce: &Scalar,
    encoded_r: Option<[u8; 32]>,
    message: &[u8],
) -> [u8; 64] {
    let r = encoded_r.unwrap_or_else(|| EdwardsPoint::mul_base(nonce).compress().to_bytes());
    let k = Scalar::from_bytes_mod_order_wide(&challenge(&r, public, message));
    join(r, (nonce + k * secret).to_bytes())
}

/// Whether `[k]A` vanishes for a public key of order 8 or less, with k reduced modulo L or not.
#[must_use]
pub fn challenge_is_multiple_of_8(signature: &[u8; 64], public: &[u8], message: &[u8]) -> bool {
    let wide = challenge(&signature[..32], public, message);
    let reduced = Scalar::from_bytes_mod_order_wide(&wide).to_bytes();
    wide[0].is_multiple_of(8) && reduced[0].is_multiple_of(8)
}

fn join(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    out[..32].copy_from_slice(&r);
    out[32..].copy_from_slice(&s);
    out
}

/// A nonce scalar; any number gives another one.
#[must_use]
pub fn nonce(number: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&crate::named(&format!("ed25519 nonce {number}")))
}

/// The same signature with S + L instead of S: equal for whoever does not check S < L.
#[must_use]
pub fn add_order(signature: &[u8; 64]) -> [u8; 64] {
    let mut out = *signature;
    let mut carry = 0u16;
    for (byte, order) in out[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "S + L fits into 32 bytes");
    out
}

/// A public key with a component of order 8: canonical and not of small order, so acceptable.
#[must_use]
pub fn mixed_public(seed: &[u8; 32]) -> [u8; 32] {
    let honest = EdwardsPoint::mul_base(&scalar(seed));
    (honest + order_eight()).compress().to_bytes()
}

/// A signature under [`mixed_public`]. The torsion component vanishes from `[k]A` if and only if k is a
/// multiple of 8: then the cofactorless equation holds (`holds`), otherwise only the cofactored one.
/// k is taken here so that this is so before and after its reduction modulo L.
#[must_use]
pub fn sign_mixed(seed: &[u8; 32], message: &[u8], holds: bool) -> [u8; 64] {
    let (secret, public) = (scalar(seed), mixed_public(seed));
    for number in 0.. {
        let nonce = nonce(number);
        let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let wide = challenge(&r, &public, message);
        let reduced = Scalar::from_bytes_mod_order_wide(&wide).to_bytes();
        let vanishes = (wide[0].is_multiple_of(8), reduced[0].is_multiple_of(8));
        if vanishes == (holds, holds) {
            return sign_raw(&secret, &public, &nonce, None, message);
        }
    }
    unreachable!("one nonce in 64 will do")
}

/// An honest key, but R carries a component of order 8: only the cofactored equation holds.
#[must_use]
pub fn sign_torsion_r(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let nonce = nonce(0);
    let r = (EdwardsPoint::mul_base(&nonce) + order_eight()).compress().to_bytes();
    sign_raw(&scalar(seed), &public(seed), &nonce, Some(r), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    fn strict(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(public)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }

    #[test]
    fn bent_signatures_are_judged_by_a_strict_verifier() {
        let (seed, message) = ([7; 32], b"message");
        let honest = sign(&seed, message);
        assert!(strict(&public(&seed), message, &honest));
        assert!(!strict(&public(&seed), message, &add_order(&honest)));
        assert!(!strict(&public(&seed), message, &sign_torsion_r(&seed, message)));
        let mixed = mixed_public(&seed);
        assert!(strict(&mixed, message, &sign_mixed(&seed, message, true)));
        assert!(!strict(&mixed, message, &sign_mixed(&seed, message, false)));
        let raw = sign_raw(&scalar(&seed), &public(&seed), &nonce(0), None, message);
        assert!(strict(&public(&seed), message, &raw));
    }
}
