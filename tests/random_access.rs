//! Reading at any place of a sealed file (spec/opening.md §6): the verdicts of a stream, and files that change.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    ErrorKind, FixedClock, Identity, MemoryGuard, Opener, Policy, ProvisionalFile, Replay, Senders,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{identity, key};
use std::cell::RefCell;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

const CLOCK: FixedClock = FixedClock(NOW);
const CHUNK: usize = 16_384;

struct Scene {
    alice: Person,
    bob: Person,
    keys: Identity,
    policy: Policy,
    guard: MemoryGuard,
}

impl Scene {
    fn new() -> Self {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        Self {
            keys: identity(&bob),
            policy: Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap(),
            guard: MemoryGuard::new(100),
            alice,
            bob,
        }
    }

    fn opener(&self) -> Opener<'_> {
        Opener::with_clock(
            &self.keys,
            &self.policy,
            Replay::Guarded(&self.guard),
            &CLOCK,
        )
    }

    fn forge(&self) -> Forge {
        Forge::sealed(&self.alice, &[&self.bob])
    }

    /// The verdict of random access, which must be that of a stream.
    fn refused(&self, envelope: &[u8]) -> ErrorKind {
        let opener = self.opener();
        let at_random = opener.random_access(Cursor::new(envelope)).map(drop);
        let streamed = opener.open(envelope).map(drop);
        let (at_random, streamed) = (at_random.unwrap_err(), streamed.unwrap_err());
        assert_eq!(at_random.kind(), streamed.kind());
        at_random.kind()
    }
}

/// A file that somebody else can replace.
#[derive(Clone)]
struct Shared(Rc<RefCell<Cursor<Vec<u8>>>>);

impl Shared {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new(Cursor::new(bytes))))
    }

    fn replace(&self, bytes: Vec<u8>) {
        *self.0.borrow_mut() = Cursor::new(bytes);
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}

#[test]
fn short_plaintexts_get_the_verdict_of_a_stream() {
    let scene = Scene::new();
    for (plaintext, verdict) in [
        (&[][..], ErrorKind::Malformed),
        (&[1], ErrorKind::Malformed),
        (&[1, 0], ErrorKind::Malformed),
        (&[1, 0, 0], ErrorKind::Malformed),
        (&[1, 0, 9, 1], ErrorKind::Malformed),
        (&[0], ErrorKind::UnsupportedVersion),
        (&[2], ErrorKind::UnsupportedVersion),
        (&[2, 0], ErrorKind::UnsupportedVersion),
        (&[2, 0, 0], ErrorKind::UnsupportedVersion),
        (&[255, 255, 255, 255], ErrorKind::UnsupportedVersion),
    ] {
        let short = plaintext.to_vec();
        let forged = scene.forge();
        let forged = forged.with(|f| f.plaintext.set(move |all| all.clone_from(&short)));
        let envelope = forged.seal().envelope;
        assert_eq!(scene.refused(&envelope), verdict, "{plaintext:?}");
    }
}

#[test]
fn the_length_of_the_file_is_proven_before_it_is_trusted() {
    let scene = Scene::new();
    for layout in [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown] {
        let content = vec![7; 3 * CHUNK];
        let forged = scene.forge();
        let forged = forged.with(|f| (f.layout, f.content) = (layout, content));
        let envelope = forged.seal().envelope;
        let whole_chunks = 106 + 56 + 3 * (CHUNK + 16);
        for cut in [whole_chunks, whole_chunks - CHUNK - 16, envelope.len() - 1] {
            let verdict = scene.refused(&envelope[..cut]);
            assert_eq!(verdict, ErrorKind::NotAuthentic, "cut at {cut}");
        }
        let longer = [&envelope[..], &[0; 16]].concat();
        assert_eq!(scene.refused(&longer), ErrorKind::NotAuthentic);
        assert!(scene.opener().random_access(Cursor::new(&envelope)).is_ok());
    }
}

fn read<M: bulla::Mode>(file: &mut ProvisionalFile<'_, '_, Shared, M>, at: u64) -> u8 {
    let mut byte = [0];
    assert_eq!(file.read_provisional(at, &mut byte).unwrap(), 1);
    byte[0]
}

#[test]
fn a_file_that_is_replaced_by_another_message_is_refused_and_that_message_not_claimed() {
    let scene = Scene::new();
    let first = scene.forge().with(|f| f.content = vec![1; 50_000]);
    let second = scene.forge().with(|f| f.content = vec![2; 50_000]);
    let second = second
        .fresh("second")
        .with(|f| f.stamp.message_id = [9; 16]);
    let (first, second) = (first.seal().envelope, second.seal().envelope);
    let shared = Shared::new(first.clone());
    let opener = scene.opener();
    let mut file = opener.random_access(shared.clone()).unwrap();
    assert_eq!(read(&mut file, 40_000), 1);
    shared.replace(second.clone());
    let error = file.verify().map(drop).unwrap_err();
    assert_eq!(error, ErrorKind::NotAuthentic);
    assert!(error.detail().contains("replaced"));
    assert!(scene.guard.is_empty());
    for envelope in [first, second] {
        assert!(opener.open(&envelope).is_ok());
    }
}

#[test]
fn a_chunk_of_a_co_recipient_is_provisional_and_does_not_outlive_the_verdict() {
    let scene = Scene::new();
    let honest = scene.forge().with(|f| f.content = vec![1; 50_000]);
    // Somebody with the content key, who cannot sign: another second chunk under the same key.
    let forged = honest.clone().with(|f| {
        f.pieces.set(|pieces: &mut Vec<Vec<u8>>| pieces[1].fill(6));
    });
    let (honest, forged) = (honest.seal().envelope, forged.seal().envelope);
    let at = 20_000;
    let shared = Shared::new(forged.clone());
    let opener = scene.opener();
    let mut file = opener.random_access(shared.clone()).unwrap();
    assert_eq!(read(&mut file, at), 6, "provisional");
    assert_eq!(file.verify().unwrap_err(), ErrorKind::NotAuthentic);
    assert!(scene.guard.is_empty());
    // The honest file is put back before the verdict: the chunk in hand must not be taken for a part of it.
    let mut file = opener.random_access(shared.clone()).unwrap();
    assert_eq!(read(&mut file, at), 6);
    shared.replace(honest);
    let mut file = file.verify().unwrap();
    let mut byte = [0];
    file.read_at(at, &mut byte).unwrap();
    assert_eq!(byte, [1]);
    assert_eq!(scene.guard.len(), 1);
}
