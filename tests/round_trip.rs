//! Sealing and opening agree, in one piece and in pieces, for every layout and size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Draft, FixedClock, Identity, MemoryGuard, Opener, OsEntropy, Padding, Policy, Replay, Sealer,
    Senders, Verifier,
};
use std::io::Cursor;

const NOW: u64 = 1_800_000_000;
const SIZES: [usize; 12] = [
    0, 1, 2, 255, 256, 16_000, 16_383, 16_384, 16_385, 32_768, 49_152, 200_000,
];

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn every_layout_and_size_opens_again() {
    let (alice, bob) = people();
    let policy = Policy::new("test", Senders::only([*alice.verifying_key()])).unwrap();
    let clock = FixedClock(NOW);
    let draft = Draft::new("test").unwrap().attribute("name", b"x").unwrap();
    for size in SIZES {
        let content = content(size);
        for padding in [Padding::None, Padding::Padme] {
            let sealer = Sealer::with(&alice, &clock, &OsEntropy)
                .to(bob.public())
                .padding(padding);
            let whole = sealer.seal(&draft, &content).unwrap();
            let mut sized = Vec::new();
            let mut open_ended = Vec::new();
            let length = Some(size as u64);
            sealer
                .seal_io(&draft, length, &mut Cursor::new(&content), &mut sized)
                .unwrap();
            sealer
                .seal_io(&draft, None, &mut Cursor::new(&content), &mut open_ended)
                .unwrap();
            for envelope in [whole, sized, open_ended] {
                let guard = MemoryGuard::new(10);
                let opener = Opener::with_clock(&bob, &policy, Replay::Guarded(&guard), &clock);
                assert_eq!(opener.open(&envelope).unwrap().content(), content);
                assert_eq!(
                    opener.open(&envelope).unwrap_err(),
                    bulla::ErrorKind::Replayed
                );
                let opener = Opener::with_clock(&bob, &policy, Replay::Unguarded, &clock);
                let mut out = Vec::new();
                let proof = opener
                    .read(envelope.as_slice())
                    .unwrap()
                    .copy_provisional(&mut out)
                    .unwrap();
                assert_eq!(out, content);
                assert_eq!(proof.content_length(), size as u64);
                random_access(&opener, &envelope, &content);
            }
        }
    }
}

fn random_access(opener: &Opener<'_>, envelope: &[u8], content: &[u8]) {
    let mut file = opener.random_access(Cursor::new(envelope)).unwrap();
    assert_eq!(file.content_length(), content.len() as u64);
    let mut buffer = [0; 1000];
    for at in [0, 1, 500, 16_000, 16_384, 33_000, content.len()] {
        let read = file.read_provisional(at as u64, &mut buffer).unwrap();
        let expected = content.get(at..).unwrap_or_default();
        assert_eq!(&buffer[..read], &expected[..expected.len().min(1000)]);
    }
    let mut file = file.verify().unwrap();
    let read = file.read_at(3, &mut buffer).unwrap();
    let expected = content.get(3..).unwrap_or_default();
    assert_eq!(&buffer[..read], &expected[..expected.len().min(1000)]);
}

#[test]
fn pieces_of_any_size_open_alike() {
    let (alice, bob) = people();
    let policy = Policy::new("test", Senders::anyone()).unwrap();
    let clock = FixedClock(NOW);
    let draft = Draft::new("test").unwrap();
    let content = content(40_000);
    let sealer = Sealer::with(&alice, &clock, &OsEntropy).to(bob.public());
    let mut streamed = Vec::new();
    let mut stream = sealer.stream(&draft, None, &mut streamed).unwrap();
    for piece in content.chunks(777) {
        stream.update(piece, &mut streamed).unwrap();
    }
    stream.finish(&mut streamed).unwrap();
    let whole = sealer.seal(&draft, &content).unwrap();
    let opener = Opener::with_clock(&bob, &policy, Replay::Unguarded, &clock);
    for envelope in [streamed, whole] {
        for step in [1, 7, 100, 4096, 16_399, 16_400, 16_401, 50_000] {
            let mut out = Vec::new();
            let mut stream = opener.stream();
            for piece in envelope.chunks(step) {
                stream.update_provisional(piece, &mut out).unwrap();
            }
            stream.finish(&mut out).unwrap();
            assert_eq!(out, content, "step {step}");
        }
    }
}

