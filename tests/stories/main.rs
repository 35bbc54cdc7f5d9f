//! Attacks and mishaps, each told as a story with its own verdict. Mallory is built with the forge, which shares no
//! code with the library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../common/mod.rs"]
mod common;

mod replays;

use bulla::{
    Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer,
    Senders,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person, Stanza};
use common::{identity, key, public};

fn people() -> (Person, Person, Person) {
    (
        Person::new("alice"),
        Person::new("bob"),
        Person::new("mallory"),
    )
}

fn from(sender: &Person) -> Policy {
    Policy::new(CONTEXT, Senders::only([key(sender)])).unwrap()
}

/// What `reader` answers, without a guard, at the time of the forge.
fn verdict(reader: &Person, policy: &Policy, envelope: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let keys = identity(reader);
    let clock = FixedClock(NOW);
    Opener::with_clock(&keys, policy, Replay::Unguarded, &clock)
        .open(envelope)
        .map(bulla::Message::into_content)
        .map_err(|error| error.kind())
}

#[test]
fn an_honest_envelope_of_the_forge_opens() {
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob]).seal();
    assert_eq!(
        verdict(&bob, &from(&alice), &sealed.envelope),
        Ok(sealed.content)
    );
}

#[test]
fn surreptitious_forwarding() {
    // Alice writes "you are fired" to Mallory. Mallory opens it and seals Alice's signed stamp and content again, to
    // Bob: the signature is Alice's and true, but it covers the header that was sealed to Mallory.
    let (alice, bob, mallory) = people();
    let to_mallory = Forge::sealed(&alice, &[&mallory])
        .with(|f| f.content = b"you are fired".to_vec())
        .seal();
    let opening = to_mallory.opening.clone();
    let forwarded = Forge::sealed(&alice, &[&bob])
        .fresh("by mallory")
        .with(|f| f.content = b"you are fired".to_vec())
        .with(|f| f.opening.encoded.set(move |bytes| *bytes = opening.clone()))
        .seal();
    assert_eq!(
        verdict(&mallory, &from(&alice), &to_mallory.envelope),
        Ok(b"you are fired".to_vec())
    );
    assert_eq!(
        verdict(&bob, &from(&alice), &forwarded.envelope),
        Err(ErrorKind::NotAuthentic)
    );
}

#[test]
fn identity_misbinding() {
    // Mallory publishes Bob's encryption key under her own signing key. Alice seals to "Mallory"; Bob, who has the
    // secret key, must not accept it as meant for him.
    let (alice, bob, mallory) = people();
    let as_mallory = Forge::sealed(&alice, &[])
        .with(|f| f.stanzas = vec![Stanza::to_keys(bob.encryption(), mallory.signer())])
        .seal();
    assert_eq!(
        verdict(&bob, &from(&alice), &as_mallory.envelope),
        Err(ErrorKind::NotForMe)
    );
    // The same through the library: Alice takes the line that Mallory has published.
    let line =
        bulla::PublicIdentity::new(key(&mallory), public(&bob).encryption_keys().to_vec()).unwrap();
    let sender = identity(&alice);
    let clock = FixedClock(NOW);
    let sealer = Sealer::with(&sender, &clock, &OsEntropy).to(&line);
    let envelope = sealer
        .seal(&Draft::new(CONTEXT).unwrap(), b"for mallory")
        .unwrap();
    assert_eq!(
        verdict(&bob, &from(&alice), &envelope),
        Err(ErrorKind::NotForMe)
    );
}

#[test]
fn a_co_recipient_forges_the_content() {
    // Mallory is a recipient beside Bob: she has the content key, and Alice's true header and stamp.
    let (alice, bob, mallory) = people();
    for layout in [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown] {
        let honest = Forge::sealed(&alice, &[&bob, &mallory])
            .with(|f| f.layout = layout)
            .with(|f| f.content = b"pay Bob".to_vec());
        assert!(verdict(&bob, &from(&alice), &honest.seal().envelope).is_ok());
        let forged = honest
            .with(|f| f.signed_content = Some(b"pay Bob".to_vec()))
            .with(|f| f.content = b"pay Mal".to_vec());
        assert_eq!(
            verdict(&bob, &from(&alice), &forged.seal().envelope),
            Err(ErrorKind::NotAuthentic)
        );
    }
}

