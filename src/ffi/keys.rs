//! The keys of identities, one by one.

use std::string::ToString;
use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::handle::{Out, null, shared};
use super::identity::{Keys, bulla_identity};
use super::input::{items, value};
use super::public::bulla_public;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_key;
use crate::{Decapsulator, EncryptionKey, Error, ErrorKind, KemPublicKey, PublicIdentity, Result};

/// A public encryption key of an identity.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_encryption_key {
    /// The suite: 1 (X25519).
    pub suite: u32,
    /// Which generation it is: a higher one is newer.
    pub generation: u32,
    /// The bytes.
    pub bytes: [u8; 32],
}

/// An encryption key that a secret identity holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_generation {
    /// When it may be destroyed, in seconds since 1970; 0: never, or the holder does not tell.
    pub not_after: u64,
    /// Which generation it is: a higher one is newer.
    pub generation: u32,
    /// Zero.
    pub reserved: [u8; 4],
}

impl bulla_encryption_key {
    fn parse(&self) -> Result<EncryptionKey> {
        if self.suite != 1 {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "this version has encryption keys of suite 1 alone",
            ));
        }
        let key = KemPublicKey::from_bytes(&self.bytes).ok_or(Error::with(
            ErrorKind::InvalidInput,
            "these 32 bytes are no acceptable encryption key",
        ))?;
        Ok(EncryptionKey::new(self.generation, key))
    }
}

/// Makes a public identity of its keys, as an external holder tells them.
///
/// @param signing_key Its public signing key.
/// @param keys Its public encryption keys, ascending by generation.
/// @param count How many, 1 to 8.
/// @param identity Receives the identity; free it with bulla_public_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_of_keys(
    signing_key: *const bulla_key,
    keys: *const bulla_encryption_key,
    count: usize,
    identity: *mut *mut bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        // SAFETY: as the contract says.
        let (signing, keys) = unsafe {
            (
                value(signing_key, "signing_key is NULL")?,
                items(keys, count, "keys is NULL")?,
            )
        };
        if keys.len() > crate::limits::MAX_IDENTITY_KEYS {
            return Err(null("an identity has 1 to 8 encryption keys"));
        }
        let keys: Result<Vec<_>> = keys.iter().map(bulla_encryption_key::parse).collect();
        let identity = PublicIdentity::new(signing.parse()?, keys?)?;
        out.give(bulla_public { identity });
        Ok(BULLA_OK)
    })
}

/// One of the encryption keys of a public identity.
///
/// @param identity The identity.
/// @param index Which one, from 0 on, in ascending order: the last is the newest, to which messages are sealed.
/// @param key Receives the key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_public_encryption_key(
    identity: *const bulla_public,
    index: usize,
    key: *mut bulla_encryption_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(key, "key is NULL")?;
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        let Some(found) = identity.identity.encryption_keys().get(index) else {
            return Ok(BULLA_NOTHING);
        };
        out.put(bulla_encryption_key {
            suite: found.suite().into(),
            generation: found.generation(),
            bytes: *found.key().as_bytes(),
        });
        Ok(BULLA_OK)
    })
}

/// One of the encryption keys that a secret identity holds.
///
/// @param identity The identity.
/// @param index Which one, from 0 on: the first is the newest.
/// @param generation Receives which it is, and when it may be destroyed.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_generation(
    identity: *const bulla_identity,
    index: usize,
    generation: *mut bulla_generation,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(generation, "generation is NULL")?;
        // SAFETY: as the contract says.
        let keys = unsafe { shared(identity, "identity is NULL") }?.keys()?;
        let found = match &*keys {
            Keys::Here(identity) => identity.generations().nth(index),
            Keys::Elsewhere(_) => {
                let key = keys.encryption_keys().get(index);
                key.map(|key| (key.generation(), 0))
            }
        };
        let Some((generation, not_after)) = found else {
            return Ok(BULLA_NOTHING);
        };
        out.put(bulla_generation {
            not_after,
            generation,
            reserved: [0; 4],
        });
        Ok(BULLA_OK)
    })
}

/// A public signing key as the command line shows it: 64 hexadecimal digits in lower case.
///
/// @param key The key.
/// @param text The digits are appended to this buffer, without a closing NUL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL, and for what is no acceptable key.
/// Threads: one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_key_text(
    key: *const bulla_key,
    text: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (key, out) = unsafe { (value(key, "key is NULL")?, shared(text, "text is NULL")?) };
        out.add(key.parse()?.to_string().as_bytes())?;
        Ok(BULLA_OK)
    })
}
