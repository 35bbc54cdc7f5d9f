//! Hostile and careless input: a clear answer, no panic, and no memory for lengths that are only claimed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    ArmorLabel, Draft, Error, ErrorClass, ErrorKind, Evidence, FixedClock, Identity, Opener,
    OsEntropy, Policy, PublicIdentity, Replay, Sealer, Senders, dearmor, inspect,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{identity, key};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use std::sync::Mutex;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// Memory is measured for the whole process, so tests of this file take turns.
static TURN: Mutex<()> = Mutex::new(());

fn opened(envelope: &[u8]) -> Result<Vec<u8>, Error> {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let keys = identity(&bob);
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
    let clock = FixedClock(NOW);
    Opener::with_clock(&keys, &policy, Replay::Unguarded, &clock)
        .open(envelope)
        .map(bulla::Message::into_content)
}

#[test]
fn nothing_and_garbage() {
    let _turn = TURN.lock();
    for garbage in [
        &b""[..],
        b"B",
        b"BULL",
        b"hello",
        &[0; 100],
        &[0xff; 1000],
        b"-----BEGIN BULLA ENVELOPE-----\n",
    ] {
        assert_eq!(opened(garbage).unwrap_err(), ErrorKind::Malformed);
    }
}

#[test]
fn claimed_lengths_cost_no_memory() {
    let _turn = TURN.lock();
    // A header that claims 10 000 recipients and ends there.
    let mut header = b"BULLA\x01\x01\x01".to_vec();
    header.extend_from_slice(&[7; 48]);
    header.extend_from_slice(&10_000_u16.to_be_bytes());
    // Stamps that claim all but endless content and padding.
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let forge = || Forge::sealed(&alice, &[&bob]);
    let mut envelopes = vec![(header, ErrorKind::Malformed)];
    for length in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 40] {
        for layout in [Layout::OneShot, Layout::LengthKnown] {
            let long = forge().with(|f| (f.layout, f.stamp.length) = (layout, Some(length)));
            let padded = forge().with(|f| (f.layout, f.stamp.padding) = (layout, Some(length)));
            let both = forge().with(|f| {
                (f.layout, f.stamp.length, f.stamp.padding) = (layout, Some(length), Some(length))
            });
            envelopes
                .extend([long, padded, both].map(|f| (f.seal().envelope, ErrorKind::NotAuthentic)));
        }
    }
    for (envelope, verdict) in envelopes {
        PEAK.reset_peak_usage();
        let before = PEAK.current_usage();
        assert_eq!(opened(&envelope).unwrap_err(), verdict);
        let file = std::io::Cursor::new(&envelope);
        let keys = identity(&bob);
        let policy = Policy::new(CONTEXT, Senders::anyone()).unwrap();
        let opener = Opener::archive(&keys, &policy);
        assert_eq!(opener.random_access(file).map(drop).unwrap_err(), verdict);
        let used = PEAK.peak_usage() - before;
        assert!(
            used < 256 * 1024,
            "{used} bytes of memory for {} bytes of input",
            envelope.len()
        );
    }
}

#[test]
fn streaming_memory_does_not_grow() {
    let _turn = TURN.lock();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let bob = Identity::generate(&OsEntropy).unwrap();
    let draft = Draft::new("big").unwrap();
    let sealer = Sealer::new(&alice).to(bob.public());
    let policy = Policy::new("big", Senders::only([*alice.verifying_key()])).unwrap();
    let opener = Opener::new(&bob, &policy, Replay::Unguarded);
    for length in [None, Some(64 << 20)] {
        PEAK.reset_peak_usage();
        let before = PEAK.current_usage();
        let piece = vec![3; 100_000];
        let (mut out, mut plain) = (Vec::new(), Vec::new());
        let mut seal = sealer.stream(&draft, length, &mut out).unwrap();
        let mut open = opener.stream();
        let (mut left, mut came) = (64_usize << 20, 0);
        while left > 0 {
            let now = left.min(piece.len());
            seal.update(&piece[..now], &mut out).unwrap();
            left -= now;
            open.update_provisional(&out, &mut plain).unwrap();
            came += plain.len();
            out.clear();
            plain.clear();
        }
        while seal.pad(&mut out).unwrap() {
            open.update_provisional(&out, &mut plain).unwrap();
            out.clear();
        }
        seal.finish(&mut out).unwrap();
        open.update_provisional(&out, &mut plain).unwrap();
        let proof = open.finish(&mut plain).unwrap();
        assert_eq!(
            (came + plain.len(), proof.content_length()),
            (64 << 20, 64 << 20)
        );
        let used = PEAK.peak_usage() - before;
        assert!(used < 1 << 20, "{used} bytes of memory for 64 MiB");
    }
}

