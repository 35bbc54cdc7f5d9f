//! Key files: arbitrary text; arbitrary bytes in an armor; arbitrary secrets under a right checksum; arbitrary secrets
//! under a passphrase.
#![no_main]

use bulla::{ArmorLabel, Identity, armor, dearmor};
use bulla_forge::{KeyFile, Person, Protection};
use bulla_fuzz::FixedEntropy;
use libfuzzer_sys::fuzz_target;

const PASSPHRASE: &str = "correct horse";

/// Argon2id as the file asks for it would be slow: only what is tiny is tried.
fn is_cheap(text: &[u8]) -> bool {
    let Ok(file) = dearmor(ArmorLabel::SecretKey, text) else {
        return true;
    };
    let number = |at: usize| {
        let bytes = file.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u32::from_be_bytes)
    };
    file.get(9) != Some(&1) || (number(10) <= 64 && number(14) <= 2)
}

fn check(text: &[u8]) -> Option<Identity> {
    if !is_cheap(text) {
        return None;
    }
    let without = Identity::from_key_file(text, None);
    let identity = Identity::from_key_file(text, Some(PASSPHRASE)).ok()?;
    let written = identity.to_key_file(None, &FixedEntropy).unwrap();
    if let Ok(without) = without {
        assert_eq!(without.public(), identity.public());
        // Not protected: there is one valid form.
        let bytes = |text: &[u8]| dearmor(ArmorLabel::SecretKey, text).unwrap();
        assert_eq!(bytes(text), bytes(written.as_bytes()));
    }
    let again = Identity::from_key_file(written.as_bytes(), None).unwrap();
    assert_eq!(again.public(), identity.public());
    assert!(again.generations().eq(identity.generations()));
    Some(identity)
}

fn check_secrets(secrets: &[u8], protection: Protection) {
    let mut file = KeyFile::of(&Person::from_seed([7; 32]), protection);
    file.secrets = secrets.to_vec();
    if let Some(identity) = check(file.armored().as_bytes()) {
        let written = identity.to_key_file(None, &FixedEntropy).unwrap();
        file.protection = Protection::Plain;
        assert_eq!(*written, file.armored());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else {
        return;
    };
    match mode % 4 {
        0 => drop(check(input)),
        1 => drop(check(armor(ArmorLabel::SecretKey, input).as_bytes())),
        2 => check_secrets(input, Protection::Plain),
        _ => check_secrets(input, Protection::passphrase(PASSPHRASE)),
    }
});
