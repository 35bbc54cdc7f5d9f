//! The secret identity: a signing seed and encryption keys by generation (spec/identity.md §2).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::holder::{Decapsulator, Signer};
use super::public::{EncryptionKey, PublicIdentity};
use crate::crypto::kem::KemSecretKey;
use crate::crypto::random::{Entropy, HedgedRandom, derive};
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::crypto::sign::{SigningKey, VerifyingKey};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::labels;
use crate::wire::limits::MAX_SECRET_KEYS;

/// A secret encryption key with its place in the identity.
#[derive(Clone)]
pub(crate) struct SecretKey {
    pub(crate) generation: u32,
    /// Seconds; 0: no end. The holder may destroy it then.
    pub(crate) not_after: u64,
    pub(crate) key: KemSecretKey,
}

/// A secret identity, with all it needs to sign and to open.
///
/// Its secrets are wiped on drop and do not show in `Debug`.
pub struct Identity {
    /// Boxed, as `keys` are: where an identity is moved no copy of them stays on the stack.
    own: Box<Own>,
    verifying: VerifyingKey,
    /// Newest generation first; never empty.
    keys: Vec<SecretKey>,
    /// The public halves of `keys`, in the same order.
    public_keys: Vec<EncryptionKey>,
    public: PublicIdentity,
}

#[derive(Clone)]
struct Own {
    signing: SigningKey,
    hedge: Secret<32>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        leaving_nothing(|| Self {
            own: self.own.clone(),
            verifying: self.verifying,
            keys: self.keys.clone(),
            public_keys: self.public_keys.clone(),
            public: self.public.clone(),
        })
    }
}

impl Identity {
    /// A new identity. Its encryption key is independent of its seed, so that it can really be destroyed later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RandomFailed`].
    pub fn generate(entropy: &dyn Entropy) -> Result<Self> {
        leaving_nothing(|| {
            let random = HedgedRandom::new(entropy, labels::RANDOM, &mut core::iter::empty())?;
            let seed = random.secret(b"identity seed\0");
            let key = KemSecretKey::from_bytes(&random.secret(b"identity key\0"));
            Self::from_keys(&seed, first(key))
        })
    }

    /// The identity that a seed determines: generation 0 is derived from it (spec/identity.md §2).
    ///
    /// For holders that can back up 32 bytes and no more. Destroying generation 0 of such an identity does not
    /// destroy it for whoever has the seed.
    ///
    /// # Errors
    ///
    /// None in practice: 32 bytes always make an identity.
    pub fn from_seed(seed: &Secret<32>) -> Result<Self> {
        leaving_nothing(|| {
            let key = KemSecretKey::from_bytes(&derive(labels::SEED_X25519, seed));
            Self::from_keys(seed, first(key))
        })
    }

    /// `keys` newest first, not empty. Leaves keys on the stack: called by what wipes it.
    pub(crate) fn from_keys(seed: &Secret<32>, keys: Vec<SecretKey>) -> Result<Self> {
        let signing = SigningKey::from_seed(seed);
        let verifying = signing.verifying_key();
        let hedge = derive(labels::HEDGE, seed);
        let public_keys: Vec<EncryptionKey> = keys
            .iter()
            .map(|entry| EncryptionKey::new(entry.generation, *entry.key.public_key()))
            .collect();
        let newest = public_keys.first().copied().into_iter().collect();
        let public = PublicIdentity::new(verifying, newest)?;
        Ok(Self {
            own: Box::new(Own { signing, hedge }),
            verifying,
            keys,
            public_keys,
            public,
        })
    }

    /// What others need: the signing key, and the newest encryption key.
    #[must_use]
    pub const fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// The signing key by which this identity is known.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Each encryption key that is still held, newest first: its generation, and when it may be destroyed (seconds,
    /// 0: never).
    pub fn generations(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.keys
            .iter()
            .map(|entry| (entry.generation, entry.not_after))
    }

