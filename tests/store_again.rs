//! What is there already is not written again: copies of what was committed, and files that an attempt left that was cut off.
//! And what is refused by the host's own rules (spec/receipts.md §3, §9).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod storing;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::{
    Disk, ErrorKind, MemoryGuard, Opener, Order, OsDisk, Outcome, Reason, Receipter, Receipts,
    Received, Rejection, Replay, ReplayGuard, Ruling, Stamp, Store, Target,
};
use storing::counted::Counted;
use storing::faulty::Operation;
use storing::here::Here;
use storing::hooked::Hooked;
use storing::{
    alice, bob, content, draft, envelopes, folder, names, policy, push, seal, store, stored,
};

/// A disk on which nothing new has room.
fn full() -> impl Disk {
    Hooked(|operation| match operation {
        Operation::Create | Operation::Write => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    })
}

/// Killed between the final name and the commit, on a disk with room for one copy.
#[test]
fn what_is_whole_under_its_name_needs_no_room() {
    let bytes = content(300_000);
    let none = |_: &Path, _: Option<u64>| false;
    for pushed in [false, true] {
        for envelope in envelopes(&bytes) {
            let (folder, guard, disk) = (folder(), MemoryGuard::new(100), full());
            let path = folder.path().join("x");
            fs::write(&path, &bytes).unwrap();
            let store = store(&guard, &disk).has_room(&none);
            let received = match pushed {
                false => store.store(envelope.as_slice(), Target::Path(&path)),
                true => push(&store, &envelope, Target::Path(&path)),
            };
            stored(received).commit(b"receipt").unwrap();
            assert!(fs::read(&path).unwrap() == bytes);
            assert_eq!(names(folder.path()), ["x"]);
        }
    }
}

#[test]
fn nor_to_be_completed() {
    for pushed in [false, true] {
        let (here, guard, disk) = (Here::new(300_000), MemoryGuard::new(100), full());
        let held = here.cut(&here.store(&guard), 150_000);
        fs::write(&here.path, &here.bytes).unwrap();
        let partials = bulla::Partials::new(here.folder.path(), 5, u64::MAX);
        let store = store(&guard, &disk).resumable(partials);
        let rest = &here.envelope[held as usize..];
        let received = match pushed {
            false => store.resume(&here.header, rest, here.target()),
            true => {
                let mut stream = store.resume_stream(&here.header, here.target()).unwrap();
                assert!(stream.update(rest));
                stream.finish()
            }
        };
        stored(received).commit(b"receipt").unwrap();
        here.is_well(&store);
    }
}

