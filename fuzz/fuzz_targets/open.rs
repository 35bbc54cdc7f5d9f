//! Arbitrary bytes as an envelope: every way to open it, as a whole or in pieces, comes to the same verdict.
#![no_main]

use bulla::{ErrorKind, Replay, Verifier};
use bulla_fuzz::{CLOCK, POLICY, open_all_ways, pieces, verify_all_ways};
use libfuzzer_sys::fuzz_target;

/// Detached: the input is cut into envelope and content where the first byte says.
fn detached(input: &[u8]) {
    let Some((at, rest)) = input.split_first() else {
        return;
    };
    let (content, envelope) = rest.split_at(usize::from(*at).min(rest.len()));
    let verifier = Verifier::with_clock("fuzz", &POLICY, Replay::Unguarded, &CLOCK);
    let whole = verifier
        .verify_detached(envelope, content)
        .map(|proof| proof.opening_digest());
    let in_pieces = verifier.detached(envelope).and_then(|mut stream| {
        for piece in pieces(content) {
            stream.update(piece)?;
        }
        stream.finish().map(|proof| proof.opening_digest())
    });
    assert_eq!(whole, in_pieces);
}

fuzz_target!(|input: &[u8]| {
    let opened = open_all_ways(input);
    let verified = verify_all_ways(input);
    assert!(opened.is_err() || verified == Err(ErrorKind::WrongKind));
    assert!(verified.is_err() || opened == Err(ErrorKind::WrongKind));
    detached(input);
});
