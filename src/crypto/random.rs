//! Randomness: where it comes from, and how a sender hedges it (spec/envelope.md §7).

use zeroize::Zeroize;

use super::secret::Secret;
use crate::Error;
use crate::error::{ErrorKind, Result};

/// A source of random bytes, passed in at the edge so that tests and vectors are deterministic.
pub trait Entropy: Send + Sync {
    /// Fills `out` with bytes that nobody can predict.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RandomFailed`] if it cannot; then nothing is sealed.
    fn fill(&self, out: &mut [u8]) -> Result<()>;
}

/// The generator of the operating system.
#[cfg(feature = "getrandom")]
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

#[cfg(feature = "getrandom")]
impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        getrandom::fill(out).map_err(|_| Error::from(ErrorKind::RandomFailed))
    }
}

/// Everything random in one envelope expands from this.
///
/// If the generator of the system is weak, the hedge secret and the message still make the values unpredictable
/// to outsiders and different for different messages.
pub(crate) struct HedgedRandom {
    prk: Secret<32>,
}

impl HedgedRandom {
    /// Absorbs 32 fresh bytes and `parts`, each with its length before it so that parts cannot be confused.
    pub(crate) fn new(
        entropy: &dyn Entropy,
        label: &[u8],
        parts: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<Self> {
        let mut fresh = Secret::<32>::default();
        entropy.fill(fresh.expose_mut())?;
        // A generator that answers without filling is a broken one (all-zero output has chance 2^-256).
        if fresh == Secret::default() {
            return Err(Error::with(ErrorKind::RandomFailed, "it gave only zeros"));
        }
        let mut hasher = blake3::Hasher::new_keyed(fresh.expose());
        hasher.update(label);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut prk = Secret::default();
        finish(&mut hasher, prk.expose_mut());
        Ok(Self { prk })
    }

    /// Fills `out` with the expansion under `label`, which ends in a zero byte like every label.
    pub(crate) fn expand(&self, label: &[u8], out: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_keyed(self.prk.expose());
        hasher.update(label);
        finish(&mut hasher, out);
    }

    pub(crate) fn array<const N: usize>(&self, label: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        self.expand(label, &mut out);
        out
    }

    pub(crate) fn secret(&self, label: &[u8]) -> Secret<32> {
        let mut out = Secret::default();
        self.expand(label, out.expose_mut());
        out
    }
}

/// BLAKE3 of `label` and a secret: another secret.
pub(crate) fn derive(label: &[u8], secret: &Secret<32>) -> Secret<32> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(label);
    hasher.update(secret.expose());
    let mut out = Secret::default();
    finish(&mut hasher, out.expose_mut());
    out
}

/// The output of a hasher, which is wiped: it has seen secrets, and does not wipe itself. Not taken over: to move it would leave
/// a copy.
fn finish(hasher: &mut blake3::Hasher, out: &mut [u8]) {
    let mut reader = hasher.finalize_xof();
    reader.fill(out);
    reader.zeroize();
    hasher.zeroize();
}
