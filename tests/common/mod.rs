//! What several tests need: people of the forge as identities of the library.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use bulla::{Identity, PublicIdentity, VerifyingKey};
use bulla_forge::{KeyFile, Person, Protection};

/// A person of the forge, with all keys, as the library reads it from a key file.
pub(crate) fn identity(person: &Person) -> Identity {
    Identity::from_key_file(
        KeyFile::of(person, Protection::Plain).armored().as_bytes(),
        None,
    )
    .unwrap()
}

pub(crate) fn public(person: &Person) -> PublicIdentity {
    identity(person).public().clone()
}

pub(crate) fn key(person: &Person) -> VerifyingKey {
    VerifyingKey::from_bytes(&person.signer()).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}
