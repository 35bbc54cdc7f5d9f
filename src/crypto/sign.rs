//! Ed25519, strict (spec/statements.md §1): accept iff S < L, A and R canonical, neither of small order,
//! cofactorless equation with R compared as bytes.

use core::fmt;
use core::hash::{Hash, Hasher};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer as _, Verifier as _};
use zeroize::ZeroizeOnDrop;

use super::secret::{Secret, leaving_nothing};

/// Length of a public signing key in bytes.
pub(crate) const KEY_LEN: usize = 32;
/// Length of a signature in bytes.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// The canonical encodings of the eight points of small order: y, and the sign of x in the top bit.
const SMALL_ORDER: [[u8; 32]; 8] = {
    const ONE: [u8; 32] = low(1);
    const ZERO: [u8; 32] = low(0);
    const MINUS_ONE: [u8; 32] = {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xec;
        bytes[31] = 0x7f;
        bytes
    };
    const EIGHT: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    const MINUS_EIGHT: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    [
        ONE,
        MINUS_ONE,
        ZERO,
        with_sign(ZERO),
        EIGHT,
        with_sign(EIGHT),
        MINUS_EIGHT,
        with_sign(MINUS_EIGHT),
    ]
};

const fn low(y: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = y;
    bytes
}

const fn with_sign(mut y: [u8; 32]) -> [u8; 32] {
    y[31] |= 0x80;
    y
}

/// An author's public Ed25519 key, checked: canonical and not of small order.
///
/// A person, to trust, guard and receipts, is this key.
#[derive(Clone, Copy)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Checks and parses 32 bytes; `None` if they are not acceptable (spec/identity.md §1).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        // dalek decompresses non-canonical encodings too, and leaves small orders to `verify_strict`.
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        (canonical && !key.is_weak()).then_some(Self(key))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }

    /// Whether `signature` over `message` is this key's, strictly (spec/statements.md §1).
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // dalek compares R as bytes with the canonical encoding of [S]B − [k]A. So an R that is equal is canonical and
        // on the curve, and to see that it is not of small order there is no need to decompress it. S < L is checked
        // here because a feature of dalek, which any crate of a program can turn on, takes its check away.
        if SMALL_ORDER.contains(signature.r_bytes())
            || bool::from(Scalar::from_canonical_bytes(*signature.s_bytes()).is_none())
        {
            return false;
        }
        self.0.verify(message, &signature).is_ok()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for VerifyingKey {}

impl Hash for VerifyingKey {
    fn hash<S: Hasher>(&self, state: &mut S) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({self})")
    }
}

/// A secret Ed25519 key. dalek wipes it on drop.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    pub(crate) fn from_seed(seed: &Secret<32>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    pub(crate) fn seed(&self) -> Secret<32> {
        Secret::new(self.0.to_bytes())
    }

    pub(crate) fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        leaving_nothing(|| self.0.sign(message).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::EIGHT_TORSION;

    #[test]
    fn small_order_list_is_the_torsion_subgroup() {
        let mut listed = SMALL_ORDER;
        let mut torsion = EIGHT_TORSION.map(|point| point.compress().to_bytes());
        listed.sort_unstable();
        torsion.sort_unstable();
        assert_eq!(listed, torsion);
    }
}
