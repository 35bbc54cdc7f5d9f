//! Content that is handed to a sealer in pieces, cut anywhere. What it makes is taken apart by the forge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{Draft, FixedClock, Identity, OsEntropy, Padding, PublicIdentity, Sealer};
use bulla_forge::{CONTEXT, NOW, Person, Unsealed, padme, unseal};
use common::{fit, for_all, identity, pieces, public};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK: usize = 16_384;
/// Where a chunk is nearly empty, nearly full, and where it is neither.
const HELD: [usize; 8] = [0, 1, 2, 15_999, 16_000, 16_001, 16_382, 16_383];
const CLOCK: FixedClock = FixedClock(NOW);

fn content(length: usize) -> Vec<u8> {
    bulla_forge::bytes("split content", length)
}

/// Whether the length is said beforehand, and how it is padded.
type Way = (bool, Padding);

const WAYS: [Way; 3] = [
    (false, Padding::None),
    (true, Padding::None),
    (true, Padding::Padme),
];

/// Alice, who seals to Bob.
struct Writer {
    alice: Person,
    bob: Person,
    keys: Identity,
    to: PublicIdentity,
    draft: Draft,
}

impl Writer {
    fn new() -> Self {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        Self {
            keys: identity(&alice),
            to: public(&bob),
            draft: Draft::new(CONTEXT).unwrap(),
            alice,
            bob,
        }
    }

