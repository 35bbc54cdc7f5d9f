//! Storing: what is under a final name is whole and verified, and what does not count leaves nothing.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bulla::{
    Digest, ErrorKind, FixedClock, MemoryGuard, Opener, OsDisk, Outcome, Received, Replay, Store,
    Target,
};
use storing::faulty::Operation;
use storing::here::CHUNK;
use storing::hooked::Hooked;
use storing::wrapped::Wrapped;
use storing::{
    alice, bob, content, draft, folder, header_digest, header_len, names, policy, seal,
    seal_stream, store, store_well, stored,
};

#[test]
fn content_is_stored_once_and_copies_get_the_same_receipt() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let store = store(&guard, &OsDisk);
    for length in [0, 1, 16_000, 16_384, 100_000, 1_000_000] {
        let bytes = content(length);
        let sealed = [
            seal(&draft(), &bytes),
            seal_stream(&bytes, None).0,
            seal_stream(&bytes, Some(length as u64)).0,
        ];
        for (number, envelope) in sealed.iter().enumerate() {
            let path = folder.path().join(format!("{length}-{number}"));
            let stored = stored(store.store(envelope.as_slice(), Target::Path(&path)));
            assert_eq!(stored.proof().content_length(), length as u64);
            assert_eq!(stored.proof().content_digest(), Digest::of(&bytes));
            let opened = stored.commit(format!("{path:?}").as_bytes()).unwrap();
            assert_eq!(opened.stamp().signer(), alice().verifying_key());
            assert!(fs::read(&path).unwrap() == bytes);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            // A copy, even with another name: the receipt, and no second file.
            let other = folder.path().join("other");
            match store
                .store(envelope.as_slice(), Target::Path(&other))
                .unwrap()
            {
                Received::Again(again) => {
                    assert_eq!(again.outcome(), Outcome::Stored);
                    assert_eq!(again.receipt().unwrap(), format!("{path:?}").as_bytes());
                }
                other => panic!("{other:?}"),
            }
            assert!(!other.exists());
        }
    }
    assert_eq!(names(folder.path()).len(), 18);
}

#[test]
fn what_is_not_verified_is_nowhere() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let store = store(&guard, &OsDisk);
    let bytes = content(100_000);
    let path = folder.path().join("x");
    let envelope = seal(&draft(), &bytes);
    for at in (0..envelope.len()).step_by(997) {
        let mut changed = envelope.clone();
        changed[at] ^= 1;
        for came in [&changed, &envelope[..at]] {
            let refused = store.store(came, Target::Path(&path)).unwrap_err();
            assert_eq!(names(folder.path()), [""; 0]);
            // A note of damage rests on the stamp, which is in the first chunk: where that did not come as it was made, who
            // wrote it is not known.
            let first = header_len(&envelope) + 56 + CHUNK;
            match refused.damaged() {
                None => assert!(at < first, "{at}"),
                Some(stamp) => {
                    assert!(at >= first, "{at}");
                    assert_eq!(refused, ErrorKind::NotAuthentic);
                    assert_eq!(stamp.header_digest(), header_digest(&envelope));
                    assert_eq!(stamp.stamp().signer(), alice().verifying_key());
                }
            }
        }
    }
    // A corrupted copy first does not harm the true one.
    store_well(&store, &envelope, &path, &bytes);
}

#[test]
fn nothing_is_written_over() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let bytes = content(50_000);
    let envelope = seal(&draft(), &bytes);
    let store = store(&guard, &OsDisk);
    let path = folder.path().join("x");
    let refused = || {
        let error = store
            .store(envelope.as_slice(), Target::Path(&path))
            .unwrap_err();
        assert_eq!(error, ErrorKind::NameTaken);
        assert!(error.to_string().contains("is not written over"), "{error}");
        assert_eq!(names(folder.path())[0], "x");
    };
    let mut same_length = bytes.clone();
    same_length[49_999] ^= 1;
    for other in [b"other".to_vec(), Vec::new(), same_length] {
        fs::write(&path, &other).unwrap();
        let before = path.metadata().unwrap().ino();
        refused();
        assert!(fs::read(&path).unwrap() == other);
        assert_eq!(path.metadata().unwrap().ino(), before);
        fs::remove_file(&path).unwrap();
    }
    // Not through links either, even to this very content, nor into a folder or a pipe.
    let target = folder.path().join("y");
    fs::write(&target, &bytes).unwrap();
    symlink(&target, &path).unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    symlink(folder.path().join("nowhere"), &path).unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    assert!(!folder.path().join("nowhere").exists());
    fs::create_dir(&path).unwrap();
    refused();
    fs::remove_dir(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    store_well(&store, &envelope, &path, &bytes);
}

