//! Protection of a key file by a passphrase: Argon2id (RFC 9106) and AES-256-GCM (spec/identity.md §3).

use alloc::vec::Vec;
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::crypto::aead;
use crate::crypto::random::{Entropy, HedgedRandom};
use crate::crypto::secret::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::labels;

/// 64 MiB, 3 passes, 1 lane: about a quarter of a second.
const DEFAULT: Cost = Cost {
    memory: 65_536,
    passes: 3,
    lanes: 1,
};
const SALT_LEN: usize = 16;

#[derive(Clone, Copy)]
struct Cost {
    /// KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Limits before anything is allocated: a hostile file must not exhaust the machine.
    fn is_acceptable(self) -> bool {
        let work = u64::from(self.memory) * u64::from(self.passes);
        (8..=1_048_576).contains(&self.memory)
            && (1..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
            && work <= 8_388_608
    }

    fn key(self, passphrase: &str, salt: &[u8; SALT_LEN]) -> Result<Secret<32>> {
        let refused = |_| {
            Error::with(
                ErrorKind::Malformed,
                "the key file asks for an impossible Argon2id cost",
            )
        };
        let params =
            Params::new(self.memory, self.passes, self.lanes, Some(32)).map_err(refused)?;
        let mut key = Secret::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, key.expose_mut())
            .map_err(refused)?;
        Ok(key)
    }
}

/// Appends cost, salt and the sealed secrets to `file`, which holds what stands before them.
pub(super) fn protect(
    file: &mut Vec<u8>,
    secrets: &[u8],
    passphrase: &str,
    entropy: &dyn Entropy,
) -> Result<()> {
    if passphrase.is_empty() {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "the passphrase is empty",
        ));
    }
    // Hedged by what it protects, so that the key, which is used once, does not repeat for other secrets.
    let random = HedgedRandom::new(entropy, labels::RANDOM, &mut core::iter::once(secrets))?;
    let salt: [u8; SALT_LEN] = random.array(b"key file salt\0");
    for number in [DEFAULT.memory, DEFAULT.passes, DEFAULT.lanes] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    file.extend_from_slice(&salt);
    let key = DEFAULT.key(passphrase, &salt)?;
    let associated = [labels::KEY_FILE, file].concat();
    let from = file.len();
    file.extend_from_slice(secrets);
    aead::seal_tail_once(&key, &associated, file, from).ok_or(ErrorKind::InvalidInput)?;
    Ok(())
}

/// The secrets of a protected `file`; `rest` is what follows its protection byte.
pub(super) fn unprotect(file: &[u8], rest: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>> {
    let cut = || Error::with(ErrorKind::Malformed, "the key file is cut");
    let (numbers, rest) = rest.split_first_chunk::<12>().ok_or_else(cut)?;
    let (salt, sealed) = rest.split_first_chunk::<SALT_LEN>().ok_or_else(cut)?;
    let mut numbers = numbers
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_be_bytes(*b));
    let mut next = || numbers.next().unwrap_or_default();
    let cost = Cost {
        memory: next(),
        passes: next(),
        lanes: next(),
    };
    if !cost.is_acceptable() || cost.memory < 8 * cost.lanes {
        return Err(Error::with(
            ErrorKind::Malformed,
            "the key file asks for an impossible Argon2id cost",
        ));
    }
    let head = file.get(..file.len() - sealed.len()).unwrap_or_default();
    let associated = [labels::KEY_FILE, head].concat();
    let key = cost.key(passphrase, salt)?;
    aead::open_once(&key, &associated, sealed)
        .map(Zeroizing::new)
        .ok_or_else(|| ErrorKind::WrongPassphrase.into())
}
