//! Secret identities.

use core::ffi::c_char;
use std::sync::Arc;

use super::buffer::bulla_buffer;
use super::handle::{Exclusive, Out, free, shared};
use super::input::{bytes, maybe_text, path};
use super::public::bulla_public;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{
    Decapsulator, EncryptionKey, Error, ErrorKind, Identity, OsEntropy, PublicIdentity, Result,
    Secret, Signer, VerifyingKey,
};

/// A secret identity: a signing key and encryption keys, here or at an external holder (agent, token, HSM).
///
/// What was made with it (sealers, openers) keeps a share of it: it may be freed before them.
pub struct bulla_identity {
    // Replaced as a whole when it is rotated.
    keys: Exclusive<Arc<Keys>>,
}

/// Who holds the keys.
// Always behind an `Arc`: a box more would save nothing.
#[allow(clippy::large_enum_variant)]
pub(super) enum Keys {
    Here(Identity),
    Elsewhere(Elsewhere),
}

/// An external holder, with what is public of it.
pub(super) struct Elsewhere {
    pub(super) public: PublicIdentity,
    pub(super) signer: std::boxed::Box<dyn Signer>,
    pub(super) decapsulator: std::boxed::Box<dyn Decapsulator>,
}

impl Keys {
    pub(super) fn public(&self) -> &PublicIdentity {
        match self {
            Self::Here(identity) => identity.public(),
            Self::Elsewhere(holder) => &holder.public,
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Here(identity) => identity,
            Self::Elsewhere(holder) => &*holder.signer,
        }
    }

    fn decapsulator(&self) -> &dyn Decapsulator {
        match self {
            Self::Here(identity) => identity,
            Self::Elsewhere(holder) => &*holder.decapsulator,
        }
    }

    pub(super) fn here(&self) -> Result<&Identity> {
        match self {
            Self::Here(identity) => Ok(identity),
            Self::Elsewhere(_) => Err(Error::with(
                ErrorKind::KeyUnavailable,
                "the keys of this identity are with an external holder",
            )),
        }
    }
}

impl Signer for Keys {
    fn signer_key(&self) -> VerifyingKey {
        self.signer().signer_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        self.signer().sign(message)
    }

    fn hedge_secret(&self) -> Option<Secret<32>> {
        self.signer().hedge_secret()
    }

    fn is_local(&self) -> bool {
        self.signer().is_local()
    }
}

impl Decapsulator for Keys {
    fn reader_key(&self) -> VerifyingKey {
        self.decapsulator().reader_key()
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        self.decapsulator().encryption_keys()
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> Result<Option<Secret<32>>> {
        self.decapsulator().decapsulate(key, enc)
    }
}

impl bulla_identity {
    pub(super) fn of(keys: Keys) -> Self {
        Self {
            keys: Exclusive::new(Arc::new(keys)),
        }
    }

    /// The keys as they are now.
    pub(super) fn keys(&self) -> Result<Arc<Keys>> {
        // Held for an instant only, but several threads may come at once: they wait for one another.
        self.keys.enter_waiting().map(|keys| Arc::clone(&keys))
    }

    /// Changes keys that are here, and of which nobody else has a share.
    fn change<T>(&self, work: impl FnOnce(&mut Identity) -> Result<T>) -> Result<T> {
        let mut keys = self.keys.enter_waiting()?;
        let keys = Arc::get_mut(&mut keys).ok_or(Error::with(
            ErrorKind::WrongOrder,
            "this identity is in use: free the sealers, openers and others made with it first",
        ))?;
        match keys {
            Keys::Here(identity) => work(identity),
            Keys::Elsewhere(_) => Err(Error::with(
                ErrorKind::KeyUnavailable,
                "the keys of this identity are with an external holder",
            )),
        }
    }
}

/// Makes a new identity, with the generator of the system.
///
/// @param identity Receives the identity; free it with bulla_identity_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_generate(
    identity: *mut *mut bulla_identity,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        let keys = Keys::Here(Identity::generate(&OsEntropy)?);
        out.give(bulla_identity::of(keys));
        Ok(BULLA_OK)
    })
}

/// Reads a key file from the disk.
///
/// @param file Its path, closed with NUL.
/// @param passphrase Closed with NUL; needed, and used, only if the file is protected. May be NULL.
/// @param identity Receives the identity; free it with bulla_identity_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_PASSPHRASE_NEEDED,
///         BULLA_WRONG_PASSPHRASE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_load(
    file: *const c_char,
    passphrase: *const c_char,
    identity: *mut *mut bulla_identity,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        // SAFETY: as the contract says.
        let (file, passphrase) = unsafe { (path(file, "file is NULL")?, maybe_text(passphrase)?) };
        let keys = Keys::Here(Identity::read_key_file(file, passphrase)?);
        out.give(bulla_identity::of(keys));
        Ok(BULLA_OK)
    })
}

