//! Secret key files (identity.md §3).

use bulla_forge::armor::{ENVELOPE, SECRET_KEY, armor};
use bulla_forge::keyfile::secrets;
use bulla_forge::{KeyFile, Person, Protection};
use serde_json::{Value, json};

use crate::cast::bob;
use crate::vector::{Vector, hex, reads, refused};

const PASSPHRASE: &str = "correct horse";

pub fn vectors() -> Vec<Vector> {
    [good(), frame(), contents(), checksum(), protected(), parameters()].into_iter().flatten().collect()
}

fn payload(person: &Person) -> Value {
    let keys: Vec<_> = person
        .keys
        .iter()
        .map(|key| {
            json!({
                "suite": key.suite,
                "generation": key.generation,
                "not_after": key.not_after,
                "secret": hex(&key.secret),
            })
        })
        .collect();
    json!({ "seed": hex(&person.seed), "keys": keys })
}

fn accepted(name: &str, about: &str, person: &Person, text: &str) -> Vector {
    Vector::text("keyfile", &format!("keyfile/{name}"), about, text, reads(payload(person)))
}

fn vector(name: &str, about: &str, text: &str, verdict: &'static str) -> Vector {
    Vector::text("keyfile", &format!("keyfile/{name}"), about, text, refused(verdict))
}

fn malformed(name: &str, about: &str, text: &str) -> Vector {
    vector(name, about, text, "Malformed")
}

fn plain() -> KeyFile {
    KeyFile::of(&bob(), Protection::Plain)
}

fn locked() -> KeyFile {
    KeyFile::of(&bob(), Protection::passphrase(PASSPHRASE))
}

fn armored(bytes: &[u8]) -> String {
    armor(SECRET_KEY, bytes)
}

fn with_keys(count: usize) -> Person {
    let mut person = bob();
    while person.keys.len() < count {
        person = person.rotated();
    }
    person
}

fn good() -> Vec<Vector> {
    let of = |name: &str, about: &str, person: &Person, protection: Protection| {
        accepted(name, about, person, &KeyFile::of(person, protection).armored())
    };
    let mut limited = with_keys(2);
    limited.keys[0].not_after = 1_800_000_000;
    limited.keys[1].not_after = u64::MAX;
    let mut random = with_keys(2);
    random.keys.remove(0);
    let locked = |passphrase: &str| Protection::passphrase(passphrase);
    let other_cost = Protection::Passphrase { passphrase: PASSPHRASE.to_owned(), m: 72, t: 2, p: 3, cost: (72, 2, 3) };
    // As many passes and lanes as a reader runs, and the least memory that Argon2 has for them.
    let limits =
        Protection::Passphrase { passphrase: PASSPHRASE.to_owned(), m: 128, t: 16, p: 16, cost: (128, 16, 16) };
    vec![
        of("protected-limits", "t and p at their limits", &bob(), limits).passphrase(PASSPHRASE),
        of("plain", "a seed identity, not protected", &bob(), Protection::Plain),
        of("plain-not-after", "two keys that have an end", &limited, Protection::Plain),
        of("plain-32-keys", "as many keys as allowed", &with_keys(32), Protection::Plain),
        of("plain-generation-1", "generation 0 is destroyed", &random, Protection::Plain),
        accepted("plain-crlf", "CRLF for LF", &bob(), &plain().armored().replace('\n', "\r\n")),
        accepted("plain-passphrase-given", "a passphrase that is not needed", &bob(), &plain().armored())
            .passphrase(PASSPHRASE),
        of("protected", "under a passphrase", &bob(), locked(PASSPHRASE)).passphrase(PASSPHRASE),
        of("protected-32-keys", "as many keys as allowed", &with_keys(32), locked(PASSPHRASE)).passphrase(PASSPHRASE),
        of("protected-other-cost", "m 72, t 2, p 3", &bob(), other_cost).passphrase(PASSPHRASE),
        of("protected-utf-8", "a passphrase that is not ASCII", &bob(), locked("Grüße, 世界"))
            .passphrase("Grüße, 世界"),
        of("protected-spaces", "a passphrase with spaces around it, as typed", &bob(), locked(" a b "))
            .passphrase(" a b "),
    ]
}