#[test]
fn what_an_attempt_that_was_killed_left_counts() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let bytes = content(50_000);
    let path = folder.path().join("x");
    fs::write(&path, &bytes).unwrap();
    let inode = path.metadata().unwrap().ino();
    let store = store(&guard, &OsDisk);
    let envelope = seal(&draft(), &bytes);
    // It was not made here, and so it stays if it does not count after all.
    stored(store.store(envelope.as_slice(), Target::Path(&path)))
        .release()
        .unwrap();
    assert_eq!(path.metadata().unwrap().ino(), inode);
    store_well(&store, &envelope, &path, &bytes);
    assert_eq!(path.metadata().unwrap().ino(), inode);
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn what_is_released_dropped_or_refused_is_removed_and_may_come_again() {
    let (folder, guard) = (folder(), Wrapped::new());
    let bytes = content(50_000);
    let envelope = seal(&draft(), &bytes);
    let store = store(&guard, &OsDisk);
    let path = folder.path().join("x");
    let take = || stored(store.store(envelope.as_slice(), Target::Path(&path)));
    let none_left = || assert_eq!(names(folder.path()), [""; 0]);
    take().release().unwrap();
    none_left();
    drop(take());
    none_left();
    // A receipt that is too long by one byte.
    assert_eq!(
        take().commit(&[0; 4096]).unwrap_err(),
        ErrorKind::InvalidInput
    );
    none_left();
    for kind in [ErrorKind::LeaseLost, ErrorKind::Superseded, ErrorKind::Gap] {
        let stored = take();
        *guard.commit.lock().unwrap() = Some((kind, false));
        assert_eq!(stored.commit(b"receipt").unwrap_err(), kind);
        none_left();
    }
    // Lost while the file is read again, at each renewal.
    for from in 0..2 {
        let so_far = guard.renewals.load(Ordering::SeqCst);
        *guard.renew.lock().unwrap() = Some((so_far + from, ErrorKind::LeaseLost));
        let lost = store.store(envelope.as_slice(), Target::Path(&path));
        assert_eq!(lost.unwrap_err(), ErrorKind::LeaseLost);
        none_left();
        *guard.renew.lock().unwrap() = None;
    }
    *guard.claim.lock().unwrap() = Some(ErrorKind::GuardFull);
    let refused = store.store(envelope.as_slice(), Target::Path(&path));
    assert_eq!(refused.unwrap_err(), ErrorKind::GuardFull);
    none_left();
    store_well(&store, &envelope, &path, &bytes);
}

#[test]
fn a_commit_of_which_nothing_is_known_keeps_the_file() {
    for done in [false, true] {
        let (folder, guard) = (folder(), Wrapped::new());
        let bytes = content(50_000);
        let envelope = seal(&draft(), &bytes);
        let store = store(&guard, &OsDisk);
        let path = folder.path().join("x");
        let first = stored(store.store(envelope.as_slice(), Target::Path(&path)));
        *guard.commit.lock().unwrap() = Some((ErrorKind::GuardUnavailable, done));
        let unknown = first.commit(b"first").unwrap_err();
        assert_eq!(unknown, ErrorKind::GuardUnavailable);
        assert!(fs::read(&path).unwrap() == bytes);
        // It comes again: either it did count, or it does now.
        match store
            .store(envelope.as_slice(), Target::Path(&path))
            .unwrap()
        {
            Received::Again(again) if done => assert_eq!(again.receipt().unwrap(), b"first"),
            Received::Stored(stored) if !done => drop(stored.commit(b"second").unwrap()),
            other => panic!("{other:?}"),
        }
        assert!(fs::read(&path).unwrap() == bytes);
        assert_eq!(names(folder.path()), ["x"]);
    }
}