/// Writes a new key file, readable by its owner alone. It is an error if there is one already.
///
/// @param identity The identity, whose keys must be here.
/// @param file The path, closed with NUL.
/// @param passphrase Closed with NUL; protects the file (Argon2id, 64 MiB). NULL: the file is not protected.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NAME_TAKEN if there is a file of that name; BULLA_IO; BULLA_RANDOM_FAILED; BULLA_KEY_UNAVAILABLE if the
///         keys are with an external holder; BULLA_INVALID_INPUT for NULL and for an empty passphrase. After a failure nothing is left
///         behind.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_save(
    identity: *const bulla_identity,
    file: *const c_char,
    passphrase: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (identity, file, passphrase) = unsafe {
            let identity = shared(identity, "identity is NULL")?;
            (
                identity,
                path(file, "file is NULL")?,
                maybe_text(passphrase)?,
            )
        };
        let keys = identity.keys()?;
        keys.here()?.create_key_file(file, passphrase, &OsEntropy)?;
        Ok(BULLA_OK)
    })
}

/// Replaces a key file in one step, as after bulla_identity_rotate(). After a crash there is the old one or the new one, whole.
///
/// @param identity The identity, whose keys must be here.
/// @param file The path, closed with NUL.
/// @param passphrase Closed with NUL; protects the file. NULL: the file is not protected.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_identity_save(); on failure the old file is unchanged.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_replace(
    identity: *const bulla_identity,
    file: *const c_char,
    passphrase: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (identity, file, passphrase) = unsafe {
            let identity = shared(identity, "identity is NULL")?;
            (
                identity,
                path(file, "file is NULL")?,
                maybe_text(passphrase)?,
            )
        };
        let keys = identity.keys()?;
        keys.here()?
            .replace_key_file(file, passphrase, &OsEntropy)?;
        Ok(BULLA_OK)
    })
}

/// Reads a key file from memory, as from a secret store.
///
/// @param text The text of the file.
/// @param length Its length in bytes.
/// @param passphrase Closed with NUL; needed, and used, only if the file is protected. May be NULL.
/// @param identity Receives the identity; free it with bulla_identity_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_identity_load(), but never BULLA_IO.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_parse(
    text: *const u8,
    length: usize,
    passphrase: *const c_char,
    identity: *mut *mut bulla_identity,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        // SAFETY: as the contract says.
        let (text, passphrase) = unsafe {
            (
                bytes(text, length, "text is NULL")?,
                maybe_text(passphrase)?,
            )
        };
        let keys = Keys::Here(Identity::from_key_file(text, passphrase)?);
        out.give(bulla_identity::of(keys));
        Ok(BULLA_OK)
    })
}

/// Writes the text of a key file to memory, to be kept secret.
///
/// @param identity The identity, whose keys must be here.
/// @param passphrase Closed with NUL; protects the text. NULL: it is not protected.
/// @param text The text is appended to this buffer; at most 8192 bytes.
/// @param error May be NULL; see bulla_error.
/// @return As bulla_identity_save(), but never BULLA_IO; BULLA_BUFFER_TOO_SMALL.
/// Threads: any for the identity, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_text(
    identity: *const bulla_identity,
    passphrase: *const c_char,
    text: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (identity, passphrase, out) = unsafe {
            let identity = shared(identity, "identity is NULL")?;
            (
                identity,
                maybe_text(passphrase)?,
                shared(text, "text is NULL")?,
            )
        };
        let keys = identity.keys()?;
        out.add(keys.here()?.to_key_file(passphrase, &OsEntropy)?.as_bytes())?;
        Ok(BULLA_OK)
    })
}

/// What others need of an identity: its signing key and its newest encryption key.
///
/// @param identity The identity.
/// @param public_identity Receives the public identity; free it with bulla_public_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_public(
    identity: *const bulla_identity,
    public_identity: *mut *mut bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(public_identity, "public_identity is NULL")?;
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        let identity = identity.keys()?.public().clone();
        out.give(bulla_public { identity });
        Ok(BULLA_OK)
    })
}

/// Makes a new encryption key with the next generation. The keys so far stay and still open. Write the key file again with
/// bulla_identity_replace(), and give others the new identity line.
///
/// @param identity The identity, whose keys must be here, and with which nothing that still lives was made.
/// @param old_not_after When the keys so far may be destroyed, in seconds since 1970; 0: no end.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT at 32 keys, BULLA_WRONG_ORDER while it is in use,
///         BULLA_KEY_UNAVAILABLE if the keys are with an external holder.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_rotate(
    identity: *mut bulla_identity,
    old_not_after: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        identity.change(|keys| keys.rotate(&OsEntropy, old_not_after))?;
        Ok(BULLA_OK)
    })
}

/// Destroys the encryption keys whose end has come, but for the newest. What was sealed to them can never be opened again. Write
/// the key file again for it to be true there.
///
/// @param identity The identity, whose keys must be here, and with which nothing that still lives was made.
/// @param now The time in seconds since 1970; UINT64_MAX destroys all but the newest that have an end.
/// @param destroyed Receives how many; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_WRONG_ORDER and BULLA_KEY_UNAVAILABLE as bulla_identity_rotate(); BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_destroy_expired(
    identity: *mut bulla_identity,
    now: u64,
    destroyed: *mut usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        let count = identity.change(|keys| Ok(keys.destroy_expired(now)))?;
        if !destroyed.is_null() {
            Out::new(destroyed, "")?.put(count);
        }
        Ok(BULLA_OK)
    })
}

/// Frees an identity, and wipes its secrets once nothing that was made with it lives any more.
///
/// @param identity The identity; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_free(identity: *mut bulla_identity) {
    // SAFETY: as the contract says.
    unsafe { free(identity) }
}
