//! Who holds the keys: this process, or an agent, a token, an HSM. The library asks for two operations and never
//! needs the secrets themselves.

use super::public::EncryptionKey;
use crate::crypto::secret::Secret;
use crate::crypto::sign::VerifyingKey;
use crate::error::Result;

/// Signs as an author.
///
/// [`Identity`](crate::Identity) is one; an agent or HSM is another.
pub trait Signer: Send + Sync {
    /// The author's public key.
    fn signer_key(&self) -> VerifyingKey;

    /// Pure Ed25519 (RFC 8032 §5.1) over `message`, which is never longer than 17 KiB.
    ///
    /// The signature is checked against [`signer_key`](Self::signer_key) before it is used, unless
    /// [`is_local`](Self::is_local).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::KeyUnavailable`](crate::ErrorKind::KeyUnavailable) if the holder does not answer or refuses.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64]>;

    /// A secret of this holder's own that hedges a weak generator of random bytes (spec/envelope.md §7).
    /// Never a signature. By default there is none.
    fn hedge_secret(&self) -> Option<Secret<32>> {
        None
    }

    /// Whether the key is in this process, so that its signatures need no check. By default it is not.
    fn is_local(&self) -> bool {
        false
    }
}

/// Opens what is sealed to an identity.
pub trait Decapsulator: Send + Sync {
    /// The reader's public signing key: stanzas are bound to it, and guards know the reader by it.
    fn reader_key(&self) -> VerifyingKey;

    /// The encryption keys that can be used, newest generation first.
    fn encryption_keys(&self) -> &[EncryptionKey];

    /// Decap of RFC 9180 §4.1 with the secret half of `key`, which its suite and generation name: the KEM's shared secret,
    /// 32 bytes. `enc` is as long as the suite of `key` says: 32 bytes in suite 1.
    ///
    /// A holder that can only multiply uses [`kem_shared_secret`](crate::kem_shared_secret). `Ok(None)` if the
    /// Diffie-Hellman result is all zero.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::KeyUnavailable`](crate::ErrorKind::KeyUnavailable) if the holder does not answer or refuses.
    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> Result<Option<Secret<32>>>;
}