fn frame() -> Vec<Vector> {
    let bytes = plain().bytes();
    let with = |change: fn(&mut KeyFile)| {
        let mut file = plain();
        change(&mut file);
        file.armored()
    };
    let unsupported = |name: &str, about: &str, text: &str| vector(name, about, text, "UnsupportedVersion");
    let cut = |length: usize| armored(&bytes[..length]);
    vec![
        malformed("empty", "no text at all", ""),
        malformed("not-armored", "the bytes of a key file without armor", &hex(&bytes)),
        malformed("armor-envelope", "armored as an envelope", &armor(ENVELOPE, &bytes)),
        malformed(
            "armor-blank-line",
            "a blank line after the first line",
            &plain().armored().replacen('\n', "\n\n", 1),
        ),
        malformed("an-envelope", "an envelope armored as a key file", &armored(&crate::cast::honest().seal().envelope)),
        malformed("magic-last-byte", "the last byte of the magic differs", &with(|f| f.magic[7] = b'Z')),
        unsupported("version-0", "version 0", &with(|f| f.version = 0)),
        unsupported("version-2", "version 2", &with(|f| f.version = 2)),
        unsupported("protection-2", "protection 2", &with(|f| f.protection = Protection::Other(2))),
        unsupported("protection-255", "protection 255", &with(|f| f.protection = Protection::Other(255))),
        malformed("cut-in-magic", "ends inside the magic", &cut(5)),
        malformed("cut-after-magic", "ends after the magic", &cut(8)),
        malformed("cut-after-version", "ends after the version", &cut(9)),
        malformed("cut-after-protection", "ends after the protection", &cut(10)),
        malformed("cut-in-seed", "ends inside the seed", &cut(30)),
        malformed("cut-in-entry", "ends inside the entry", &cut(60)),
        malformed("cut-in-checksum", "ends inside the checksum", &cut(bytes.len() - 1)),
        malformed("byte-after", "a byte follows the checksum", &armored(&[&bytes[..], &[0]].concat())),
    ]
}

/// Secrets that are no secrets of ours; the checksum is right about them.
fn contents() -> Vec<Vector> {
    let with = |bytes: Vec<u8>| {
        let mut file = plain();
        file.secrets = bytes;
        file.armored()
    };
    let of = |person: &Person| secrets(&person.seed, &person.keys);
    let one = of(&bob());
    let two = |change: fn(&mut Person)| {
        let mut person = with_keys(2);
        change(&mut person);
        with(of(&person))
    };
    let counted = |count: u8| {
        let mut bytes = one.clone();
        bytes[32] = count;
        with(bytes)
    };
    let suite = |suite: u8| {
        let mut bytes = one.clone();
        bytes[33] = suite;
        with(bytes)
    };
    let mut locked = locked();
    locked.secrets = [&one[..], &[0]].concat();
    vec![
        malformed("no-entry", "no encryption key", &with(one[..32].iter().copied().chain([0]).collect())),
        malformed("count-0-entry-there", "the number of keys is 0, one follows", &counted(0)),
        malformed("count-2", "the number of keys is 2, one follows", &counted(2)),
        malformed("count-255", "the number of keys is 255, one follows", &counted(255)),
        malformed("33-keys", "one key too many", &with(of(&with_keys(33)))),
        malformed("no-secrets", "nothing between protection and checksum", &with(Vec::new())),
        malformed("seed-only", "a seed and no number of keys", &with(one[..32].to_vec())),
        malformed("entry-cut", "the last secret has 31 bytes", &with(one[..one.len() - 1].to_vec())),
        malformed(
            "byte-before-checksum",
            "a byte between the last key and the checksum",
            &with([&one[..], &[0]].concat()),
        ),
        malformed("descending", "two keys in wrong order", &two(|p| p.keys.swap(0, 1))),
        malformed("generation-twice", "two keys of one generation", &two(|p| p.keys[1].generation = 0)),
        vector("suite-2", "a key of suite 2", &suite(2), "UnsupportedVersion"),
        vector("suite-0", "a key of suite 0", &suite(0), "UnsupportedVersion"),
        malformed("protected-byte-after-keys", "a byte after the last key, under the passphrase", &locked.armored())
            .passphrase(PASSPHRASE),
    ]
}