    fn sealer(&self, padding: Padding) -> Sealer<'_> {
        Sealer::with(&self.keys, &CLOCK, &OsEntropy)
            .to(&self.to)
            .padding(padding)
    }

    /// A stream of these pieces.
    fn stream(&self, (known, padding): Way, content: &[u8], cuts: &[usize]) -> Vec<u8> {
        let length = known.then_some(content.len() as u64);
        let sealer = self.sealer(padding);
        let mut out = Vec::new();
        let mut stream = sealer.stream(&self.draft, length, &mut out).unwrap();
        for piece in pieces(content, cuts) {
            stream.update(piece, &mut out).unwrap();
        }
        stream.finish(&mut out).unwrap();
        out
    }

    fn one_shot(&self, padding: Padding, content: &[u8]) -> Vec<u8> {
        self.sealer(padding).seal(&self.draft, content).unwrap()
    }

    /// Content that ends with this byte of the plaintext. With padding it cannot end everywhere.
    fn ends_at(&self, end: usize, seal: impl Fn(&[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
        let measure = |length: usize| {
            let sealed = seal(&content(length));
            length + 3 + unseal(&sealed, &self.bob).opening.len()
        };
        fit(end, measure).map(content)
    }

    /// Takes an envelope apart: the content, zeros up to a Padmé length or none, and for a stream the author's closing.
    fn check(&self, envelope: &[u8], content: &[u8], padding: Padding, streamed: bool) -> Unsealed {
        let unsealed = unseal(envelope, &self.bob);
        let length: usize = unsealed.chunks.iter().map(Vec::len).sum();
        let rest = unsealed.rest.strip_prefix(content).unwrap();
        let zeros = if streamed {
            let end = unsealed.end_of(content, &self.alice);
            rest.strip_suffix(end.as_slice()).unwrap()
        } else {
            rest
        };
        assert!(zeros.iter().all(|byte| *byte == 0));
        match padding {
            Padding::Padme => assert_eq!(padme(length as u64), length as u64),
            _ => assert!(zeros.is_empty()),
        }
        assert_eq!(unsealed.chunks.len(), length / CHUNK + 1);
        unsealed
    }

    /// A stream of these pieces, taken apart.
    fn check_stream(&self, way: Way, content: &[u8], cuts: &[usize]) -> Unsealed {
        let envelope = self.stream(way, content, cuts);
        let checked = catch_unwind(|| self.check(&envelope, content, way.1, true));
        checked.unwrap_or_else(|_| panic!("{} bytes cut at {cuts:?}", content.len()))
    }
}

/// Every number of bytes that can be held of a chunk, come to in two steps, with more than the rest of the chunk to come.
#[test]
fn a_stream_cut_anywhere_is_whole() {
    const CHUNKS: usize = 64;
    let writer = Writer::new();
    let way = WAYS[0];
    let content = content((CHUNKS + 2) * CHUNK);
    let before = 3 + writer.check_stream(way, b"", &[]).opening.len();
    let count = AtomicUsize::new(0);
    for_all(CHUNK / CHUNKS, |number| {
        // Not in the first chunk, where the opening stands.
        let cuts = (0..CHUNKS).flat_map(|chunk| {
            let held = number * CHUNKS + chunk;
            [held / 2, held].map(|held| (chunk + 1) * CHUNK + held - before)
        });
        writer.check_stream(way, &content, &cuts.collect::<Vec<_>>());
        count.fetch_add(CHUNKS, Ordering::Relaxed);
    });
    assert_eq!(count.into_inner(), CHUNK);
}

/// Plaintexts that end at and beside the ends of chunks, cut where a chunk is nearly empty or nearly full.
#[test]
fn streams_of_three_pieces_are_whole() {
    let writer = Writer::new();
    let totals = [CHUNK - 1, CHUNK, CHUNK + 1, 32_767, 32_768, 32_769, 49_152];
    let mut count = 0;
    for way in &WAYS[..2] {
        for total in totals {
            let measure = |length: usize| {
                let whole = writer.stream(*way, &content(length), &[]);
                unseal(&whole, &writer.bob).chunks.concat().len()
            };
            let content = content(fit(total, measure).unwrap());
            let unsealed = writer.check_stream(*way, &content, &[]);
            assert_eq!(
                unsealed.chunks.last().unwrap().is_empty(),
                total % CHUNK == 0
            );
            // Where so many bytes are held of each chunk, counted from the first byte of the content.
            let held = (0..3).flat_map(|chunk| HELD.map(|held| chunk * CHUNK + held));
            let before = 3 + unsealed.opening.len();
            let places: Vec<usize> = held
                .filter_map(|at| at.checked_sub(before))
                .filter(|at| *at <= content.len())
                .collect();
            for (number, first) in places.iter().enumerate() {
                for second in &places[number..] {
                    writer.check_stream(*way, &content, &[*first, *second]);
                    count += 1;
                }
            }
        }
    }
    println!("{count} streams of three pieces");
    assert!(count > 500);
}

/// Content that ends with so many bytes of a chunk, so that padding or the closing begins there; in one piece and in three.
#[test]
fn content_ends_anywhere_in_a_chunk() {
    let writer = Writer::new();
    let mut count = 0;
    for way in WAYS {
        // Only the padding of a plaintext longer than a mebibyte goes on from one chunk to another.
        let chunks = [1, 2, 64];
        for end in chunks
            .into_iter()
            .flat_map(|chunk| HELD.map(|held| chunk * CHUNK + held))
        {
            let stream = |content: &[u8]| writer.stream(way, content, &[]);
            if let Some(content) = writer.ends_at(end, stream) {
                writer.check_stream(way, &content, &[]);
                let last = content.len() - 1;
                writer.check_stream(way, &content, &[last, last + 1]);
                count += 1;
            }
            let one_shot = |content: &[u8]| writer.one_shot(way.1, content);
            if let Some(content) = writer.ends_at(end, one_shot) {
                writer.check(&one_shot(&content), &content, way.1, false);
                count += 1;
            }
        }
    }
    println!("{count} ends");
    assert!(count > 130, "{count} of 144 ends");
}

/// An opening that ends with so many bytes of a chunk, up to the longest.
#[test]
fn an_opening_ends_anywhere_in_a_chunk() {
    let mut writer = Writer::new();
    let content = content(40_000);
    for end in HELD[3..]
        .iter()
        .copied()
        .chain([CHUNK, CHUNK + 1, CHUNK + 3])
    {
        let draft = |length: usize| {
            let mut draft = Draft::new(CONTEXT).unwrap();
            for (name, from) in [("a", 0), ("b", 4096), ("c", 8192), ("d", 12_288)] {
                let length = length.saturating_sub(from).min(4096);
                draft = draft.attribute(name, &vec![1; length]).unwrap();
            }
            draft
        };
        let length = fit(end, |length| {
            // The first guess is longer than an opening may be.
            let sealer = writer.sealer(Padding::None);
            let sealed = sealer.seal(&draft(length.min(16_000)), &content).unwrap();
            3 + unseal(&sealed, &writer.bob).opening.len() + length.saturating_sub(16_000)
        });
        writer.draft = draft(length.unwrap());
        let sealed = writer.one_shot(Padding::None, &content);
        let unsealed = writer.check(&sealed, &content, Padding::None, false);
        assert_eq!(3 + unsealed.opening.len(), end);
        for at in HELD {
            writer.check_stream(WAYS[0], &content, &[at]);
        }
    }
}
