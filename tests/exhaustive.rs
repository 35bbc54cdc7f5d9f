//! Every bit, every cut, every swap: all refused, nothing released. The counts are printed and asserted, so that the
//! test cannot pass by doing nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{ErrorClass, FixedClock, Identity, Opener, Policy, Replay, Senders, SessionCache};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{for_all, identity, key};
use std::sync::atomic::{AtomicUsize, Ordering};

const HEADER: usize = 58 + 48;
const PREFIX: usize = HEADER + 24 + 32;
const CHUNK: usize = 16_384 + 16;

struct Reader {
    bob: Identity,
    policy: Policy,
    /// Spares the Diffie-Hellman for the many envelopes with one `enc`; they must be refused all the same.
    cache: SessionCache,
    refused: AtomicUsize,
}

impl Reader {
    fn new(alice: &Person, bob: &Person) -> Self {
        Self {
            bob: identity(bob),
            policy: Policy::new(CONTEXT, Senders::only([key(alice)])).unwrap(),
            cache: SessionCache::new(1000),
            refused: AtomicUsize::new(0),
        }
    }

    fn open(&self, envelope: &[u8]) -> bulla::Result<Vec<u8>> {
        let clock = FixedClock(NOW);
        Opener::with_clock(&self.bob, &self.policy, Replay::Unguarded, &clock)
            .with_cache(&self.cache)
            .open(envelope)
            .map(bulla::Message::into_content)
    }

