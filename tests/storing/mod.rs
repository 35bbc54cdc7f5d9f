//! What tests of storing need: people, envelopes, a disk with faults, a guard that processes share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub(crate) mod counted;
pub(crate) mod faulty;
pub(crate) mod file_guard;
pub(crate) mod here;
pub(crate) mod hooked;
pub(crate) mod wrapped;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bulla::{
    Digest, Disk, Draft, Identity, NotStored, Opener, OsEntropy, Policy, Received, Replay,
    ReplayGuard, Sealer, Senders, Sent, Store, Stored, Target,
};

/// Somebody, the same in every process: tests start others.
fn person(name: &str) -> Identity {
    let person = bulla_forge::Person::new(name);
    Identity::from_key_file(
        bulla_forge::KeyFile::of(&person, bulla_forge::Protection::Plain)
            .armored()
            .as_bytes(),
        None,
    )
    .unwrap()
}

pub(crate) fn alice() -> &'static Identity {
    static ALICE: OnceLock<Identity> = OnceLock::new();
    ALICE.get_or_init(|| person("alice"))
}

pub(crate) fn bob() -> &'static Identity {
    static BOB: OnceLock<Identity> = OnceLock::new();
    BOB.get_or_init(|| person("bob"))
}

pub(crate) fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| Policy::new("store", Senders::only([*alice().verifying_key()])).unwrap())
}

pub(crate) fn draft() -> Draft {
    Draft::new("store").unwrap()
}

/// Bytes that repeat nowhere near.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = length as u64 + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next(&mut state).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Splitmix64.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub(crate) fn seal(draft: &Draft, content: &[u8]) -> Vec<u8> {
    Sealer::with(alice(), &bulla::SystemClock, &OsEntropy)
        .to(bob().public())
        .seal(draft, content)
        .unwrap()
}

/// Sealed as a stream: length and digest are known at the end only, or the length is signed.
pub(crate) fn seal_stream(content: &[u8], length: Option<u64>) -> (Vec<u8>, Sent) {
    let mut out = Vec::new();
    let sent = Sealer::new(alice())
        .to(bob().public())
        .seal_io(&draft(), length, &mut &*content, &mut out)
        .unwrap();
    (out, sent)
}

/// The same in each of the three ways to seal it.
pub(crate) fn envelopes(bytes: &[u8]) -> [Vec<u8>; 3] {
    [
        seal(&draft(), bytes),
        seal_stream(bytes, Some(bytes.len() as u64)).0,
        seal_stream(bytes, None).0,
    ]
}

pub(crate) fn push<'a>(
    store: &Store<'a>,
    envelope: &[u8],
    target: Target<'_>,
) -> Result<Received<'a>, NotStored> {
    let mut stream = store.stream(target).unwrap();
    for piece in envelope.chunks(10_000) {
        if !stream.update(piece) {
            break;
        }
    }
    stream.finish()
}

/// Digest of the header of an envelope to one recipient.
pub(crate) fn header_digest(envelope: &[u8]) -> Digest {
    Digest::of(&envelope[..header_len(envelope)])
}

pub(crate) fn header_len(envelope: &[u8]) -> usize {
    58 + 48 * usize::from(u16::from_be_bytes([envelope[56], envelope[57]]))
}

pub(crate) fn store<'a>(guard: &'a dyn ReplayGuard, disk: &'a dyn Disk) -> Store<'a> {
    Store::new(
        Opener::new(bob(), policy(), Replay::Guarded(guard)),
        60,
        disk,
    )
}

#[track_caller]
pub(crate) fn stored<'a>(received: Result<Received<'a>, NotStored>) -> Stored<'a> {
    match received.unwrap() {
        Received::Stored(stored) => stored,
        other => panic!("{other:?}"),
    }
}

/// Stores and commits, and compares the file.
#[track_caller]
pub(crate) fn store_well(store: &Store<'_>, envelope: &[u8], path: &Path, content: &[u8]) {
    let stored = stored(store.store(envelope, Target::Path(path)));
    assert_eq!(stored.path(), path);
    stored.commit(b"receipt").unwrap();
    assert!(std::fs::read(path).unwrap() == content);
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn partial_path(folder: &Path, header: &Digest) -> PathBuf {
    folder.join(format!(".bulla-{}.partial", &header.to_string()[..32]))
}
