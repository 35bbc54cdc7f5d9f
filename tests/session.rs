//! Sessions: one ephemeral key for a batch, within its bounds (spec/rationale.md §2).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Draft, ErrorKind, FixedClock, Identity, Opener, OsEntropy, Policy, Replay, Sealer, Senders,
    Session, SessionCache,
};
use std::collections::HashSet;

const NOW: u64 = 1_800_000_000;

fn someone() -> Identity {
    Identity::generate(&OsEntropy).unwrap()
}

#[test]
fn envelopes_of_a_session_share_one_ephemeral_key_and_nothing_else() {
    let (alice, bob, carol) = (someone(), someone(), someone());
    let session = Session::begin(&alice, &OsEntropy).unwrap();
    let clock = FixedClock(NOW);
    let draft = Draft::new("x").unwrap();
    let policy = Policy::new("x", Senders::only([*alice.verifying_key()])).unwrap();
    let cache = SessionCache::new(10);
    let (mut encs, mut nonces, mut stanzas) = (HashSet::new(), HashSet::new(), HashSet::new());
    for round in 0..50_u8 {
        let sealer = Sealer::with(&alice, &clock, &OsEntropy)
            .to(bob.public())
            .in_session(&session);
        let sealer = if round % 2 == 0 {
            sealer.to(carol.public())
        } else {
            sealer
        };
        let envelope = sealer.seal(&draft, &[round]).unwrap();
        nonces.insert(envelope[8..24].to_vec());
        encs.insert(envelope[24..56].to_vec());
        stanzas.insert(envelope[58..106].to_vec());
        for reader in [&bob, &carol] {
            let opener =
                Opener::with_clock(reader, &policy, Replay::Unguarded, &clock).with_cache(&cache);
            let opened = opener.open(&envelope).map(bulla::Message::into_content);
            if round % 2 == 0 || std::ptr::eq(reader, &bob) {
                assert_eq!(opened.unwrap(), [round]);
            } else {
                assert_eq!(opened.unwrap_err(), ErrorKind::NotForMe);
            }
        }
    }
    assert_eq!((encs.len(), nonces.len(), stanzas.len()), (1, 50, 50));
    // Without a session every envelope has its own.
    let sealer = Sealer::with(&alice, &clock, &OsEntropy).to(bob.public());
    let (one, two) = (
        sealer.seal(&draft, b"x").unwrap(),
        sealer.seal(&draft, b"x").unwrap(),
    );
    assert_ne!(one[24..56], two[24..56]);
}

#[test]
fn a_session_ends() {
    let (alice, bob) = (someone(), someone());
    let session = Session::begin(&alice, &OsEntropy).unwrap();
    let draft = Draft::new("x").unwrap();
    let at = |sender: &Identity, now: u64| {
        let clock = FixedClock(now);
        let sealer = Sealer::with(sender, &clock, &OsEntropy)
            .to(bob.public())
            .in_session(&session);
        sealer
            .seal(&draft, b"x")
            .map(drop)
            .map_err(|error| error.kind())
    };
    assert_eq!(at(&alice, NOW), Ok(()));
    assert_eq!(at(&alice, NOW + 600), Ok(()));
    assert_eq!(at(&alice, NOW + 601), Err(ErrorKind::SessionOver));
    assert_eq!(at(&alice, NOW - 1), Err(ErrorKind::SessionOver));
    assert_eq!(at(&bob, NOW), Err(ErrorKind::SessionOver));
}

#[test]
fn a_session_makes_65536_envelopes_and_no_more() {
    let (alice, bob) = (someone(), someone());
    let session = Session::begin(&alice, &OsEntropy).unwrap();
    let clock = FixedClock(NOW);
    let draft = Draft::new("x").unwrap();
    let sealer = Sealer::with(&alice, &clock, &OsEntropy)
        .to(bob.public())
        .in_session(&session);
    let mut out = Vec::new();
    for _ in 0..65_536 {
        out.clear();
        sealer.seal_into(&draft, b"", &mut out).unwrap();
    }
    assert_eq!(
        sealer.seal(&draft, b"").unwrap_err(),
        ErrorKind::SessionOver
    );
}

#[test]
fn a_reader_keeps_a_secret_only_after_a_verified_envelope() {
    let (alice, bob) = (someone(), someone());
    let clock = FixedClock(NOW);
    let cache = SessionCache::new(10);
    let policy = Policy::new("x", Senders::only([*alice.verifying_key()])).unwrap();
    let sealer = Sealer::with(&alice, &clock, &OsEntropy).to(bob.public());
    let envelope = sealer.seal(&Draft::new("x").unwrap(), b"x").unwrap();
    let mut damaged = envelope.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let opener = Opener::with_clock(&bob, &policy, Replay::Unguarded, &clock).with_cache(&cache);
    assert_eq!(opener.open(&damaged).unwrap_err(), ErrorKind::NotAuthentic);
    assert!(cache.is_empty());
    opener.open(&envelope).unwrap();
    assert_eq!(cache.len(), 1);
}
