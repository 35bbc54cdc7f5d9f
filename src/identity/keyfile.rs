//! The key file as text (spec/identity.md §3). Touches no file.

use alloc::string::String;
use alloc::vec::Vec;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::secret::{Identity, SecretKey};
use crate::crypto::digest::Digest;
use crate::crypto::kem::KemSecretKey;
use crate::crypto::random::Entropy;
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::armor::{ArmorLabel, armor, dearmor};
use crate::wire::header::SUITE_1;
use crate::wire::labels;
use crate::wire::limits::{MAX_KEY_FILE, MAX_KEY_FILE_BYTES, MAX_SECRET_KEYS};

const MAGIC: &[u8; 8] = b"BULLAKEY";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const PASSPHRASE: u8 = 1;
const CHECKSUM_LEN: usize = 16;
/// suite (1) ‖ generation (4) ‖ not-after (8) ‖ secret (32)
const ENTRY_LEN: usize = 45;

impl Identity {
    /// The key file of this identity, to be kept secret; with a passphrase it is protected by it (Argon2id, 64 MiB).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RandomFailed`]; [`ErrorKind::InvalidInput`] for an empty passphrase, or for any passphrase where
    /// the feature `keyfile` is off.
    pub fn to_key_file(
        &self,
        passphrase: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<Zeroizing<String>> {
        leaving_nothing(|| self.write(passphrase, entropy))
    }

    fn write(&self, passphrase: Option<&str>, entropy: &dyn Entropy) -> Result<Zeroizing<String>> {
        let secrets = self.write_secrets();
        let mut file = Zeroizing::new(Vec::with_capacity(64 + secrets.len()));
        file.extend_from_slice(MAGIC);
        file.push(VERSION);
        match passphrase {
            None => {
                file.push(PLAIN);
                file.extend_from_slice(&secrets);
                let checksum = checksum(&file);
                file.extend_from_slice(&checksum);
            }
            Some(passphrase) => {
                file.push(PASSPHRASE);
                protect(&mut file, &secrets, passphrase, entropy)?;
            }
        }
        Ok(Zeroizing::new(armor(ArmorLabel::SecretKey, &file)))
    }

    /// Reads a key file. The passphrase is needed, and used, only if the file is protected.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if it is no key file or was changed, [`ErrorKind::UnsupportedVersion`],
    /// [`ErrorKind::PassphraseNeeded`], [`ErrorKind::WrongPassphrase`].
    pub fn from_key_file(text: &[u8], passphrase: Option<&str>) -> Result<Self> {
        leaving_nothing(|| Self::read(text, passphrase))
    }

    fn read(text: &[u8], passphrase: Option<&str>) -> Result<Self> {
        if text.len() > MAX_KEY_FILE {
            return Err(malformed("too long for a key file"));
        }
        let file = Zeroizing::new(dearmor(ArmorLabel::SecretKey, text)?);
        if file.len() > MAX_KEY_FILE_BYTES {
            return Err(malformed("too long for a key file"));
        }
        let rest = file
            .strip_prefix(MAGIC)
            .ok_or(malformed("this is not a key file"))?;
        let [version, protection, rest @ ..] = rest else {
            return Err(malformed("the key file is cut"));
        };
        if *version != VERSION {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        match *protection {
            PLAIN => {
                let (secrets, found) = rest
                    .split_last_chunk::<CHECKSUM_LEN>()
                    .ok_or(malformed("the key file is cut"))?;
                let covered = file.get(..file.len() - CHECKSUM_LEN).unwrap_or_default();
                if !bool::from(checksum(covered).ct_eq(found)) {
                    return Err(malformed("the key file was changed"));
                }
                Self::read_secrets(secrets)
            }
            PASSPHRASE => {
                let passphrase = passphrase.ok_or(ErrorKind::PassphraseNeeded)?;
                Self::read_secrets(&unprotect(&file, rest, passphrase)?)
            }
            _ => Err(ErrorKind::UnsupportedVersion.into()),
        }
    }

    fn write_secrets(&self) -> Zeroizing<Vec<u8>> {
        let keys = self.secret_keys();
        let mut out = Zeroizing::new(Vec::with_capacity(33 + ENTRY_LEN * keys.len()));
        out.extend_from_slice(self.seed().expose());
        // At most MAX_SECRET_KEYS are ever held.
        out.push(keys.len() as u8);
        for entry in keys.iter().rev() {
            out.push(SUITE_1);
            out.extend_from_slice(&entry.generation.to_be_bytes());
            out.extend_from_slice(&entry.not_after.to_be_bytes());
            out.extend_from_slice(entry.key.expose().expose());
        }
        out
    }

    fn read_secrets(secrets: &[u8]) -> Result<Self> {
        let (seed, rest) = secrets
            .split_first_chunk::<32>()
            .ok_or(malformed("the key file is cut"))?;
        let (&count, rest) = rest.split_first().ok_or(malformed("the key file is cut"))?;
        let (entries, left) = rest.as_chunks::<ENTRY_LEN>();
        let count = usize::from(count);
        if !(1..=MAX_SECRET_KEYS).contains(&count) || entries.len() != count || !left.is_empty() {
            return Err(malformed(
                "the key file does not hold as many keys as it says",
            ));
        }
        let mut keys = Vec::with_capacity(count);
        for entry in entries {
            keys.push(read_entry(entry)?);
        }
        let ascending = keys
            .iter()
            .zip(keys.iter().skip(1))
            .all(|(a, b): (&SecretKey, &SecretKey)| a.generation < b.generation);
        if !ascending {
            return Err(malformed("the keys are not in ascending order"));
        }
        keys.reverse();
        Self::from_keys(&Secret::new(*seed), keys)
    }
}

fn read_entry(entry: &[u8; ENTRY_LEN]) -> Result<SecretKey> {
    let [suite, g0, g1, g2, g3, rest @ ..] = entry;
    let (not_after, secret): (&[u8; 8], &[u8]) = rest
        .split_first_chunk()
        .ok_or(malformed("the key file is cut"))?;
    if *suite != SUITE_1 {
        return Err(ErrorKind::UnsupportedVersion.into());
    }
    let secret: &[u8; 32] = secret
        .try_into()
        .map_err(|_| malformed("the key file is cut"))?;
    Ok(SecretKey {
        generation: u32::from_be_bytes([*g0, *g1, *g2, *g3]),
        not_after: u64::from_be_bytes(*not_after),
        key: KemSecretKey::from_bytes(&Secret::new(*secret)),
    })
}

fn checksum(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    let digest = Digest::of_parts(&[labels::KEY_FILE_CHECKSUM, covered]);
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}

#[cfg(feature = "keyfile")]
use super::passphrase::{protect, unprotect};

#[cfg(not(feature = "keyfile"))]
fn protect(_: &mut Vec<u8>, _: &[u8], _: &str, _: &dyn Entropy) -> Result<()> {
    Err(Error::with(
        ErrorKind::InvalidInput,
        "built without passphrases (feature keyfile)",
    ))
}

#[cfg(not(feature = "keyfile"))]
fn unprotect(_: &[u8], _: &[u8], _: &str) -> Result<Zeroizing<Vec<u8>>> {
    Err(Error::with(
        ErrorKind::UnsupportedVersion,
        "built without passphrases (feature keyfile)",
    ))
}
