//! From recipients to stanzas: one ephemeral key for all (spec/envelope.md §3).

use alloc::vec::Vec;

use crate::crypto::hpke::Context;
use crate::crypto::kem::KemSecretKey;
use crate::crypto::random::HedgedRandom;
use crate::crypto::secret::Secret;
use crate::error::{ErrorKind, Result};
use crate::identity::public::{EncryptionKey, PublicIdentity};
use crate::wire::header::{NONCE_LEN, STANZA_LEN};
use crate::wire::labels;

/// One recipient: to whom, and to which of the keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient {
    pub(crate) verifying: [u8; 32],
    pub(crate) key: EncryptionKey,
}

impl Recipient {
    pub(crate) fn new(identity: &PublicIdentity) -> Result<Self> {
        Ok(Self {
            verifying: *identity.verifying_key().as_bytes(),
            key: *identity.newest_key().ok_or(ErrorKind::NoUsableKey)?,
        })
    }
}

/// Where the KEM's shared secret for a recipient comes from: computed anew, or kept by a session.
pub(crate) trait Encapsulator {
    /// The encapsulated key that all stanzas share.
    fn enc(&self) -> &[u8; 32];
    /// The shared secret with one recipient.
    fn shared_secret(&mut self, key: &EncryptionKey) -> Option<Secret<32>>;
}

impl Encapsulator for KemSecretKey {
    fn enc(&self) -> &[u8; 32] {
        self.public_key().as_bytes()
    }

    fn shared_secret(&mut self, key: &EncryptionKey) -> Option<Secret<32>> {
        self.encapsulate(key.key())
    }
}

/// Refuses two entries with one encryption key: their stanzas would repeat (key, nonce) if their identities are equal,
/// and tell one apart from the other if not.
pub(crate) fn check_distinct(recipients: &[Recipient]) -> Result<()> {
    let mut keys: Vec<&[u8; 32]> = recipients.iter().map(|r| r.key.key().as_bytes()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(ErrorKind::DuplicateRecipient.into());
    }
    if keys.is_empty() {
        return Err(ErrorKind::NoRecipient.into());
    }
    Ok(())
}

/// The stanzas of an envelope, decoys among them, in random order.
pub(crate) fn stanzas(
    recipients: &[Recipient],
    decoys: usize,
    nonce: &[u8; NONCE_LEN],
    content_key: &Secret<32>,
    kem: &mut dyn Encapsulator,
    random: &HedgedRandom,
) -> Result<Vec<[u8; STANZA_LEN]>> {
    let mut stanzas = Vec::with_capacity(recipients.len() + decoys);
    for recipient in recipients {
        // An acceptable key is not of small order, so the result is never all zero.
        let shared = kem
            .shared_secret(&recipient.key)
            .ok_or(ErrorKind::NoUsableKey)?;
        let context = Context::new(&shared, &[labels::STANZA, nonce, &recipient.verifying]);
        stanzas.push(
            context
                .seal_key(content_key)
                .ok_or(ErrorKind::NoUsableKey)?,
        );
    }
    if decoys > 0 {
        let mut noise = alloc::vec![0; decoys * STANZA_LEN];
        random.expand(b"decoys\0", &mut noise);
        stanzas.extend_from_slice(noise.as_chunks().0);
    }
    shuffle(&mut stanzas, random);
    Ok(stanzas)
}

/// Fisher and Yates. 64 random bits for each step: the bias is below 2^-50.
fn shuffle(stanzas: &mut [[u8; STANZA_LEN]], random: &HedgedRandom) {
    if stanzas.len() < 2 {
        return;
    }
    let mut bits = alloc::vec![0; stanzas.len() * 8];
    random.expand(b"order\0", &mut bits);
    for (last, bits) in (1..stanzas.len()).rev().zip(bits.as_chunks::<8>().0) {
        let other = u64::from_be_bytes(*bits) % (last as u64 + 1);
        stanzas.swap(last, other as usize);
    }
}