#[test]
fn too_many_trials_are_refused_before_any() {
    let _turn = TURN.lock();
    let (alice, bob) = (Person::new("alice"), Person::new("bob").rotated().rotated());
    let decoys = |count: usize| {
        // To the oldest of his keys, so that all of them have to be tried.
        let sealed = Forge::sealed(&alice, &[&Person::new("bob")]);
        sealed
            .with(|f| {
                (0..count)
                    .for_each(|at| f.stanzas.push(bulla_forge::Stanza::decoy(&at.to_string())))
            })
            .seal()
    };
    let keys = identity(&bob);
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)]))
        .unwrap()
        .max_trials(29);
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&keys, &policy, Replay::Unguarded, &clock);
    assert!(opener.open(&decoys(8).envelope).is_ok());
    assert_eq!(
        opener.open(&decoys(9).envelope).unwrap_err(),
        ErrorKind::Malformed
    );
}

#[test]
fn ten_thousand_recipients_and_not_one_more() {
    let _turn = TURN.lock();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let bob = Identity::generate(&OsEntropy).unwrap();
    let draft = Draft::new("x").unwrap();
    let seal = |decoys| {
        Sealer::new(&alice)
            .to(bob.public())
            .decoys(decoys)
            .seal(&draft, b"x")
    };
    let policy = Policy::new("x", Senders::only([*alice.verifying_key()])).unwrap();
    let opener = Opener::new(&bob, &policy, Replay::Unguarded);
    assert!(opener.open(&seal(9_999).unwrap()).is_ok());
    assert_eq!(seal(10_000).unwrap_err(), ErrorKind::InvalidInput);
    assert_eq!(
        Sealer::new(&alice).seal(&draft, b"x").unwrap_err(),
        ErrorKind::NoRecipient
    );
    let twice = Sealer::new(&alice).to(bob.public()).to(bob.public());
    assert_eq!(
        twice.seal(&draft, b"x").unwrap_err(),
        ErrorKind::DuplicateRecipient
    );
}

#[test]
fn a_broken_generator_or_clock_makes_nothing() {
    struct Broken(bool);
    impl bulla::Entropy for Broken {
        fn fill(&self, _: &mut [u8]) -> bulla::Result<()> {
            if self.0 {
                Err(ErrorKind::RandomFailed.into())
            } else {
                Ok(())
            }
        }
    }
    struct NoClock;
    impl bulla::Clock for NoClock {
        fn now(&self) -> bulla::Result<u64> {
            Err(ErrorKind::ClockFailed.into())
        }
    }
    let _turn = TURN.lock();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let draft = Draft::new("x").unwrap();
    let mut out = b"before".to_vec();
    for broken in [Broken(true), Broken(false)] {
        let sealer = Sealer::with(&alice, &FixedClock(NOW), &broken).to(alice.public());
        assert_eq!(
            sealer.seal_into(&draft, b"x", &mut out).unwrap_err(),
            ErrorKind::RandomFailed
        );
        assert_eq!(
            Identity::generate(&broken).unwrap_err(),
            ErrorKind::RandomFailed
        );
    }
    let sealer = Sealer::with(&alice, &NoClock, &OsEntropy).to(alice.public());
    assert_eq!(
        sealer.seal_into(&draft, b"x", &mut out).unwrap_err(),
        ErrorKind::ClockFailed
    );
    assert_eq!(out, b"before");
}

#[test]
fn a_repeated_generator_still_makes_different_envelopes() {
    struct Repeats;
    impl bulla::Entropy for Repeats {
        fn fill(&self, out: &mut [u8]) -> bulla::Result<()> {
            out.fill(42);
            Ok(())
        }
    }
    let _turn = TURN.lock();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let clock = FixedClock(NOW);
    let sealer = || Sealer::with(&alice, &clock, &Repeats).to(alice.public());
    let draft = Draft::new("x").unwrap();
    let (nonce, enc) = (8..24, 24..56);
    let (one, two) = (
        sealer().seal(&draft, b"one").unwrap(),
        sealer().seal(&draft, b"two").unwrap(),
    );
    assert!(one[nonce.clone()] != two[nonce.clone()] && one[enc.clone()] != two[enc.clone()]);
    // Whatever differs in the plaintext differs in the keys: expiry, padding, length known or not.
    let at = |time| Draft::new("x").unwrap().expires_at(time);
    let (one, two) = (
        sealer().seal(&at(1000), b"x").unwrap(),
        sealer().seal(&at(2000), b"x").unwrap(),
    );
    assert!(one[enc.clone()] != two[enc.clone()]);
    let unpadded = sealer()
        .padding(bulla::Padding::None)
        .seal(&draft, b"one")
        .unwrap();
    assert!(unpadded[enc.clone()] != sealer().seal(&draft, b"one").unwrap()[enc.clone()]);
    let mut streams = [None, Some(3)].map(|length| {
        let mut out = Vec::new();
        let _ = sealer().stream(&draft, length, &mut out).unwrap();
        out
    });
    assert!(
        streams[0].split_off(56) != streams[1].split_off(56)
            && streams[0][enc.clone()] != streams[1][enc.clone()]
    );
    // The same message again, by the same sealer: the counter tells them apart.
    let same = sealer();
    let (one, two) = (
        same.seal(&draft, b"one").unwrap(),
        same.seal(&draft, b"one").unwrap(),
    );
    assert!(one[nonce.clone()] != two[nonce] && one[enc.clone()] != two[enc]);
}

