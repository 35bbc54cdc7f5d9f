//! Identity lines: arbitrary text, and arbitrary data under a right checksum.
#![no_main]

use bulla::PublicIdentity;
use bulla_forge::line::{BECH32M, bech32, fives};
use libfuzzer_sys::fuzz_target;

fn check(text: &str) -> Option<PublicIdentity> {
    let identity: PublicIdentity = text.parse().ok()?;
    let line = identity.to_string();
    assert_eq!(line, text.trim_matches([' ', '\t', '\r', '\n']));
    assert_eq!(line.parse::<PublicIdentity>().as_ref(), Ok(&identity));
    Some(identity)
}

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        check(text);
    }
    let line = bech32("bulla", &fives(input), BECH32M);
    let Some(identity) = check(&line) else {
        return;
    };
    // What was accepted stands where the table says (spec/identity.md §1).
    assert_eq!(input[0], 1);
    assert_eq!(&input[1..33], identity.verifying_key().as_bytes());
    let keys = identity.encryption_keys();
    assert!((1..=8).contains(&keys.len()));
    assert!(keys.is_sorted_by(|a, b| a.generation() < b.generation()));
    assert_eq!(input.len(), 33 + 37 * keys.len());
    for (key, entry) in keys.iter().zip(input[33..].chunks_exact(37)) {
        assert_eq!(entry[0], key.suite());
        assert_eq!(entry[1..5], key.generation().to_be_bytes());
        assert_eq!(&entry[5..], key.key().as_bytes());
    }
    // Any single wrong character is noticed.
    let at = 6 + usize::from(input[32]) % (line.len() - 6);
    let other = if line.as_bytes()[at] == b'q' {
        "p"
    } else {
        "q"
    };
    let mut wrong = line.clone();
    wrong.replace_range(at..=at, other);
    assert!(check(&wrong).is_none());
});
