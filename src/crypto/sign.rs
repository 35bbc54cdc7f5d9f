//! Ed25519, strict (spec/statements.md §1): accept iff S < L, A and R canonical, neither of small order,
//! cofactorless equation with R compared as bytes.

use core::fmt;
use core::hash::{Hash, Hasher};
use ed25519_dalek::Signer as _;
use zeroize::ZeroizeOnDrop;

use super::secret::Secret;

/// Length of a public signing key in bytes.
pub(crate) const KEY_LEN: usize = 32;
/// Length of a signature in bytes.
pub(crate) const SIGNATURE_LEN: usize = 64;

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
        self.0.verify_strict(message, &signature).is_ok()
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
        self.0.sign(message).to_bytes()
    }
}
