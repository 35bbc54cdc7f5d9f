//! Reading for hosts that store, that hold many keys, and that tell people who is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    Claim, Claimed, Draft, Error, ErrorKind, FixedClock, Identity, LeaseToken, MemoryGuard, Opener,
    OsEntropy, Policy, Replay, ReplayGuard, Result, Sealer, Senders,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person, Stanza};
use common::{identity, key};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

const CLOCK: FixedClock = FixedClock(NOW);

/// Accepts everything, and notes the length of each file of a folder when it is asked.
struct Looks {
    folder: PathBuf,
    seen: Mutex<Vec<u64>>,
}

impl ReplayGuard for Looks {
    fn observe(&self, now: u64) -> Result<u64> {
        Ok(now)
    }
    fn claim(&self, claim: &Claim, _: u64, _: Option<u64>) -> Result<Claimed> {
        let files = std::fs::read_dir(&self.folder)?;
        let lengths = files.map(|file| Ok(file?.metadata()?.len()));
        *self.seen.lock().unwrap() = lengths.collect::<std::io::Result<_>>()?;
        Ok(Claimed::New(LeaseToken {
            key: claim.key,
            number: 1,
        }))
    }
    fn commit(&self, _: &LeaseToken, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn release(&self, _: &LeaseToken) -> Result<()> {
        Ok(())
    }
    fn renew(&self, _: &LeaseToken, _: u64, _: u64) -> Result<()> {
        Ok(())
    }
    fn sweep(&self, _: u64, _: usize) -> Result<usize> {
        Ok(0)
    }
    common::no_streams_no_challenges_no_rates!();
}

/// Alice's envelope to Bob, of 100 000 bytes, the last of which come out only at the end where the length is not known.
fn envelope(layout: Layout) -> Vec<u8> {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let forged = Forge::sealed(&alice, &[&bob]);
    let forged = forged.with(|f| (f.layout, f.content) = (layout, vec![7; 100_000]));
    forged.seal().envelope
}

fn policy() -> Policy {
    Policy::new(CONTEXT, Senders::only([key(&Person::new("alice"))])).unwrap()
}

const LAYOUTS: [Layout; 3] = [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown];

#[test]
fn a_file_is_whole_before_the_guard_is_asked() {
    let (keys, policy) = (identity(&Person::new("bob")), policy());
    for layout in LAYOUTS {
        let envelope = envelope(layout);
        let folder = tempfile::tempdir().unwrap();
        let guard = Looks {
            folder: folder.path().to_owned(),
            seen: Mutex::default(),
        };
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &CLOCK);
        let out = folder.path().join("out");
        opener.open_to_file(&*envelope, &out, false).unwrap();
        assert_eq!(*guard.seen.lock().unwrap(), [100_000]);
        std::fs::remove_file(&out).unwrap();

        let mut reader = opener.read(&*envelope).unwrap();
        let mut file = std::fs::File::create(&out).unwrap();
        while let Some(piece) = reader.next_piece().unwrap() {
            file.write_all(piece).unwrap();
        }
        file.write_all(&reader.settle().unwrap()).unwrap();
        let (rest, proof) = reader.finish().unwrap();
        assert!(rest.is_empty(), "settle gave it");
        assert_eq!(proof.content_length(), 100_000);
        assert_eq!(*guard.seen.lock().unwrap(), [100_000]);
    }
}

#[test]
fn settling_asks_no_guard_and_has_its_place() {
    let (keys, policy) = (identity(&Person::new("bob")), policy());
    for layout in LAYOUTS {
        let mut envelope = envelope(layout);
        let guard = MemoryGuard::new(10);
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &CLOCK);
        let mut reader = opener.read(&*envelope).unwrap();
        assert_eq!(reader.settle().unwrap_err(), ErrorKind::WrongOrder);
        let mut content = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            content.extend_from_slice(piece);
        }
        content.extend_from_slice(&reader.settle().unwrap());
        assert_eq!(content, [7; 100_000]);
        assert!(reader.settle().unwrap().is_empty(), "a second time");
        assert!(guard.is_empty());
        reader.finish().unwrap();
        assert_eq!(guard.len(), 1);
        // Without it, the end gives what it would have given.
        let archive = Opener::archive(&keys, &policy);
        let mut reader = archive.read(&*envelope).unwrap();
        let mut content = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            content.extend_from_slice(piece);
        }
        content.extend_from_slice(&reader.finish().unwrap().0);
        assert_eq!(content, [7; 100_000]);
        // A fault at the end is told before the guard is asked.
        *envelope.last_mut().unwrap() ^= 1;
        let guard = MemoryGuard::new(10);
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &CLOCK);
        let mut out = Vec::new();
        let read = opener.read(&*envelope);
        let refused = read.and_then(|reader| reader.copy_provisional(&mut out).map(drop));
        assert_eq!(refused.unwrap_err(), ErrorKind::NotAuthentic);
        assert!(guard.is_empty());
    }
}

