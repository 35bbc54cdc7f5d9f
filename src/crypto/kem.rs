//! DHKEM(X25519, HKDF-SHA256) of RFC 9180 §4.1, with the ephemeral key in our own hands, because one serves all
//! recipients of an envelope (spec/envelope.md §3).

use core::fmt;
use x25519_dalek::{PublicKey, StaticSecret};

use super::hpke::labeled_kdf;
use super::secret::Secret;

/// Length of an X25519 public key, secret key, and of `enc`, in bytes.
pub(crate) const KEY_LEN: usize = 32;
const SUITE_ID: &[u8] = b"KEM\x00\x20";

/// An X25519 public key, checked: canonical and not of small order (spec/identity.md §1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KemPublicKey([u8; KEY_LEN]);

impl KemPublicKey {
    /// Checks 32 bytes; `None` if they are not acceptable.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Option<Self> {
        (is_canonical(bytes) && !is_small_order(bytes)).then_some(Self(*bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPublicKey(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// u < 2^255 − 19, little-endian.
fn is_canonical(bytes: &[u8; KEY_LEN]) -> bool {
    const P: [u8; KEY_LEN] = {
        let mut p = [0xff; KEY_LEN];
        p[0] = 0xed;
        p[31] = 0x7f;
        p
    };
    bytes.iter().rev().lt(P.iter().rev())
}

/// The canonical encodings of points whose order divides 8, among those that RFC 7748 §6.1 and cr.yp.to/ecdh.html list: a
/// clamped scalar is a multiple of 8, so a Diffie-Hellman with them is always zero.
const SMALL_ORDER: [[u8; KEY_LEN]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];

fn is_small_order(bytes: &[u8; KEY_LEN]) -> bool {
    SMALL_ORDER.contains(bytes)
}

/// An X25519 secret key with its public key, which costs a multiplication to find again.
#[derive(Clone)]
pub(crate) struct KemSecretKey {
    secret: StaticSecret,
    public: KemPublicKey,
}

impl KemSecretKey {
    /// Any 32 bytes are a key: they are clamped when used (RFC 7748 §5).
    pub(crate) fn from_bytes(secret: &Secret<KEY_LEN>) -> Self {
        let secret = StaticSecret::from(*secret.expose());
        let public = KemPublicKey(PublicKey::from(&secret).to_bytes());
        Self { secret, public }
    }

    pub(crate) const fn public_key(&self) -> &KemPublicKey {
        &self.public
    }

    pub(crate) fn expose(&self) -> Secret<KEY_LEN> {
        Secret::new(self.secret.to_bytes())
    }

    /// Decap of RFC 9180 §4.1; `None` if the Diffie-Hellman result is all zero.
    pub(crate) fn decapsulate(&self, enc: &[u8; KEY_LEN]) -> Option<Secret<32>> {
        let dh = self.secret.diffie_hellman(&PublicKey::from(*enc));
        dh.was_contributory()
            .then(|| extract_and_expand(dh.as_bytes(), enc, self.public.as_bytes()))
    }

    /// Encap of RFC 9180 §4.1 with this key as the ephemeral one; `enc` is its public key.
    pub(crate) fn encapsulate(&self, recipient: &KemPublicKey) -> Option<Secret<32>> {
        let dh = self.secret.diffie_hellman(&PublicKey::from(recipient.0));
        dh.was_contributory().then(|| {
            extract_and_expand(dh.as_bytes(), self.public.as_bytes(), recipient.as_bytes())
        })
    }
}

/// From a raw X25519 result to the shared secret of the KEM (RFC 9180 §4.1, ExtractAndExpand).
///
/// For key holders that can multiply but know no HPKE: `dh` is the 32-byte result of X25519 of the secret key and
/// `enc`. `None` if it is all zero, which must end as `NotForMe`, or if `enc` is not 32 bytes.
#[must_use]
pub fn kem_shared_secret(dh: &Secret<32>, enc: &[u8], own: &KemPublicKey) -> Option<Secret<32>> {
    let enc = enc.try_into().ok()?;
    (*dh != Secret::default()).then(|| extract_and_expand(dh.expose(), enc, own.as_bytes()))
}

fn extract_and_expand(dh: &[u8; 32], enc: &[u8; 32], recipient: &[u8; 32]) -> Secret<32> {
    let mut shared = Secret::default();
    let prk = labeled_kdf(&[], SUITE_ID, b"eae_prk", &[dh]);
    prk.expand(
        SUITE_ID,
        b"shared_secret",
        &[enc, recipient],
        shared.expose_mut(),
    );
    shared
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]
    use super::*;
    use curve25519_dalek::{montgomery::MontgomeryPoint, scalar::Scalar};

    #[test]
    fn small_order_list_agrees_with_multiplication_by_eight() {
        let eight = Scalar::from(8_u8);
        let zero = MontgomeryPoint([0; 32]);
        for low in &SMALL_ORDER {
            assert_eq!(MontgomeryPoint(*low) * eight, zero);
            assert!(is_canonical(low) && KemPublicKey::from_bytes(low).is_none());
            let others = SMALL_ORDER.iter().filter(|other| *other == low);
            assert_eq!(others.count(), 1);
        }
        for seed in 0_u32..2000 {
            let mut bytes = *blake3::hash(&seed.to_le_bytes()).as_bytes();
            bytes[31] &= 0x7f;
            assert!(!is_small_order(&bytes) && MontgomeryPoint(bytes) * eight != zero);
        }
    }

    #[test]
    fn non_canonical_is_refused() {
        for low in 0xed..=0xff_u8 {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            bytes[31] = 0x7f;
            assert!(KemPublicKey::from_bytes(&bytes).is_none());
        }
        let mut high_bit = [9_u8; 32];
        high_bit[31] = 0x89;
        assert!(KemPublicKey::from_bytes(&high_bit).is_none());
    }
}
