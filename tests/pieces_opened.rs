//! Envelopes that come in pieces, cut anywhere, or are read at any place. They are made by the forge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    ErrorKind, FixedClock, Identity, Opener, Policy, Replay, Senders, SessionCache, Verifier,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person, Sealed, cbor};
use common::{fit, for_all, identity, key, pieces};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK: usize = 16_384;
const LAYOUTS: [Layout; 3] = [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown];
const CLOCK: FixedClock = FixedClock(NOW);

fn people() -> (Person, Person) {
    (Person::new("alice"), Person::new("bob"))
}

fn content(length: usize) -> Vec<u8> {
    bulla_forge::bytes("split content", length)
}

/// Bob, who opens what the forge has sealed.
struct Reader {
    keys: Identity,
    policy: Policy,
    /// Spares the Diffie-Hellman: all envelopes have one ephemeral key.
    cache: SessionCache,
}

impl Reader {
    fn new() -> Self {
        let (alice, bob) = people();
        Self {
            keys: identity(&bob),
            policy: Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap(),
            cache: SessionCache::new(10),
        }
    }

    fn opener(&self) -> Opener<'_> {
        Opener::with_clock(&self.keys, &self.policy, Replay::Unguarded, &CLOCK)
            .with_cache(&self.cache)
    }

    /// The content, from an envelope that comes in these pieces.
    fn open(&self, envelope: &[u8], cuts: &[usize]) -> bulla::Result<Vec<u8>> {
        let mut stream = self.opener().stream();
        let mut out = Vec::new();
        for piece in pieces(envelope, cuts) {
            stream.update_provisional(piece, &mut out)?;
        }
        stream.finish(&mut out)?;
        Ok(out)
    }
}

fn sealed(layout: Layout, length: usize) -> Sealed {
    let (alice, bob) = people();
    Forge::sealed(&alice, &[&bob])
        .with(|f| (f.layout, f.content) = (layout, content(length)))
        .seal()
}

/// Header, salt and commitment, every number of bytes of a chunk, and the last chunk.
#[test]
fn an_envelope_cut_in_two_anywhere_opens_to_the_same() {
    let reader = Reader::new();
    for layout in LAYOUTS {
        let sealed = sealed(layout, CHUNK + 700);
        let count = AtomicUsize::new(0);
        for_all(sealed.envelope.len() + 1, |at| {
            let opened = reader.open(&sealed.envelope, &[at]);
            assert!(opened == Ok(sealed.content.clone()), "cut at {at}");
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), sealed.envelope.len() + 1);
    }
}

/// The places in an envelope where something begins or ends, and those beside them.
fn boundaries(sealed: &Sealed) -> Vec<usize> {
    let header = sealed.header.len();
    let mut places = vec![0, 5, 6, 7, 8, 24, 56, 58, header, header + 24, header + 56];
    let chunks = (header + 56..sealed.envelope.len()).step_by(CHUNK + 16);
    places.extend(chunks.flat_map(|chunk| [0, 16_000, CHUNK, CHUNK + 16].map(|at| chunk + at)));
    places.extend([sealed.envelope.len() - 16, sealed.envelope.len()]);
    let beside = places
        .iter()
        .flat_map(|at| [at.saturating_sub(1), *at, at + 1]);
    let mut places: Vec<usize> = beside.filter(|at| *at <= sealed.envelope.len()).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A reader that gives one piece each time, whatever is asked for.
struct Pieces<'b>(std::vec::IntoIter<&'b [u8]>);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // An empty piece would be the end.
        let piece = self.0.find(|piece| !piece.is_empty()).unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn envelopes_cut_at_their_boundaries_open_to_the_same() {
    let reader = Reader::new();
    let totals = [CHUNK - 1, CHUNK, CHUNK + 1, 32_767, 32_768, 32_769, 49_152];
    let count = AtomicUsize::new(0);
    for layout in LAYOUTS {
        for total in totals {
            let length = fit(total, |length| sealed(layout, length).plaintext.len()).unwrap();
            let sealed = sealed(layout, length);
            let places = boundaries(&sealed);
            let is_right = |cuts: &[usize]| {
                let opened = reader.open(&sealed.envelope, cuts);
                assert!(opened == Ok(sealed.content.clone()), "{total}: {cuts:?}");
                count.fetch_add(1, Ordering::Relaxed);
            };
            is_right(&places);
            let mut out = Vec::new();
            let slow = Pieces(pieces(&sealed.envelope, &places).into_iter());
            let provisional = reader.opener().read(slow).unwrap();
            provisional.copy_provisional(&mut out).unwrap();
            assert!(out == sealed.content);
            // In three, at any two of them; one total for each layout, for there are many.
            let all = total == 32_768;
            for_all(places.len(), |first| {
                let last = if all { places.len() } else { first + 3 };
                for second in first..last.min(places.len()) {
                    is_right(&[places[first], places[second]]);
                }
            });
        }
    }
    println!("{} cuts", count.load(Ordering::Relaxed));
    assert!(count.into_inner() > 5000);
}

#[test]
fn a_signed_envelope_cut_in_two_anywhere_verifies() {
    let (alice, _) = people();
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
    let verifier = Verifier::with_clock("me", &policy, Replay::Unguarded, &CLOCK);
    for layout in LAYOUTS {
        let forge =
            Forge::attached(&alice).with(|f| (f.layout, f.content) = (layout, content(900)));
        let sealed = forge.seal();
        for at in 0..=sealed.envelope.len() {
            let mut stream = verifier.stream();
            let mut out = Vec::new();
            for piece in pieces(&sealed.envelope, &[at]) {
                stream.update_provisional(piece, &mut out).unwrap();
            }
            stream.finish(&mut out).unwrap();
            assert!(out == sealed.content, "cut at {at}");
        }
    }
}

/// A file that is read at any place: a length that is nearly right is told before any content is read.
#[test]
fn random_access_begins_only_with_the_signed_length() {
    let reader = Reader::new();
    let (alice, bob) = people();
    for layout in LAYOUTS {
        for length in [699_u64, 700, 701, 700 + (1 << 32)] {
            let forge = Forge::sealed(&alice, &[&bob]).with(|f| {
                (f.layout, f.content) = (layout, content(700));
                if layout != Layout::LengthUnknown {
                    f.stamp.length = Some(length);
                }
                let claim = cbor::uint(length);
                f.closing
                    .claims
                    .set(move |claims| claims.set(-3, claim.clone()));
            });
            let file = Cursor::new(forge.seal().envelope);
            let begun = reader.opener().random_access(file).map(drop);
            let wanted = match length {
                700 => Ok(()),
                _ => Err(ErrorKind::NotAuthentic),
            };
            assert_eq!(begun.map_err(|error| error.kind()), wanted, "{length}");
        }
    }
}