#[test]
fn the_newest_keys_are_tried_as_long_as_the_limit_lasts() {
    let alice = Person::new("alice");
    let old = Person::new("bob");
    let bob = old.clone().rotated().rotated();
    let keys = identity(&bob);
    let sealed = |to: &Person, stanzas: usize| {
        let forged = Forge::sealed(&alice, &[to]);
        let decoys = (1..stanzas).map(|at| Stanza::decoy(&at.to_string()));
        let forged = forged.with(|f| f.stanzas.extend(decoys));
        forged.seal().envelope
    };
    let open = |envelope: &[u8]| {
        let policy = policy().max_trials(29);
        let opener = Opener::with_clock(&keys, &policy, Replay::Unguarded, &CLOCK);
        opener.open(envelope).map(drop)
    };
    // Three keys: 27 trials are few enough for all of them, 30 are not, and with 15 stanzas only one can be tried.
    for (to, stanzas) in [(&bob, 9), (&old, 9), (&bob, 10), (&bob, 15), (&bob, 29)] {
        open(&sealed(to, stanzas)).unwrap();
    }
    let middle = old.clone().rotated();
    open(&sealed(&middle, 14)).unwrap();
    for (to, stanzas) in [(&old, 10), (&middle, 15), (&alice, 10), (&bob, 30)] {
        let error = open(&sealed(to, stanzas)).unwrap_err();
        assert_eq!(error, ErrorKind::Malformed);
        assert!(error.detail().contains("max_trials"), "{error}");
    }
    assert_eq!(open(&sealed(&alice, 9)).unwrap_err(), ErrorKind::NotForMe);
}

#[test]
fn ten_thousand_recipients_and_eleven_generations() {
    let alice = Identity::generate(&OsEntropy).unwrap();
    let mut bob = Identity::generate(&OsEntropy).unwrap();
    for _ in 0..10 {
        bob.rotate(&OsEntropy, 0).unwrap();
    }
    let sealer = Sealer::new(&alice).to(bob.public()).decoys(9_999);
    let envelope = sealer.seal(&Draft::new("x").unwrap(), b"hello").unwrap();
    let policy = Policy::new("x", Senders::only([*alice.verifying_key()])).unwrap();
    let opened = Opener::new(&bob, &policy, Replay::Unguarded).open(&envelope);
    assert_eq!(opened.unwrap().content(), b"hello");
}

#[test]
fn a_sender_that_is_not_accepted_is_named_and_only_where_the_signature_is_good() {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let keys = identity(&bob);
    let open = |envelope: &[u8], policy: &Policy| {
        let opener = Opener::with_clock(&keys, policy, Replay::Unguarded, &CLOCK);
        opener.open(envelope).map(drop).unwrap_err()
    };
    let others = Policy::new(CONTEXT, Senders::only([key(&bob)])).unwrap();
    let honest = Forge::sealed(&alice, &[&bob]).seal().envelope;
    let refused = open(&honest, &others);
    assert_eq!(refused, ErrorKind::UntrustedSender);
    assert_eq!(refused.signer(), Some(alice.signer()));
    // The text is for logs and answers, too.
    let hex = common::hex(&alice.signer());
    assert!(!refused.to_string().contains(&hex) && !format!("{refused:?}").contains(&hex));
    // It survives the way through `std::io`, and equality is that of the kinds.
    assert_eq!(refused, Error::from(ErrorKind::UntrustedSender));
    let again = Error::from(std::io::Error::from(refused));
    assert_eq!(again.signer(), Some(alice.signer()));
    // Bob says that he is Alice.
    let mut pretended = Forge::sealed(&bob, &[&bob]);
    pretended.stamp.signer = alice.signer();
    let refused = open(&pretended.seal().envelope, &others);
    assert_eq!(
        (refused.kind(), refused.signer()),
        (ErrorKind::NotAuthentic, None)
    );
    let elsewhere = Policy::new("elsewhere", Senders::anyone()).unwrap();
    let refused = open(&honest, &elsewhere);
    assert_eq!(
        (refused.kind(), refused.signer()),
        (ErrorKind::WrongContext, None)
    );
    assert!(size_of::<Error>() <= 32);
}