    /// A new encryption key with the next generation; the keys so far stay and still open, until
    /// [`destroy`](Self::destroy_expired). Those of them without an end get the end `old_not_after` (seconds; 0: none).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RandomFailed`]; [`ErrorKind::InvalidInput`] at 32 keys, or at the last generation.
    pub fn rotate(&mut self, entropy: &dyn Entropy, old_not_after: u64) -> Result<()> {
        let generation = self
            .keys
            .first()
            .map_or(Some(0), |newest| newest.generation.checked_add(1))
            .filter(|_| self.keys.len() < MAX_SECRET_KEYS)
            .ok_or(Error::with(
                ErrorKind::InvalidInput,
                "32 encryption keys are held: destroy old ones first",
            ))?;
        *self = leaving_nothing(|| self.rotated(generation, entropy, old_not_after))?;
        Ok(())
    }

    fn rotated(&self, generation: u32, entropy: &dyn Entropy, old_not_after: u64) -> Result<Self> {
        let hedge = [self.own.hedge.expose().as_slice()];
        let random = HedgedRandom::new(entropy, labels::RANDOM, &mut hedge.into_iter())?;
        let key = KemSecretKey::from_bytes(&random.secret(b"identity key\0"));
        // Room from the start: to grow would leave copies of the secrets behind.
        let mut keys = Vec::with_capacity(self.keys.len() + 1);
        keys.extend(self.keys.iter().cloned());
        for old in keys.iter_mut().filter(|old| old.not_after == 0) {
            old.not_after = old_not_after;
        }
        keys.insert(
            0,
            SecretKey {
                generation,
                not_after: 0,
                key,
            },
        );
        Self::from_keys(&self.seed(), keys)
    }

    /// Destroys all encryption keys but the newest. What was sealed to them can never be opened again.
    /// Returns how many. The key file must be written again for it to be true there.
    pub fn destroy_old(&mut self) -> usize {
        self.retain(|_| false)
    }

    /// Destroys the encryption keys, but for the newest, whose end is at or before `now` (seconds). Returns how many.
    pub fn destroy_expired(&mut self, now: u64) -> usize {
        self.retain(|old| old.not_after == 0 || old.not_after > now)
    }

    fn retain(&mut self, keep: impl Fn(&SecretKey) -> bool) -> usize {
        let before = self.keys.len();
        let mut first = true;
        // Dropped keys are wiped by their type.
        self.keys
            .retain(|key| core::mem::take(&mut first) || keep(key));
        let generations: Vec<u32> = self.keys.iter().map(|key| key.generation).collect();
        self.public_keys
            .retain(|key| generations.contains(&key.generation()));
        before - self.keys.len()
    }

    pub(crate) fn seed(&self) -> Secret<32> {
        self.own.signing.seed()
    }

    pub(crate) fn secret_keys(&self) -> &[SecretKey] {
        &self.keys
    }
}

/// The only encryption key of an identity that is made, as its first generation.
fn first(key: KemSecretKey) -> Vec<SecretKey> {
    alloc::vec![SecretKey {
        generation: 0,
        not_after: 0,
        key,
    }]
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.verifying)
    }
}

impl Signer for Identity {
    fn signer_key(&self) -> VerifyingKey {
        self.verifying
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        Ok(self.own.signing.sign(message))
    }

    fn hedge_secret(&self) -> Option<Secret<32>> {
        Some(self.own.hedge.clone())
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Decapsulator for Identity {
    fn reader_key(&self) -> VerifyingKey {
        self.verifying
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.public_keys
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> Result<Option<Secret<32>>> {
        let held = self
            .keys
            .iter()
            .find(|held| held.generation == key.generation())
            .ok_or(ErrorKind::KeyUnavailable)?;
        let enc = enc.try_into().map_err(|_| ErrorKind::KeyUnavailable)?;
        Ok(held.key.decapsulate(enc))
    }
}
