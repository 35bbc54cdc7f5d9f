//! Evidence of arbitrary bytes, and of arbitrary claims signed by a known key.
#![no_main]

use bulla::{Evidence, fuzzing};
use bulla_forge::{h, named};
use bulla_fuzz::{ALICE, Inside, closing_claims, is_deterministic};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static INSIDE: LazyLock<Inside> = LazyLock::new(Inside::default);
const CONTENT: &[u8] = b"Ten measures of barley to the northern gate.";

fn check(input: &[u8]) -> Option<Evidence> {
    let evidence = Evidence::check(input).ok()?;
    assert!(is_deterministic(input));
    assert_eq!(fuzzing::evidence(input).ok().as_deref(), Some(input));
    if let Some(length) = evidence.stamp().length() {
        assert_eq!(length, evidence.content_length());
    }
    Some(evidence)
}

fuzz_target!(|input: &[u8]| {
    check(input);
    let (claims, closing) = match input.split_first() {
        Some((0, claims)) => (claims, None),
        Some((1, claims)) => (claims, Some(closing_claims(CONTENT))),
        // Both are the fuzzer's.
        Some((split, both)) => {
            let (claims, closing) = both.split_at(both.len().min(usize::from(*split)));
            (claims, Some(closing.to_vec()))
        }
        None => return,
    };
    let opening = INSIDE.opening(claims);
    let closing = closing.map(|claims| {
        let mut closing = INSIDE.closing(&opening, &claims);
        closing.truncate(closing.len() - 2);
        closing
    });
    let made = bulla_forge::Evidence {
        version: 1,
        header_digest: h(&[INSIDE.header()]).to_vec(),
        opening,
        closing,
    };
    if let Some(evidence) = check(&made.encode()) {
        assert_eq!(evidence.stamp().signer(), ALICE.verifying_key());
        assert!(is_deterministic(claims));
        // Bound to its header.
        let other = bulla_forge::Evidence {
            header_digest: named::<32>("another header").to_vec(),
            ..made
        };
        assert!(check(&other.encode()).is_none());
    }
});
