//! Readers as vectors and scripts describe them (spec/vectors/README.md, spec/scripts.md).

use bulla::{Identity, Policy, Senders, VerifyingKey};
use bulla_forge::{Person, SecretKey};
use serde_json::Value;

use super::unhex;

/// The reader with these keys.
pub(crate) fn keys(said: &Value) -> Identity {
    let array = |text: &Value| -> [u8; 32] { unhex(text.as_str().unwrap()).try_into().unwrap() };
    let keys = said["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| SecretKey {
            suite: 1,
            generation: key["generation"].as_u64().unwrap().try_into().unwrap(),
            not_after: 0,
            secret: array(&key["secret"]),
        });
    super::identity(&Person {
        seed: array(&said["seed"]),
        keys: keys.collect(),
    })
}

/// What it accepts, but for order and challenges, which only scripts have.
pub(crate) fn policy(said: &Value) -> Policy {
    let senders = match said["senders"].as_array() {
        Some(keys) => Senders::only(keys.iter().map(|key| {
            VerifyingKey::from_bytes(&unhex(key.as_str().unwrap()).try_into().unwrap()).unwrap()
        })),
        None => Senders::anyone(),
    };
    Policy::new(said["context"].as_str().unwrap(), senders)
        .unwrap()
        .max_age(said["max_age"].as_u64())
        .skew(said["skew"].as_u64().unwrap())
        .allow_own(said["own"].as_bool().unwrap())
}
