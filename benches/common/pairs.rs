//! What is measured: pairs of what the library does and its floor, on the same data.

use bulla::{MemoryGuard, Opener, Replay, Sealer, Verifier};
use std::hint::black_box;
use std::time::Duration;

use super::clock::now;
use super::fixture::{BOB, DRAFT, LARGE, MIDDLE, POLICY, SMALL, content, sealer};
use super::floor::{BodyKey, CHUNK, SealFloor, TAG};
use super::floor_open::{HASH_STEP, OpenFloor};

/// Does something so many times and says how long it took, without what it prepares.
pub(crate) type Timed = Box<dyn FnMut(u64) -> Duration>;

/// The library and its floor.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) ours: Timed,
    pub(crate) floor: Timed,
    /// Length of the content.
    pub(crate) bytes: usize,
    /// The greatest ratio of times that the project allows itself.
    pub(crate) limit: Option<f64>,
}

/// Small messages: at most a quarter over the floor.
const SMALL_LIMIT: f64 = 1.25;
/// Large ones: at least three quarters of its rate.
const LARGE_LIMIT: f64 = 1.0 / 0.75;
/// Pieces in which streams are fed.
const PIECE: usize = 64 * 1024;

fn timed<T>(mut work: impl FnMut() -> T + 'static) -> Timed {
    Box::new(move |times| {
        let start = now();
        for _ in 0..times {
            black_box(work());
        }
        now().saturating_sub(start)
    })
}

fn pair(name: &str, bytes: usize, ours: Timed, floor: Timed) -> Pair {
    Pair {
        name: name.to_owned(),
        ours,
        floor,
        bytes,
        limit: None,
    }
}