#[test]
fn a_co_recipient_gives_a_stream_another_end() {
    // Streamed content is out before its closing comes: the reader that stops at the closing's failure has handed out
    // provisional bytes only, and no proof.
    let (alice, bob, mallory) = people();
    let forged = Forge::sealed(&alice, &[&bob, &mallory])
        .with(|f| f.layout = Layout::LengthUnknown)
        .with(|f| f.content = vec![b'a'; 60_000])
        .with(|f| f.closing = bulla_forge::Statement::by(mallory.seed))
        .seal();
    let keys = identity(&bob);
    let (policy, clock) = (from(&alice), FixedClock(NOW));
    let opener = Opener::with_clock(&keys, &policy, Replay::Unguarded, &clock);
    let mut out = Vec::new();
    let proof = opener
        .read(forged.envelope.as_slice())
        .unwrap()
        .copy_provisional(&mut out);
    assert_eq!(proof.unwrap_err(), ErrorKind::NotAuthentic);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let stored = opener.open_to_file(forged.envelope.as_slice(), &path, false);
    assert_eq!(stored.unwrap_err(), ErrorKind::NotAuthentic);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_receipt_offered_as_a_message() {
    let (alice, bob, _) = people();
    for statement in 2..=5 {
        let receipt = Forge::sealed(&alice, &[&bob])
            .with(|f| f.stamp.statement = statement)
            .seal();
        assert_eq!(
            verdict(&bob, &from(&alice), &receipt.envelope),
            Err(ErrorKind::WrongStatement)
        );
    }
}

#[test]
fn a_stranger_and_a_reflected_message() {
    let (alice, bob, mallory) = people();
    let from_mallory = Forge::sealed(&mallory, &[&bob]).seal();
    assert_eq!(
        verdict(&bob, &from(&alice), &from_mallory.envelope),
        Err(ErrorKind::UntrustedSender)
    );
    let anyone = Policy::new(CONTEXT, Senders::anyone()).unwrap();
    assert!(verdict(&bob, &anyone, &from_mallory.envelope).is_ok());
    // Bob's own message comes back to him, sealed to himself by him.
    let own = Forge::sealed(&bob, &[&bob]).seal();
    assert_eq!(
        verdict(&bob, &from(&bob), &own.envelope),
        Err(ErrorKind::OwnMessage)
    );
    assert_eq!(
        verdict(&bob, &anyone, &own.envelope),
        Err(ErrorKind::OwnMessage)
    );
    assert!(verdict(&bob, &from(&bob).allow_own(true), &own.envelope).is_ok());
}

#[test]
fn the_wrong_service() {
    // A relay delivers a true mail to the file service.
    let (alice, bob, _) = people();
    let mail = Forge::sealed(&alice, &[&bob])
        .with(|f| f.stamp.context = "smtp".into())
        .seal();
    assert_eq!(
        verdict(&bob, &from(&alice), &mail.envelope),
        Err(ErrorKind::WrongContext)
    );
}

#[test]
fn times() {
    let (alice, bob, _) = people();
    let at = |issued: u64, expires: Option<u64>| {
        let sealed = Forge::sealed(&alice, &[&bob])
            .with(|f| (f.stamp.issued, f.stamp.expires) = (issued, expires))
            .seal();
        let policy = from(&alice).max_age(Some(1000)).skew(10);
        verdict(&bob, &policy, &sealed.envelope).map(drop)
    };
    assert_eq!(at(NOW, None), Ok(()));
    assert_eq!(at(NOW + 10, None), Ok(()));
    assert_eq!(at(NOW + 11, None), Err(ErrorKind::NotYetValid));
    assert_eq!(at(NOW - 5, Some(NOW - 9)), Ok(()));
    assert_eq!(at(NOW - 20, Some(NOW - 10)), Err(ErrorKind::Expired));
    assert_eq!(at(NOW - 1009, None), Ok(()));
    assert_eq!(at(NOW - 1010, None), Err(ErrorKind::TooOld));
    assert_eq!(at(u64::MAX, None), Err(ErrorKind::NotYetValid));
    assert_eq!(at(0, Some(u64::MAX)), Err(ErrorKind::TooOld));
}

#[test]
fn a_message_that_never_ends_needs_a_greatest_age() {
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob])
        .with(|f| f.stamp.expires = None)
        .seal();
    let (keys, clock, guard) = (identity(&bob), FixedClock(NOW), MemoryGuard::new(10));
    let policy = from(&alice).max_age(None);
    let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
    assert_eq!(
        opener.open(&sealed.envelope).unwrap_err(),
        ErrorKind::Unbounded
    );
    assert!(guard.is_empty());
}

