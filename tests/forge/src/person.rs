//! Somebody with keys, all derived from a name (identity.md §2).

use crate::hpke::x25519_public;
use crate::line::Line;
use crate::stamp::ReplyKey;
use crate::{ed25519, h, named};

/// One encryption key of a secret identity.
#[derive(Clone)]
pub struct SecretKey {
    pub suite: u8,
    pub generation: u32,
    pub not_after: u64,
    pub secret: [u8; 32],
}

impl SecretKey {
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        x25519_public(&self.secret)
    }
}

/// A seed identity, perhaps with rotated keys; ascending by generation.
#[derive(Clone)]
pub struct Person {
    pub seed: [u8; 32],
    pub keys: Vec<SecretKey>,
}

impl Person {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::from_seed(named(&format!("person {name}")))
    }

    /// Generation 0 of a seed identity.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let secret = h(&[b"bulla/1 seed x25519\0", &seed]);
        Self { seed, keys: vec![SecretKey { suite: 1, generation: 0, not_after: 0, secret }] }
    }

    /// Adds a key of the next generation; independent of the seed, as far as a reader can tell.
    #[must_use]
    pub fn rotated(mut self) -> Self {
        let generation = self.newest().generation + 1;
        let secret = h(&[b"forge rotation", &self.seed, &generation.to_be_bytes()]);
        self.keys.push(SecretKey { suite: 1, generation, not_after: 0, secret });
        self
    }

    /// The public signing key.
    #[must_use]
    pub fn signer(&self) -> [u8; 32] {
        ed25519::public(&self.seed)
    }

    #[must_use]
    pub fn newest(&self) -> &SecretKey {
        self.keys.last().expect("a person has a key")
    }

    /// The public encryption key of the newest generation.
    #[must_use]
    pub fn encryption(&self) -> [u8; 32] {
        self.newest().public()
    }

    #[must_use]
    pub fn reply_key(&self) -> ReplyKey {
        let newest = self.newest();
        ReplyKey { suite: newest.suite, generation: newest.generation, key: newest.public() }
    }

    #[must_use]
    pub fn line(&self) -> Line {
        Line {
            version: 1,
            signing: self.signer(),
            entries: self.keys.iter().map(|key| (key.suite, key.generation, key.public().to_vec())).collect(),
        }
    }
}