fn checksum() -> Vec<Vector> {
    let flipped = |at: usize| {
        let mut bytes = plain().bytes();
        bytes[at] ^= 1;
        armored(&bytes)
    };
    let last = plain().bytes().len() - 1;
    vec![
        malformed("checksum-first-bit", "a bit of the checksum is changed", &flipped(last - 15)),
        malformed("checksum-last-bit", "the checksum's last bit is changed", &flipped(last)),
        malformed("seed-bit", "a bit of the seed is changed", &flipped(10)),
        malformed("secret-bit", "a bit of the secret is changed", &flipped(last - 16)),
    ]
}

fn protected() -> Vec<Vector> {
    let bytes = locked().bytes();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        armored(&bytes)
    };
    let wrong = |name: &str, about: &str, text: &str| {
        vector(&format!("protected-{name}"), about, text, "WrongPassphrase").passphrase(PASSPHRASE)
    };
    let cut = |name: &str, about: &str, length: usize| {
        let text = with(&|bytes| bytes.truncate(length));
        malformed(&format!("protected-{name}"), about, &text).passphrase(PASSPHRASE)
    };
    let text = locked().armored();
    let last = bytes.len() - 1;
    // The parameters in the file are other ones than the key was made with.
    let other_m = Protection::Passphrase { passphrase: PASSPHRASE.to_owned(), m: 128, t: 1, p: 1, cost: (64, 1, 1) };
    vec![
        wrong("another-passphrase", "another passphrase", &text).passphrase("correct horse "),
        wrong("passphrase-case", "the passphrase in another case", &text).passphrase("Correct horse"),
        wrong("passphrase-empty", "an empty passphrase", &text).passphrase(""),
        wrong("salt-bit", "a bit of the salt is changed", &with(&|b| b[22] ^= 1)),
        wrong("ciphertext-bit", "a bit of the ciphertext is changed", &with(&|b| b[38] ^= 1)),
        wrong("tag-bit", "a bit of the tag is changed", &with(&|b| b[last] ^= 1)),
        wrong("other-m", "the file says another m than was used", &KeyFile::of(&bob(), other_m).armored()),
        cut("cut-in-parameters", "ends inside the parameters", 20),
        cut("cut-in-salt", "ends inside the salt", 30),
        malformed(
            "protected-4097",
            "one byte too long, which is told before the passphrase is tried",
            &with(&|bytes| bytes.resize(4097, 0)),
        )
        .passphrase(PASSPHRASE),
    ]
}

/// A reader must see these before it runs anything.
fn parameters() -> Vec<Vector> {
    let rows = [
        ("m-over", "m is over its limit", (1_048_577, 1, 1)),
        ("m-greatest", "m is 2^32 - 1", (u32::MAX, 1, 1)),
        ("t-over", "t is over its limit", (64, 17, 1)),
        ("p-over", "p is over its limit", (1_024, 1, 17)),
        ("m-times-t-over", "m and t are within their limits, m x t is not", (1_048_576, 9, 1)),
        ("t-0", "t is 0, which Argon2 does not have", (64, 0, 1)),
        ("p-0", "p is 0, which Argon2 does not have", (64, 1, 0)),
        ("m-0", "m is 0, which Argon2 does not have", (0, 1, 1)),
        ("m-under-8-p", "m is less than 8 p, which Argon2 does not have", (31, 1, 4)),
    ];
    rows.into_iter()
        .map(|(name, about, (m, t, p))| {
            let file = KeyFile::of(&bob(), Protection::claiming(m, t, p));
            malformed(&format!("protected-{name}"), about, &file.armored()).passphrase(PASSPHRASE)
        })
        .collect()
}