#[test]
fn a_file_replaced_while_it_is_read() {
    // Whoever holds the storage, and no key, shows one envelope for reading and another for verifying.
    let (alice, bob, mallory) = people();
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice), key(&mallory)])).unwrap();
    let (keys, clock) = (identity(&bob), FixedClock(NOW));
    let opener = Opener::with_clock(&keys, &policy, Replay::Unguarded, &clock);
    let envelope = |from: &Person, content: &[u8]| {
        Forge::sealed(from, &[&bob])
            .with(|f| f.content = content.to_vec())
            .seal()
            .envelope
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, envelope(&mallory, b"pay mallory 500")).unwrap();
    let file = opener
        .random_access(std::fs::File::open(&path).unwrap())
        .unwrap();
    std::fs::write(&path, envelope(&alice, b"pay the baker 5")).unwrap();
    assert_eq!(
        file.verify().map(drop).unwrap_err(),
        ErrorKind::NotAuthentic
    );
}

#[test]
fn evidence_is_of_messages() {
    let (alice, _, _) = people();
    let challenge = Forge::attached(&alice)
        .with(|f| f.stamp.statement = 3)
        .seal()
        .evidence()
        .encode();
    assert_eq!(
        bulla::Evidence::check(&challenge).unwrap_err(),
        ErrorKind::WrongStatement
    );
    let message = Forge::attached(&alice).seal().evidence().encode();
    assert!(bulla::Evidence::check(&message).is_ok());
}

#[test]
fn an_archive_is_reopened_without_freshness_and_says_so() {
    let (alice, bob, _) = people();
    let old = Forge::sealed(&alice, &[&bob])
        .with(|f| (f.stamp.issued, f.stamp.expires) = (1000, Some(2000)))
        .seal();
    assert_eq!(
        verdict(&bob, &from(&alice), &old.envelope),
        Err(ErrorKind::Expired)
    );
    let (keys, policy) = (identity(&bob), from(&alice));
    let message = Opener::archive(&keys, &policy).open(&old.envelope).unwrap();
    let proof: &bulla::Reopened = message.proof();
    assert_eq!(proof.stamp().issued(), 1000);
    // Everything else is judged as ever.
    let (_, _, mallory) = people();
    let policy = from(&mallory);
    let refused = Opener::archive(&keys, &policy).open(&old.envelope);
    assert_eq!(refused.unwrap_err(), ErrorKind::UntrustedSender);
}

#[test]
fn old_keys_open_until_they_are_destroyed() {
    let mut bob = Identity::generate(&OsEntropy).unwrap();
    let alice = Identity::generate(&OsEntropy).unwrap();
    let old_line = bob.public().clone();
    let policy = Policy::new("mail", Senders::only([*alice.verifying_key()])).unwrap();
    let draft = Draft::new("mail").unwrap();
    let seal = |to: &bulla::PublicIdentity| Sealer::new(&alice).to(to).seal(&draft, b"x").unwrap();
    let to_old = seal(&old_line);
    bob.rotate(&OsEntropy, NOW).unwrap();
    assert_eq!(bob.public().newest_key().unwrap().generation(), 1);
    assert_eq!(bob.public().verifying_key(), old_line.verifying_key());
    let to_new = seal(bob.public());
    let opens = |bob: &Identity, envelope: &[u8]| {
        Opener::new(bob, &policy, Replay::Unguarded)
            .open(envelope)
            .map(drop)
            .map_err(|e| e.kind())
    };
    assert_eq!(opens(&bob, &to_old), Ok(()));
    assert_eq!(opens(&bob, &to_new), Ok(()));
    assert_eq!(bob.destroy_expired(NOW - 1), 0);
    assert_eq!(bob.destroy_expired(NOW), 1);
    assert_eq!(opens(&bob, &to_old), Err(ErrorKind::NotForMe));
    assert_eq!(opens(&bob, &to_new), Ok(()));
}
