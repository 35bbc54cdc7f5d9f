//! The public identity and its line of text (spec/identity.md §1).

use alloc::string::String;
use alloc::vec::Vec;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use core::fmt;
use core::str::FromStr;

use crate::crypto::kem::KemPublicKey;
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::header::SUITE_1;
use crate::wire::limits::{MAX_IDENTITY_KEYS, MAX_IDENTITY_LINE};

const PREFIX: &str = "bulla";
const VERSION: u8 = 1;
/// suite (1) ‖ generation (4) ‖ key (32)
const ENTRY_LEN: usize = 37;

/// A public encryption key of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EncryptionKey {
    generation: u32,
    key: KemPublicKey,
}

impl EncryptionKey {
    /// The key of suite 1 of this generation.
    #[must_use]
    pub const fn new(generation: u32, key: KemPublicKey) -> Self {
        Self { generation, key }
    }

    /// The suite, 1 in this version.
    #[must_use]
    pub const fn suite(&self) -> u8 {
        SUITE_1
    }

    /// Which generation it is: a higher one is newer.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The X25519 public key.
    #[must_use]
    pub const fn key(&self) -> &KemPublicKey {
        &self.key
    }
}

/// A public identity: the signing key by which a person is known, and the encryption keys to seal to.
///
/// As text it is one line that begins with `bulla1`; any single wrong character in it is noticed.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// let identity = bulla::Identity::generate(&bulla::OsEntropy)?;
/// let line = identity.public().to_string();
/// let read: bulla::PublicIdentity = line.parse()?;
/// assert_eq!(&read, identity.public());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicIdentity {
    verifying_key: VerifyingKey,
    /// Ascending by generation, at least one.
    encryption_keys: Vec<EncryptionKey>,
}

impl PublicIdentity {
    /// An identity from its parts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if there are not 1 to 8 keys, or their generations do not ascend.
    pub fn new(verifying_key: VerifyingKey, encryption_keys: Vec<EncryptionKey>) -> Result<Self> {
        let ascending = encryption_keys
            .iter()
            .zip(encryption_keys.iter().skip(1))
            .all(|(a, b)| a.generation < b.generation);
        if !ascending || !(1..=MAX_IDENTITY_KEYS).contains(&encryption_keys.len()) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "an identity has 1 to 8 encryption keys of ascending generation",
            ));
        }
        Ok(Self {
            verifying_key,
            encryption_keys,
        })
    }

    /// The signing key: who this is.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// The encryption keys, ascending by generation.
    #[must_use]
    pub fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.encryption_keys
    }

    /// The key to seal to: the newest.
    #[must_use]
    pub fn newest_key(&self) -> Option<&EncryptionKey> {
        self.encryption_keys.last()
    }
}

impl fmt::Display for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = Vec::with_capacity(33 + ENTRY_LEN * self.encryption_keys.len());
        data.push(VERSION);
        data.extend_from_slice(self.verifying_key.as_bytes());
        for entry in &self.encryption_keys {
            data.push(SUITE_1);
            data.extend_from_slice(&entry.generation.to_be_bytes());
            data.extend_from_slice(entry.key.as_bytes());
        }
        let prefix = Hrp::parse(PREFIX).map_err(|_| fmt::Error)?;
        let line: String = bech32::encode::<Bech32m>(prefix, &data).map_err(|_| fmt::Error)?;
        f.write_str(&line)
    }
}

impl FromStr for PublicIdentity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let line = text.trim_matches([' ', '\t', '\r', '\n']);
        if line.len() > MAX_IDENTITY_LINE {
            return Err(malformed("longer than 1023 characters"));
        }
        if !line.starts_with("bulla1") || line.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(malformed(
                "an identity line begins with bulla1 and is in lower case",
            ));
        }
        let checked = CheckedHrpstring::new::<Bech32m>(line)
            .map_err(|_| malformed("a character is wrong or missing"))?;
        let data: Vec<u8> = checked.byte_iter().collect();
        let identity = Self::from_data(&data)?;
        // Padding bits, and whatever else could differ, are settled by writing the line again.
        if alloc::string::ToString::to_string(&identity) != line {
            return Err(malformed("not in its one valid form"));
        }
        Ok(identity)
    }
}

impl PublicIdentity {
    fn from_data(data: &[u8]) -> Result<Self> {
        let wrong_length = || malformed("it has another length than an identity has");
        let (&version, rest) = data.split_first().ok_or_else(wrong_length)?;
        if version != VERSION {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        let (signing, entries) = rest.split_first_chunk::<32>().ok_or_else(wrong_length)?;
        if entries.first().is_some_and(|suite| *suite != SUITE_1) {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        let (entries, rest) = entries.as_chunks::<ENTRY_LEN>();
        let mut keys = Vec::with_capacity(entries.len());
        for entry in entries {
            keys.push(parse_entry(entry)?);
        }
        if !rest.is_empty() {
            return Err(wrong_length());
        }
        let signing = VerifyingKey::from_bytes(signing)
            .ok_or(malformed("its signing key is not acceptable"))?;
        Self::new(signing, keys)
            .map_err(|_| malformed("its encryption keys are not 1 to 8 in ascending order"))
    }
}

fn parse_entry(entry: &[u8; ENTRY_LEN]) -> Result<EncryptionKey> {
    let [suite, g0, g1, g2, g3, key @ ..] = entry;
    if *suite != SUITE_1 {
        return Err(ErrorKind::UnsupportedVersion.into());
    }
    let key =
        KemPublicKey::from_bytes(key).ok_or(malformed("an encryption key is not acceptable"))?;
    Ok(EncryptionKey::new(
        u32::from_be_bytes([*g0, *g1, *g2, *g3]),
        key,
    ))
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}
