//! A rejection is final, so nobody but the author may cause one (spec/receipts.md §3).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
mod storing;

use bulla::{
    ErrorKind, FixedClock, MemoryGuard, Opener, OsDisk, Policy, Received, Replay, Senders, Store,
    Target,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{identity, key};

const LIMIT: u64 = 100_000;

/// What becomes of these envelopes of Alice's to Bob, one after the other, in one folder.
fn receive(envelopes: &[Vec<u8>]) -> (Vec<Result<&'static str, ErrorKind>>, usize) {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let (keys, guard, clock) = (identity(&bob), MemoryGuard::new(100), FixedClock(NOW));
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let outcomes = envelopes
        .iter()
        .map(|envelope| {
            let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
            let store = Store::new(opener, 60, &OsDisk).max_content(LIMIT);
            match store.store(envelope.as_slice(), Target::ById(folder.path())) {
                Ok(Received::Stored(stored)) => stored.commit(b"stored").map(|_| "stored"),
                Ok(Received::TooLarge(lease)) => lease.commit(b"rejected").map(|_| "too large"),
                Ok(Received::Again(again)) if again.receipt() == b"stored" => Ok("stored again"),
                Ok(Received::Again(_)) => Ok("rejected again"),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error),
            }
            .map_err(|error| error.kind())
        })
        .collect();
    (outcomes, std::fs::read_dir(folder.path()).unwrap().count())
}

fn sealed(layout: Layout, content: usize, signed: usize) -> Vec<u8> {
    Forge::sealed(&Person::new("alice"), &[&Person::new("bob")])
        .with(|f| (f.layout, f.content) = (layout, vec![7; content]))
        .with(|f| f.signed_content = (content != signed).then(|| vec![7; signed]))
        .seal()
        .envelope
}

#[test]
fn a_co_recipient_cannot_make_a_message_too_large() {
    let long = LIMIT as usize + 50_000;
    let forged = sealed(Layout::LengthUnknown, long, 1000);
    let honest = sealed(Layout::LengthUnknown, 1000, 1000);
    let (outcomes, files) = receive(&[forged.clone(), honest, forged]);
    let refused = Err(ErrorKind::NotAuthentic);
    assert_eq!(outcomes, [refused, Ok("stored"), refused]);
    assert_eq!(files, 1);
}

/// On a full disk too: what a co-recipient put in place of the end is no word of the author's.
#[test]
fn a_co_recipient_cannot_fill_a_disk_in_the_author_s_name() {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let (keys, guard, clock) = (identity(&bob), MemoryGuard::new(100), FixedClock(NOW));
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let full = storing::hooked::Hooked(|operation| match operation {
        storing::faulty::Operation::Write => Err(std::io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    let attempt = |envelope: &[u8]| {
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
        let store = Store::new(opener, 60, &full);
        match store.store(envelope, Target::ById(folder.path())) {
            Ok(Received::NoRoom(lease)) => lease.release().map(|()| "no room"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
        .map_err(|error| error.kind())
    };
    let forged = sealed(Layout::LengthUnknown, 150_000, 1000);
    assert_eq!(attempt(&forged), Err(ErrorKind::NotAuthentic));
    let cut = sealed(Layout::LengthUnknown, 150_000, 150_000);
    assert_eq!(attempt(&cut[..100_000]), Err(ErrorKind::NotAuthentic));
    assert_eq!(attempt(&cut), Ok("no room"));
    // Where the length is signed, it is the author's word that there is no room for.
    let sized = sealed(Layout::LengthKnown, 150_000, 150_000);
    assert_eq!(attempt(&sized[..100_000]), Ok("no room"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_its_author_made_too_large_is_rejected_for_good() {
    let long = LIMIT as usize + 1;
    for layout in [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown] {
        let envelope = sealed(layout, long, long);
        let (outcomes, files) = receive(&[envelope.clone(), envelope]);
        assert_eq!(outcomes, [Ok("too large"), Ok("rejected again")]);
        assert_eq!(files, 0);
        let (outcomes, _) = receive(&[sealed(layout, LIMIT as usize, LIMIT as usize)]);
        assert_eq!(outcomes, [Ok("stored")]);
    }
}