    /// Must be refused before authenticity: with one of the generic answers.
    fn refuses(&self, envelope: &[u8], what: &dyn Fn() -> String) {
        match self.open(envelope) {
            Ok(content) => panic!("released {} bytes: {}", content.len(), what()),
            Err(error) => assert_eq!(
                error.kind().class(),
                ErrorClass::NotAcceptable,
                "{}",
                what()
            ),
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What comes out of a stream before the refusal is a beginning of the true content.
    /// Returns how much it was.
    fn releases_at_most(&self, envelope: &[u8], content: &[u8]) -> usize {
        let clock = FixedClock(NOW);
        let opener = Opener::with_clock(&self.bob, &self.policy, Replay::Unguarded, &clock);
        let mut out = Vec::new();
        let mut stream = opener.with_cache(&self.cache).stream();
        let ended = envelope
            .chunks(1000)
            .try_for_each(|piece| stream.update_provisional(piece, &mut out))
            .and_then(|()| stream.finish(&mut out));
        assert!(ended.is_err() && content.starts_with(&out));
        out.len()
    }
}

fn every_bit_and_cut(reader: &Reader, envelope: &[u8]) -> usize {
    assert!(reader.open(envelope).is_ok());
    let before = reader.refused.load(Ordering::Relaxed);
    for_all(envelope.len(), |at| {
        let mut changed = envelope.to_vec();
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            reader.refuses(&changed, &|| format!("bit {bit} of byte {at}"));
            changed[at] ^= 1 << bit;
        }
        reader.refuses(&envelope[..at], &|| format!("cut to {at}"));
        // One byte more: doubled, at every place.
        changed.insert(at, envelope[at]);
        reader.refuses(&changed, &|| format!("byte {at} doubled"));
    });
    let refused = reader.refused.load(Ordering::Relaxed) - before;
    assert_eq!(refused, envelope.len() * 10);
    refused
}

fn people() -> (Person, Person, Person) {
    (
        Person::new("alice"),
        Person::new("bob"),
        Person::new("mallory"),
    )
}

#[test]
fn every_bit_and_cut_of_a_small_envelope() {
    let (alice, bob, _) = people();
    let reader = Reader::new(&alice, &bob);
    for layout in [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown] {
        let envelope = Forge::sealed(&alice, &[&bob])
            .with(|f| f.layout = layout)
            .seal()
            .envelope;
        let refused = every_bit_and_cut(&reader, &envelope);
        println!(
            "{} bytes: {refused} changed envelopes, all refused",
            envelope.len()
        );
    }
}

#[test]
fn every_bit_and_cut_of_three_streamed_chunks() {
    let (alice, bob, _) = people();
    let reader = Reader::new(&alice, &bob);
    let forge = Forge::sealed(&alice, &[&bob])
        .with(|f| f.layout = Layout::LengthUnknown)
        .with(|f| f.content = (0..33_000_u32).map(|at| (at % 253) as u8).collect());
    let sealed = forge.seal();
    assert_eq!((sealed.envelope.len() - PREFIX).div_ceil(CHUNK), 3);
    let refused = every_bit_and_cut(&reader, &sealed.envelope);
    let mut most = 0;
    for at in (0..sealed.envelope.len()).step_by(97) {
        let mut changed = sealed.envelope.clone();
        changed[at] ^= 1;
        most = most.max(reader.releases_at_most(&changed, &sealed.content));
        most = most.max(reader.releases_at_most(&sealed.envelope[..at], &sealed.content));
    }
    // Two chunks, less the opening: what is provisional until the third comes.
    assert!(
        (32_000..33_000).contains(&most),
        "{most} bytes released at most"
    );
    println!(
        "{} bytes: {refused} changed envelopes, all refused",
        sealed.envelope.len()
    );
}

#[test]
fn chunks_doubled_swapped_and_dropped() {
    let (alice, bob, _) = people();
    let reader = Reader::new(&alice, &bob);
    let mut count = 0;
    for layout in [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown] {
        let forge = Forge::sealed(&alice, &[&bob])
            .with(|f| f.layout = layout)
            .with(|f| f.content = vec![b'c'; 70_000]);
        let envelope = forge.seal().envelope;
        assert!(reader.open(&envelope).is_ok());
        let (head, body) = envelope.split_at(PREFIX);
        let chunks: Vec<&[u8]> = body.chunks(CHUNK).collect();
        let mut try_order = |order: &[usize]| {
            let mut changed = head.to_vec();
            order
                .iter()
                .for_each(|at| changed.extend_from_slice(chunks[*at]));
            reader.refuses(&changed, &|| format!("chunks {order:?}"));
            count += 1;
        };
        let all: Vec<usize> = (0..chunks.len()).collect();
        for a in 0..chunks.len() {
            let mut dropped = all.clone();
            dropped.remove(a);
            try_order(&dropped);
            for b in 0..chunks.len() {
                let mut doubled = all.clone();
                doubled.insert(b, a);
                try_order(&doubled);
                let mut swapped = all.clone();
                swapped.swap(a, b);
                if a != b {
                    try_order(&swapped);
                }
            }
        }
    }
    println!("{count} orders of chunks, all refused");
    assert_eq!(count, 3 * (5 + 25 + 20));
}

#[test]
fn parts_of_two_envelopes_mixed() {
    let (alice, bob, mallory) = people();
    let reader = Reader::new(&alice, &bob);
    let mut count = 0;
    let one = Forge::sealed(&alice, &[&bob, &mallory]).seal().envelope;
    // The second differs in everything; the third has the same ephemeral key, as in a session of the sender.
    let ephemeral = Forge::sealed(&alice, &[&bob]).ephemeral;
    let others = [
        Forge::sealed(&alice, &[&bob, &mallory])
            .fresh("two")
            .seal()
            .envelope,
        Forge::sealed(&alice, &[&bob, &mallory])
            .fresh("two")
            .with(|f| f.ephemeral = ephemeral)
            .seal()
            .envelope,
    ];
    // magic…kind, nonce, enc, count, stanza, stanza, salt, commitment, chunk
    let cuts = [0, 8, 24, 56, 58, 106, 154, 178, 210, one.len()];
    for two in &others {
        assert_eq!(one.len(), two.len());
        assert!(reader.open(&one).is_ok() && reader.open(two).is_ok());
        for mask in 1_u32..(1 << 9) {
            let mut mixed = Vec::new();
            for part in 0..9 {
                let from = if mask & (1 << part) == 0 { &one } else { two };
                mixed.extend_from_slice(&from[cuts[part]..cuts[part + 1]]);
            }
            if mixed != one && mixed != *two {
                reader.refuses(&mixed, &|| format!("parts {mask:09b}"));
                count += 1;
            }
        }
        // Stanzas moved: swapped, and in each other's place.
        for (from, to) in [(58..106, 106), (106..154, 58)] {
            let mut moved = one.clone();
            moved.copy_within(from, to);
            reader.refuses(&moved, &|| "a stanza doubled".into());
            count += 1;
        }
    }
    println!("{count} mixtures of two envelopes, all refused");
    assert!(count > 500);
}
