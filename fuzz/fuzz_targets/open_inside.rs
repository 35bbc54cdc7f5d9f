//! Past the AEAD and the signature: the fuzzer's bytes are the plaintext of a sealed body, or the claims of an opening or
//! a closing that are then signed with a known key.
#![no_main]

use bulla_fuzz::{Inside, begin, closing_claims, honest, is_deterministic, open_all_ways};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static INSIDE: LazyLock<Inside> = LazyLock::new(Inside::default);
/// Honest openings of all layouts, with and without padding: what follows them is the fuzzer's.
static OPENINGS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| honest().into_iter().map(|sealed| sealed.opening).collect());
/// The place among them of the one that leaves length and digest to the closing.
const OPEN_ENDED: usize = 0;
const CONTENT: &[u8] = b"Ten measures of barley to the northern gate.";

/// Whether the plaintext is accepted. If it is, it is byte for byte what its parts say: nothing is between or after them.
fn open(plaintext: &[u8]) -> bool {
    let Ok(accepted) = open_all_ways(&INSIDE.seal(plaintext)) else {
        return false;
    };
    assert_eq!(accepted.plaintext(), plaintext);
    true
}

/// `claims` as a stamp, then honest content, as many zeros as asked for, and perhaps an honest closing.
fn with_claims(tail: u8, zeros: u8, claims: &[u8]) {
    let opening = INSIDE.opening(claims);
    let mut plaintext = begin(&opening);
    plaintext.extend_from_slice(CONTENT);
    plaintext.resize(plaintext.len() + usize::from(zeros), 0);
    if tail & 1 == 1 {
        plaintext.extend_from_slice(&INSIDE.closing(&opening, &closing_claims(CONTENT)));
    }
    if open(&plaintext) {
        assert!(is_deterministic(claims));
    }
}

/// An honest stamp and content, then `claims` as a closing.
fn with_closing(claims: &[u8]) {
    let opening = &OPENINGS[OPEN_ENDED];
    let mut plaintext = begin(opening);
    plaintext.extend_from_slice(CONTENT);
    plaintext.extend_from_slice(&INSIDE.closing(opening, claims));
    assert_eq!(open(&plaintext), claims == closing_claims(CONTENT));
}

fuzz_target!(|input: &[u8]| {
    match input {
        [0, plaintext @ ..] => {
            open(plaintext);
        }
        [1, tail, zeros, claims @ ..] => with_claims(*tail, *zeros, claims),
        [2, claims @ ..] => with_closing(claims),
        [3, which, tail @ ..] => {
            let opening = &OPENINGS[usize::from(*which) % OPENINGS.len()];
            open(&[&begin(opening)[..], tail].concat());
        }
        _ => {}
    }
});