impl Pair {
    fn limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// All pairs. Each floor is checked first: what it seals the library opens, what it opens is the content.
pub(crate) fn all() -> Vec<Pair> {
    check_floors();
    let mut pairs = vec![
        seal("seal 256 B", 1, SMALL).limit(SMALL_LIMIT),
        open("open 256 B", 1, SMALL).limit(SMALL_LIMIT),
        open_guarded(),
        sign(),
        verify(),
        seal("seal 256 B to 10", 10, SMALL),
        seal("seal 256 B to 1000", 1000, SMALL),
        open("open 256 B, one of 1000", 1000, SMALL),
        seal("seal 64 KiB", 1, MIDDLE),
        open("open 64 KiB", 1, MIDDLE),
        seal("seal 16 MiB", 1, LARGE).limit(LARGE_LIMIT),
        open("open 16 MiB", 1, LARGE).limit(LARGE_LIMIT),
    ];
    pairs.extend(kept_buffers());
    pairs.extend(streams());
    pairs
}

fn check_floors() {
    let opener = Opener::new(&BOB.identity, &POLICY, Replay::Unguarded);
    let floor = OpenFloor::new();
    for (recipients, length) in [
        (1, 0),
        (1, SMALL),
        (10, SMALL),
        (1, MIDDLE),
        (1, CHUNK * 2 - 218),
    ] {
        let mut sealed = Vec::new();
        SealFloor::new(recipients, length).seal(content(length), &mut sealed);
        assert_eq!(opener.open(&sealed).unwrap().content(), content(length));
        assert_eq!(floor.open(&sealed), content(length));
    }
    let signed = SealFloor::new(1, SMALL).sign(content(SMALL));
    let verifier = Verifier::new("bench", &POLICY, Replay::Unguarded);
    assert_eq!(verifier.verify(&signed).unwrap().content(), content(SMALL));
    assert_eq!(floor.verify(&signed), content(SMALL));
}

fn seal(name: &str, recipients: usize, length: usize) -> Pair {
    let (ours, floor) = (sealer(recipients), SealFloor::new(recipients, length));
    let content = content(length);
    pair(
        name,
        length,
        timed(move || ours.seal(&DRAFT, content).unwrap()),
        timed(move || {
            let mut out = Vec::new();
            floor.seal(content, &mut out);
            out
        }),
    )
}

fn open(name: &str, recipients: usize, length: usize) -> Pair {
    // Where Bob's stanza stands is random: the same envelope for both.
    let sealed = sealer(recipients).seal(&DRAFT, content(length)).unwrap();
    let (again, floor) = (sealed.clone(), OpenFloor::new());
    let opener = Opener::new(&BOB.identity, &POLICY, Replay::Unguarded);
    pair(
        name,
        length,
        timed(move || opener.open(&sealed).unwrap()),
        timed(move || floor.open(&again)),
    )
}

/// With a replay guard every envelope opens once: so there are many, and a new guard for each round through them.
fn open_guarded() -> Pair {
    let sealer = sealer(1);
    let sealed: Vec<_> = (0..64)
        .map(|_| sealer.seal(&DRAFT, content(SMALL)).unwrap())
        .collect();
    let (again, floor, mut at) = (sealed.clone(), OpenFloor::new(), 0);
    let ours: Timed = Box::new(move |times| {
        let mut total = Duration::ZERO;
        for begin in (0..times).step_by(sealed.len()) {
            let guard = MemoryGuard::new(1000);
            let opener = Opener::new(&BOB.identity, &POLICY, Replay::Guarded(&guard));
            let start = now();
            for envelope in sealed.iter().take((times - begin) as usize) {
                black_box(opener.open(envelope).unwrap());
            }
            total += now().saturating_sub(start);
        }
        total
    });
    let floor = timed(move || {
        at = (at + 1) % again.len();
        floor.open(&again[at])
    });
    pair("open 256 B, guarded", SMALL, ours, floor).limit(SMALL_LIMIT)
}

fn sign() -> Pair {
    let (sealer, floor, content) = (sealer(1), SealFloor::new(1, SMALL), content(SMALL));
    pair(
        "sign 256 B",
        SMALL,
        timed(move || sealer.sign(&DRAFT, content).unwrap()),
        timed(move || floor.sign(content)),
    )
}

fn verify() -> Pair {
    let signed = sealer(1).sign(&DRAFT, content(SMALL)).unwrap();
    let (again, floor) = (signed.clone(), OpenFloor::new());
    let verifier = Verifier::new("bench", &POLICY, Replay::Unguarded);
    pair(
        "verify 256 B",
        SMALL,
        timed(move || verifier.verify(&signed).unwrap()),
        timed(move || floor.verify(&again)),
    )
}

/// Without a new output each time, which costs page faults: a floor that works in place.
fn kept_buffers() -> [Pair; 2] {
    let (sealer, content) = (sealer(1), content(LARGE));
    let sealed = sealer.seal(&DRAFT, content).unwrap();
    let mut out = Vec::with_capacity(sealed.len());
    let seal = timed(move || {
        out.clear();
        sealer.seal_into(&DRAFT, content, &mut out).unwrap()
    });
    let opener = Opener::new(&BOB.identity, &POLICY, Replay::Unguarded);
    let mut out = Vec::with_capacity(sealed.len());
    let open = timed(move || {
        out.clear();
        let mut stream = opener.stream();
        stream.update_provisional(&sealed, &mut out).unwrap();
        stream.finish(&mut out).unwrap()
    });
    [
        pair("seal 16 MiB, kept buffer", LARGE, seal, seal_in_place()).limit(LARGE_LIMIT),
        pair("open 16 MiB, kept buffer", LARGE, open, open_in_place()).limit(LARGE_LIMIT),
    ]
}

fn body_key() -> BodyKey {
    BodyKey::new(&[1; 32], &[2; 24], &[3; 32])
}

/// BLAKE3, and GCM of each chunk where it stands.
fn seal_in_place() -> Timed {
    let (body, mut buffer) = (body_key(), content(LARGE).to_vec());
    timed(move || {
        black_box(blake3::hash(&buffer));
        for (number, chunk) in (0..).zip(buffer.chunks_mut(CHUNK)) {
            black_box(body.seal(number, chunk));
        }
    })
}

/// GCM of each chunk where it stands, and BLAKE3. Sealing it again in between is not counted.
fn open_in_place() -> Timed {
    let (body, mut buffer) = (body_key(), content(LARGE).to_vec());
    Box::new(move |times| {
        let mut total = Duration::ZERO;
        for _ in 0..times {
            let chunks = (0..).zip(buffer.chunks_mut(CHUNK));
            let tags: Vec<[u8; TAG]> = chunks.map(|(n, chunk)| body.seal(n, chunk)).collect();
            let start = now();
            let (mut hasher, mut numbered) = (blake3::Hasher::new(), (0..).zip(&tags));
            for step in buffer.chunks_mut(HASH_STEP) {
                for (chunk, (number, tag)) in step.chunks_mut(CHUNK).zip(&mut numbered) {
                    body.open(number, chunk, tag);
                }
                hasher.update(step);
            }
            black_box(hasher.finalize());
            total += now().saturating_sub(start);
        }
        total
    })
}

/// In pieces of 64 KiB, each into the same small buffer.
fn streams() -> [Pair; 2] {
    let content = content(LARGE);
    let mut sealed = Vec::new();
    seal_stream(&sealer(1), content, |out| sealed.append(out));
    let ours = sealer(1);
    let seal = timed(move || seal_stream(&ours, content, Vec::clear));
    let opener = Opener::new(&BOB.identity, &POLICY, Replay::Unguarded);
    let open = timed(move || {
        let (mut stream, mut out) = (opener.stream(), Vec::with_capacity(2 * PIECE));
        for piece in sealed.chunks(PIECE) {
            out.clear();
            stream.update_provisional(piece, &mut out).unwrap();
        }
        stream.finish(&mut out).unwrap()
    });
    [
        pair("seal 16 MiB, stream", LARGE, seal, seal_pieces()).limit(LARGE_LIMIT),
        pair("open 16 MiB, stream", LARGE, open, open_pieces()).limit(LARGE_LIMIT),
    ]
}

fn seal_stream(sealer: &Sealer<'_>, content: &[u8], mut done: impl FnMut(&mut Vec<u8>)) {
    let mut out = Vec::with_capacity(2 * PIECE);
    let mut stream = sealer.stream(&DRAFT, None, &mut out).unwrap();
    for piece in content.chunks(PIECE) {
        stream.update(piece, &mut out).unwrap();
        done(&mut out);
    }
    stream.finish(&mut out).unwrap();
    done(&mut out);
}

fn seal_pieces() -> Timed {
    let (body, content) = (body_key(), content(LARGE));
    let mut buffer = vec![0; PIECE];
    timed(move || {
        let mut hasher = blake3::Hasher::new();
        let mut number = 0;
        for piece in content.chunks_exact(PIECE) {
            hasher.update(piece);
            buffer.copy_from_slice(piece);
            for chunk in buffer.chunks_mut(CHUNK) {
                black_box(body.seal(number, chunk));
                number += 1;
            }
        }
        hasher.finalize()
    })
}

fn open_pieces() -> Timed {
    let (body, mut sealed) = (body_key(), content(LARGE).to_vec());
    let chunks = (0..).zip(sealed.chunks_mut(CHUNK));
    let tags: Vec<[u8; TAG]> = chunks.map(|(n, chunk)| body.seal(n, chunk)).collect();
    let mut buffer = vec![0; PIECE];
    timed(move || {
        let (mut hasher, mut numbered) = (blake3::Hasher::new(), (0..).zip(&tags));
        for piece in sealed.chunks_exact(PIECE) {
            buffer.copy_from_slice(piece);
            for (chunk, (number, tag)) in buffer.chunks_mut(CHUNK).zip(&mut numbered) {
                body.open(number, chunk, tag);
            }
            hasher.update(&buffer);
        }
        hasher.finalize()
    })
}