/// It comes to its name while the disk is found to be full: no final word on that.
#[test]
fn no_room_is_not_said_while_the_file_is_there() {
    let bytes = content(300_000);
    for at in [
        Operation::Create,
        Operation::Write,
        Operation::Sync,
        Operation::Publish,
    ] {
        for envelope in envelopes(&bytes) {
            let (folder, guard) = (folder(), MemoryGuard::new(100));
            let path = folder.path().join("x");
            let disk = Hooked(|operation| {
                if operation == at && !path.exists() {
                    fs::write(&path, &bytes).unwrap();
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Ok(())
            });
            let waits = store(&guard, &disk).store(envelope.as_slice(), Target::Path(&path));
            assert_eq!(waits.unwrap_err(), ErrorKind::Pending);
            let store = store(&guard, &disk);
            let again = stored(store.store(envelope.as_slice(), Target::Path(&path)));
            again.commit(b"receipt").unwrap();
            assert_eq!(names(folder.path()), ["x"]);
        }
    }
}

/// A file vouches for content, not for what a stamp says of it.
#[test]
fn the_host_s_rules_are_asked_whatever_file_there_is() {
    let bytes = content(300_000);
    let never = |_: &Stamp| Ruling::Refuse(Reason::by_rules());
    for envelope in envelopes(&bytes) {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        fs::write(&path, &bytes).unwrap();
        let target = Target::Path(&path);
        let judging = store(&guard, &OsDisk).judge(&never);
        let refused = judging.store(envelope.as_slice(), target).unwrap();
        assert!(matches!(&refused, Received::Refused(..)), "{refused:?}");
        drop(refused);
        let short = store(&guard, &OsDisk).max_content(10);
        let refused = short.store(envelope.as_slice(), target).unwrap();
        assert!(matches!(&refused, Received::TooLarge(_)), "{refused:?}");
        assert!(fs::read(&path).unwrap() == bytes);
    }
}

/// Another policy over the same guard demands an order, and the message has no place in one.
#[test]
fn what_another_policy_accepted_is_refused_where_an_order_is_demanded() {
    let envelope = seal(&draft(), &content(300_000));
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let target = Target::ById(folder.path());
    let first = stored(store(&guard, &OsDisk).store(envelope.as_slice(), target));
    first.commit(b"receipt").unwrap();
    let ordered = policy().clone().order(Order::Monotonic);
    let opener = Opener::new(bob(), &ordered, Replay::Guarded(&guard));
    let refused = Store::new(opener, 60, &OsDisk).store(envelope.as_slice(), target);
    assert_eq!(refused.unwrap_err(), ErrorKind::Superseded);
}

#[test]
fn other_content_of_the_same_length_stays_what_it_is() {
    let (bytes, mut other) = (content(300_000), content(300_000));
    other[299_999] ^= 1;
    for envelope in envelopes(&bytes) {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        fs::write(&path, &other).unwrap();
        let store = store(&guard, &OsDisk);
        let refused = store.store(envelope.as_slice(), Target::Path(&path));
        assert_eq!(refused.unwrap_err(), ErrorKind::NameTaken);
        assert!(fs::read(&path).unwrap() == other);
        // Nothing was claimed for good.
        let elsewhere = folder.path().join("y");
        drop(stored(
            store.store(envelope.as_slice(), Target::Path(&elsewhere)),
        ));
    }
}

/// Whoever recorded an envelope could otherwise make as many writes of it as there are copies.
#[test]
fn a_copy_of_what_was_committed_is_not_written() {
    let bytes = content(1_000_000);
    for (number, envelope) in envelopes(&bytes).into_iter().enumerate() {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        storing::store_well(&store(&guard, &OsDisk), &envelope, &path, &bytes);
        // What becomes of the file is the host's.
        fs::remove_file(&path).unwrap();
        let untouched = Hooked(|operation| panic!("{operation:?}"));
        let partials = bulla::Partials::new(folder.path(), 5, u64::MAX);
        let copies = store(&guard, &untouched).resumable(partials);
        let read = AtomicUsize::new(0);
        let target = Target::Path(&path);
        for pushed in [false, true] {
            let received = match pushed {
                false => copies.store(Counted(&envelope, &read), target),
                true => push(&copies, &envelope, target),
            };
            match received.unwrap() {
                Received::Again(again) => {
                    assert_eq!(again.outcome(), Outcome::Stored);
                    assert_eq!(again.receipt().unwrap(), b"receipt");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(names(folder.path()), [""; 0]);
        // The stamp of a message in one piece says all; of another one all is verified before anything is said of it.
        let early = read.load(Ordering::SeqCst) < 100_000;
        assert_eq!(early, number == 0);
        let mut damaged = envelope.clone();
        damaged[900_000] ^= 1;
        let damaged = copies.store(damaged.as_slice(), target);
        match number {
            0 => assert!(matches!(damaged.unwrap(), Received::Again(_))),
            _ => assert!(damaged.unwrap_err().damaged().is_some()),
        }
    }
}

#[test]
fn the_host_s_rules_see_the_stamp_before_anything_is_written() {
    let bytes = content(300_000);
    let asked = Receipts {
        rejected: true,
        ..Receipts::default()
    };
    let reply = alice().public().newest_key().unwrap();
    let named = |name: &str| {
        let draft = draft().attribute("name", name.as_bytes()).unwrap();
        seal(&draft.ask_receipts(asked, reply).unwrap(), &bytes)
    };
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let rules = |stamp: &Stamp| {
        let is_program = stamp
            .attribute("name")
            .is_some_and(|it| it.ends_with(b".exe"));
        Ruling::from(is_program.then(|| Reason::new(Reason::POLICY, "no programs").unwrap()))
    };
    let target = Target::ById(folder.path());
    let untouched = Hooked(|operation| panic!("{operation:?}"));
    let program = named("x.exe");
    let judging = store(&guard, &untouched).judge(&rules);
    let Received::Refused(lease, reason) = judging.store(program.as_slice(), target).unwrap()
    else {
        panic!("it is a program")
    };
    assert_eq!(
        (reason.code(), reason.text()),
        (Reason::POLICY, "no programs")
    );
    let rejection = Receipter::new(bob()).rejected(lease, reason).unwrap();
    let Rejection::Final(rejected) = rejection else {
        panic!("she is listed")
    };
    assert!(rejected.receipt().is_some());
    // A copy gets the same, and is judged no second time: what was decided stays.
    let changed = |_: &Stamp| -> Ruling { panic!("it was dealt with") };
    let copy = store(&guard, &untouched).judge(&changed);
    match copy.store(program.as_slice(), target).unwrap() {
        Received::Again(again) => {
            assert_eq!(again.outcome(), Outcome::Rejected);
            assert_eq!(again.receipt(), rejected.receipt());
        }
        other => panic!("{other:?}"),
    }
    let judging = store(&guard, &OsDisk).judge(&rules);
    drop(stored(judging.store(named("x.txt").as_slice(), target)));
}

/// As after a scan of the content.
#[test]
fn what_is_stored_can_still_be_rejected() {
    let (here, guard) = (Here::new(300_000), MemoryGuard::new(100));
    let store = here.store(&guard);
    let target = here.target();
    let found = stored(store.store(here.envelope.as_slice(), target));
    assert!(fs::read(found.path()).unwrap() == here.bytes);
    assert!(!found.was_there());
    let lease = found.into_lease();
    assert_eq!(names(here.folder.path()), [""; 0], "nothing of it is left");
    let reason = Reason::new(Reason::POLICY, "a virus").unwrap();
    let rejection = Receipter::new(bob()).rejected(lease, reason).unwrap();
    assert!(matches!(rejection, Rejection::Final(_)));
    match store.store(here.envelope.as_slice(), target).unwrap() {
        Received::Again(again) => assert_eq!(again.outcome(), Outcome::Rejected),
        other => panic!("{other:?}"),
    }
    // What an attempt left that was cut off is not its own to remove; by its path it can be.
    let (here, guard) = (Here::new(300_000), MemoryGuard::new(100));
    fs::write(&here.path, &here.bytes).unwrap();
    let found = stored(
        here.store(&guard)
            .store(here.envelope.as_slice(), here.target()),
    );
    assert!(found.was_there());
    let lease = found.into_lease();
    assert_eq!(names(here.folder.path()), ["x"]);
    lease.release().unwrap();
}

#[test]
fn nothing_is_stored_in_silence_where_a_receipt_was_asked_for() {
    let asked = Receipts {
        stored: true,
        ..Receipts::default()
    };
    let reply = alice().public().newest_key().unwrap();
    let envelope = seal(&draft().ask_receipts(asked, reply).unwrap(), b"content");
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let target = folder.path().join("x");
    let take = || {
        let it = store(&guard, &OsDisk).store(envelope.as_slice(), Target::Path(&target));
        stored(it)
    };
    assert_eq!(take().commit(b"").unwrap_err(), ErrorKind::InvalidInput);
    assert_eq!(names(folder.path()), [""; 0]);
    take().commit_unanswered().unwrap();
    assert_eq!(names(folder.path()), ["x"]);
    assert_eq!(guard.sweep(0, 0).unwrap(), 0);
}
