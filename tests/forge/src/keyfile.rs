//! The secret key file (identity.md §3).

use crate::{Person, SecretKey, argon2id, armor, gcm_seal, h, named};

/// How the secrets stand in the file.
#[derive(Clone)]
pub enum Protection {
    /// 0x00: in the clear, with a checksum.
    Plain,
    /// 0x01: encrypted under a passphrase; `cost` is what Argon2id really runs with.
    Passphrase { passphrase: String, m: u32, t: u32, p: u32, cost: (u32, u32, u32) },
    /// Another byte; the secrets follow in the clear.
    Other(u8),
}

impl Protection {
    /// A protection that is cheap enough for tests.
    #[must_use]
    pub fn passphrase(passphrase: &str) -> Self {
        let (m, t, p) = (64, 1, 1);
        Self::Passphrase { passphrase: passphrase.to_owned(), m, t, p, cost: (m, t, p) }
    }

    /// Parameters that only stand in the file: no reader may run them.
    #[must_use]
    pub fn claiming(m: u32, t: u32, p: u32) -> Self {
        Self::Passphrase { passphrase: "correct horse".to_owned(), m, t, p, cost: (64, 1, 1) }
    }
}

#[derive(Clone)]
pub struct KeyFile {
    pub magic: Vec<u8>,
    pub version: u8,
    pub protection: Protection,
    pub salt: [u8; 16],
    /// What `secrets` of the specification are, encoded.
    pub secrets: Vec<u8>,
}

impl KeyFile {
    #[must_use]
    pub fn of(person: &Person, protection: Protection) -> Self {
        Self {
            magic: b"BULLAKEY".to_vec(),
            version: 1,
            protection,
            salt: named("key file salt"),
            secrets: secrets(&person.seed, &person.keys),
        }
    }

    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = [&self.magic[..], &[self.version]].concat();
        match &self.protection {
            Protection::Plain | Protection::Other(_) => {
                file.push(if let Protection::Other(byte) = self.protection { byte } else { 0 });
                file.extend_from_slice(&self.secrets);
                let checksum = h(&[b"bulla/1 key file checksum\0", &file]);
                file.extend_from_slice(&checksum[..16]);
            }
            Protection::Passphrase { passphrase, m, t, p, cost } => {
                file.push(1);
                for parameter in [m, t, p] {
                    file.extend_from_slice(&parameter.to_be_bytes());
                }
                file.extend_from_slice(&self.salt);
                let key = argon2id(passphrase, &self.salt, cost.0, cost.1, cost.2);
                let aad = [b"bulla/1 key file\0", &file[..]].concat();
                file.extend_from_slice(&gcm_seal(&key, &[0; 12], &aad, &self.secrets));
            }
        }
        file
    }

    #[must_use]
    pub fn armored(&self) -> String {
        armor::armor(armor::SECRET_KEY, &self.bytes())
    }
}

/// `seed ‖ u8(n) ‖ n × entry`
#[must_use]
pub fn secrets(seed: &[u8; 32], keys: &[SecretKey]) -> Vec<u8> {
    let mut out = seed.to_vec();
    out.push(u8::try_from(keys.len()).expect("few keys"));
    for key in keys {
        out.push(key.suite);
        out.extend_from_slice(&key.generation.to_be_bytes());
        out.extend_from_slice(&key.not_after.to_be_bytes());
        out.extend_from_slice(&key.secret);
    }
    out
}
