//! What is too large, or finds no room: nothing is left of it. A rejection is final, so nobody but the author may cause one
//! (spec/receipts.md §3).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
mod storing;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::{
    Again, Delivery, ErrorKind, FixedClock, MemoryGuard, Opener, OsDisk, Outcome, Policy, Received,
    Replay, Senders, Store, Target,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{identity, key};
use storing::counted::Counted;
use storing::faulty::{Fault, Faulty, Operation, When};
use storing::{
    alice, bob, content, draft, folder, names, policy, seal, seal_stream, store, stored,
};

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
                Ok(Received::TooLarge(lease)) => lease.reject(b"").map(|_| "too large"),
                Ok(Received::Again(again)) if again.outcome() == Outcome::Stored => {
                    Ok("stored again")
                }
                Ok(Received::Again(again)) if again.outcome() == Outcome::Rejected => {
                    Ok("rejected again")
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.into()),
            }
            .map_err(|error: bulla::Error| error.kind())
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
            Err(error) => Err(error.into()),
        }
        .map_err(|error: bulla::Error| error.kind())
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

#[test]
fn too_large_is_told_with_what_a_rejection_needs() {
    let bytes = content(100_000);
    for (envelope, early) in [
        (seal(&draft(), &bytes), true),
        (seal_stream(&bytes, Some(100_000)).0, true),
        (seal_stream(&bytes, None).0, false),
    ] {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        let target = Target::Path(&path);
        let small = store(&guard, &OsDisk).max_content(99_999);
        let read = AtomicUsize::new(0);
        let counted = Counted(&envelope, &read);
        let Received::TooLarge(lease) = small.store(counted, target).unwrap() else {
            panic!("it is too large")
        };
        assert_eq!(names(folder.path()), [""; 0]);
        assert_eq!(
            lease.proof().header_digest(),
            storing::header_digest(&envelope)
        );
        assert_eq!(lease.proof().stamp().signer(), alice().verifying_key());
        // By the signed length it is known at once.
        assert_eq!(read.load(Ordering::SeqCst) < 70_000, early);
        // Given up, it may come again, here with more room: exactly as long as allowed.
        lease.release().unwrap();
        let enough = store(&guard, &OsDisk).max_content(100_000);
        drop(stored(enough.store(envelope.as_slice(), target)));
        // Rejected for good: copies get the same receipt.
        let Received::TooLarge(lease) = small.store(envelope.as_slice(), target).unwrap() else {
            panic!("it is too large")
        };
        lease.reject(b"rejected").unwrap();
        let again = small.store(envelope.as_slice(), target).unwrap();
        assert!(matches!(again, Received::Again(again) if is_rejected(&again, b"rejected")));
        // A failure is never upgraded, neither by a copy that now would fit.
        match enough.store(envelope.as_slice(), target) {
            Ok(Received::Again(again)) => assert!(is_rejected(&again, b"rejected")),
            Err(error) => assert_eq!(error, ErrorKind::Replayed),
            other => panic!("{other:?}"),
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn the_host_says_whether_there_is_room() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let path = folder.path().join("x");
    let asked = std::sync::Mutex::new(Vec::new());
    let none = |folder: &Path, length: Option<u64>| {
        asked.lock().unwrap().push((folder.to_path_buf(), length));
        false
    };
    let full = store(&guard, &OsDisk).has_room(&none);
    let bytes = content(70_000);
    for envelope in [seal(&draft(), &bytes), seal_stream(&bytes, None).0] {
        match full
            .store(envelope.as_slice(), Target::Path(&path))
            .unwrap()
        {
            Received::NoRoom(lease) => lease.release().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let folder_path = folder.path().to_path_buf();
    assert_eq!(
        *asked.lock().unwrap(),
        [(folder_path.clone(), Some(70_000)), (folder_path, None)]
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_full_disk_leaves_what_a_rejection_needs() {
    let bytes = content(300_000);
    for operation in [
        Operation::Create,
        Operation::Write,
        Operation::Sync,
        Operation::Publish,
        Operation::SyncFolder,
    ] {
        for envelope in [seal(&draft(), &bytes), seal_stream(&bytes, None).0] {
            let (folder, guard) = (folder(), MemoryGuard::new(100));
            let path = folder.path().join("x");
            let fault = Fault::Fails(std::io::ErrorKind::StorageFull);
            let full = Faulty::new(When::First(operation, 1), fault, true);
            let Received::NoRoom(lease) = store(&guard, &full)
                .store(envelope.as_slice(), Target::Path(&path))
                .unwrap()
            else {
                panic!("it is full")
            };
            assert_eq!(
                lease.proof().header_digest(),
                storing::header_digest(&envelope)
            );
            lease.reject(b"full").unwrap();
            assert_eq!(names(folder.path()), [""; 0]);
            let again =
                Opener::new(bob(), policy(), Replay::Guarded(&guard)).open_leased(&envelope, 60);
            match again {
                Ok(Delivery::Again(again)) => assert!(is_rejected(&again, b"full")),
                Err(error) => assert_eq!(error, ErrorKind::Replayed),
                Ok(Delivery::New(_)) => panic!("a rejection is final"),
            }
        }
    }
}

fn is_rejected(again: &Again, answer: &[u8]) -> bool {
    again.outcome() == Outcome::Rejected && again.receipt() == Some(answer)
}