#[test]
fn signed_kinds_verify() {
    let (alice, bob) = people();
    let policy = Policy::new("web", Senders::only([*alice.verifying_key()])).unwrap();
    let clock = FixedClock(NOW);
    let draft = Draft::new("web").unwrap();
    for size in SIZES {
        let content = content(size);
        let sealer = Sealer::with(&alice, &clock, &OsEntropy);
        let attached = sealer.sign(&draft, &content).unwrap();
        let mut streamed = Vec::new();
        sealer
            .sign_io(&draft, None, &mut content.as_slice(), &mut streamed)
            .unwrap();
        let detached = sealer.sign_detached(&draft, &content).unwrap();
        let verifier = Verifier::with_clock("me", &policy, Replay::Unguarded, &clock);
        assert_eq!(verifier.verify(&attached).unwrap().content(), content);
        assert_eq!(verifier.verify(&streamed).unwrap().content(), content);
        verifier.verify_detached(&detached, &content).unwrap();
        let mut other = content.clone();
        other.push(0);
        assert_eq!(
            verifier.verify_detached(&detached, &other).unwrap_err(),
            bulla::ErrorKind::NotAuthentic
        );
        let opener = Opener::with_clock(&bob, &policy, Replay::Unguarded, &clock);
        assert_eq!(
            opener.open(&attached).unwrap_err(),
            bulla::ErrorKind::WrongKind
        );
    }
}

fn people() -> (Identity, Identity) {
    (
        Identity::generate(&OsEntropy).unwrap(),
        Identity::generate(&OsEntropy).unwrap(),
    )
}

#[test]
fn overhead_for_one_recipient() {
    let (alice, bob) = people();
    let sealer = Sealer::new(&alice).to(bob.public()).padding(Padding::None);
    let envelope = sealer
        .seal(&Draft::new("smtp").unwrap(), &[7; 256])
        .unwrap();
    println!("overhead: {} bytes", envelope.len() - 256);
    assert!(envelope.len() - 256 <= 420);
}

#[test]
fn armor_in_pieces_is_the_armor_in_one_piece() {
    use std::io::{Read, Write};
    for size in [1, 5, 47, 48, 49, 96, 1000, 100_000] {
        let bytes = content(size);
        let whole = bulla::armor(bulla::ArmorLabel::Envelope, &bytes);
        for step in [1, 7, 48, 1000] {
            let mut writer = bulla::ArmoredWriter::new(Vec::new(), bulla::ArmorLabel::Envelope);
            bytes
                .chunks(step)
                .for_each(|piece| writer.write_all(piece).unwrap());
            let text = writer.finish().unwrap();
            assert_eq!(text, whole.as_bytes(), "{size} bytes in steps of {step}");
        }
        let mut read = Vec::new();
        let mut reader =
            bulla::MaybeArmored::new(whole.as_bytes(), bulla::ArmorLabel::Envelope).unwrap();
        reader.read_to_end(&mut read).unwrap();
        assert!(reader.is_armored() && read == bytes);
        let mut reader =
            bulla::MaybeArmored::new(bytes.as_slice(), bulla::ArmorLabel::Envelope).unwrap();
        read.clear();
        reader.read_to_end(&mut read).unwrap();
        assert!(!reader.is_armored() && read == bytes);
    }
    // After a wrong line nothing is taken any more, however right it is.
    let whole = bulla::armor(bulla::ArmorLabel::Envelope, &content(144));
    let mut reader = bulla::ArmorReader::new(bulla::ArmorLabel::Envelope);
    let mut out = Vec::new();
    let mut lines = whole.split_inclusive('\n');
    reader
        .update(lines.next().unwrap().as_bytes(), &mut out)
        .unwrap();
    reader
        .update(lines.next().unwrap().as_bytes(), &mut out)
        .unwrap();
    assert!(reader.update(b"not base64\n", &mut out).is_err());
    assert!(lines.all(|line| reader.update(line.as_bytes(), &mut out).is_err()));
    assert!(reader.finish().is_err() && out.len() == 48);
}