#[test]
fn nobody_counts_on_a_file_that_its_maker_may_yet_remove() {
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let bytes = content(50_000);
    let envelope = seal(&draft(), &bytes);
    let path = folder.path().join("x");
    let (now, later) = (FixedClock(now()), FixedClock(now() + 100));
    let at = |clock| {
        Store::new(
            Opener::with_clock(bob(), policy(), Replay::Guarded(&guard), clock),
            60,
            &OsDisk,
        )
    };
    // The first is slow: its reservation runs out, and the second takes the message over, but not the file.
    let first = stored(at(&now).store(envelope.as_slice(), Target::Path(&path)));
    let second = at(&later).store(envelope.as_slice(), Target::Path(&path));
    assert_eq!(second.unwrap_err(), ErrorKind::Pending);
    assert_eq!(first.commit(b"first").unwrap_err(), ErrorKind::LeaseLost);
    assert_eq!(names(folder.path()), [""; 0]);
    store_well(&at(&later), &envelope, &path, &bytes);
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[test]
fn a_message_that_takes_long_to_read_again_stays_reserved() {
    let slow = Hooked(|operation| {
        if operation == Operation::Read {
            std::thread::sleep(Duration::from_millis(400));
        }
        Ok(())
    });
    let (folder, guard) = (folder(), Wrapped::new());
    let envelope = seal(&draft(), &content(1_000_000));
    let store = Store::new(
        Opener::new(bob(), policy(), Replay::Guarded(&guard)),
        1,
        &slow,
    );
    let path = folder.path().join("x");
    stored(store.store(envelope.as_slice(), Target::Path(&path)))
        .commit(b"")
        .unwrap();
    // Four pieces, each slower than a third of the lease, and one renewal before and one after.
    assert_eq!(guard.renewals.load(Ordering::SeqCst), 6);
}

/// What is refused for another reason than damage has no note of damage, even if its stamp is authentic.
#[test]
fn a_refusal_is_no_damage() {
    let (folder, guard) = (folder(), Wrapped::new());
    let path = folder.path().join("x");
    let envelope = seal(&draft(), &content(50_000));
    let store = store(&guard, &OsDisk);
    let target = Target::Path(&path);
    for kind in [ErrorKind::GuardFull, ErrorKind::GuardUnavailable] {
        *guard.claim.lock().unwrap() = Some(kind);
        let refused = store.store(envelope.as_slice(), target).unwrap_err();
        assert_eq!(refused, kind);
        assert!(refused.damaged().is_none());
    }
    fs::write(&path, b"other").unwrap();
    let refused = store.store(envelope.as_slice(), target).unwrap_err();
    assert_eq!(refused, ErrorKind::NameTaken);
    assert!(refused.damaged().is_none());
    let elsewhere = seal(&bulla::Draft::new("elsewhere").unwrap(), &content(50_000));
    let refused = store.store(&elsewhere[..40_000], target).unwrap_err();
    assert_eq!(refused, ErrorKind::WrongContext);
    assert!(refused.damaged().is_none());
}

/// What another program left in the guard is not guessed at: a rejection could become a success.
#[test]
fn what_is_not_understood_in_the_guard_is_no_answer() {
    let (folder, guard) = (folder(), Wrapped::new());
    let envelope = seal(&draft(), b"content");
    let store = store(&guard, &OsDisk);
    let target = Target::ById(folder.path());
    for answer in [&b"BULLA, a receipt"[..], &[0], &[4], &[127, 1]] {
        *guard.committed.lock().unwrap() = Some(answer.to_vec());
        let refused = store.store(envelope.as_slice(), target).unwrap_err();
        assert_eq!(refused, ErrorKind::GuardUnavailable);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