#[test]
fn a_stream_keeps_its_word() {
    let _turn = TURN.lock();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let sealer = Sealer::new(&alice).to(alice.public());
    let draft = Draft::new("x").unwrap();
    let mut out = Vec::new();
    let mut stream = sealer.stream(&draft, Some(3), &mut out).unwrap();
    stream.update(b"abc", &mut out).unwrap();
    assert_eq!(
        stream.update(b"d", &mut out).unwrap_err(),
        ErrorKind::LengthMismatch
    );
    assert_eq!(
        stream.update(b"", &mut out).unwrap_err(),
        ErrorKind::WrongOrder
    );
    assert_eq!(stream.finish(&mut out).unwrap_err(), ErrorKind::WrongOrder);
    let mut stream = sealer.stream(&draft, Some(3), &mut out).unwrap();
    stream.update(b"ab", &mut out).unwrap();
    assert_eq!(
        stream.finish(&mut out).unwrap_err(),
        ErrorKind::LengthMismatch
    );
}

#[test]
fn every_error_has_a_code_of_its_own_and_a_line_to_act_on() {
    let mut codes: Vec<i32> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    let sorted = codes.clone();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, sorted);
    for kind in ErrorKind::ALL {
        let range = match kind.class() {
            ErrorClass::Usage => 1..20,
            ErrorClass::NotAcceptable => 20..40,
            ErrorClass::Refused => 40..70,
            ErrorClass::TryAgain => 70..80,
            _ => panic!("a class without codes"),
        };
        assert!(range.contains(&kind.code()), "{}", kind.name());
        let line = Error::from(*kind).to_string();
        assert!(line.len() > 20 && !line.contains('\n'), "{line}");
    }
    let spec = include_str!("../spec/opening.md");
    for kind in ErrorKind::ALL.iter().filter(|kind| kind.code() >= 20) {
        assert!(
            spec.contains(&format!("`{}`", kind.name())),
            "{} is not in the specification",
            kind.name()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        // Random bytes get nowhere by themselves: each also comes behind a beginning that is well-formed.
        let heads: [&[u8]; 5] =
            [b"", b"BULLA\x01\x01\x01", b"BULLA\x01\x01\x02", b"BULLA\x01\x01\x03", b"\x84\x01\x58\x20"];
        for head in heads {
            let bytes = [head, bytes.as_slice()].concat();
            let _ = opened(&bytes);
            let _ = inspect(&bytes);
            let _ = Evidence::check(&bytes);
            let policy = Policy::new("x", Senders::anyone()).unwrap();
            let _ = bulla::Verifier::archive(&policy).verify(&bytes);
            let _ = bulla::Verifier::archive(&policy).verify_detached(&bytes, b"");
        }
        for head in [&b"BULLAKEY"[..], b"BULLAKEY\x01\x00", b""] {
            let file = bulla::armor(ArmorLabel::SecretKey, &[head, bytes.as_slice(), &[0]].concat());
            let _ = Identity::from_key_file(file.as_bytes(), None);
        }
        let _ = dearmor(ArmorLabel::Envelope, &bytes);
        let _ = String::from_utf8_lossy(&bytes).parse::<PublicIdentity>();
    }

    #[test]
    fn no_damage_panics_or_passes(places in proptest::collection::vec((0..420_usize, any::<u8>()), 1..6)) {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        let honest = Forge::sealed(&alice, &[&bob]).seal().envelope;
        let mut damaged = honest.clone();
        for (at, byte) in places {
            damaged[at % honest.len()] = byte;
        }
        prop_assert_eq!(opened(&damaged).is_ok(), damaged == honest);
    }
}
