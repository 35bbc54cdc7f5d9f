//! Storing: what is under a final name is whole and verified, names do no harm, and what does not count leaves nothing.
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
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bulla::{
    Delivery, Digest, ErrorKind, FixedClock, MemoryGuard, Opener, OsDisk, Received, Replay, Store,
    Target, message_file_name,
};
use storing::faulty::{Fault, Faulty, Operation, When};
use storing::hooked::Hooked;
use storing::wrapped::Wrapped;
use storing::{
    alice, bob, content, draft, folder, names, policy, seal, seal_stream, store, store_well, stored,
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
                    assert_eq!(again.receipt(), format!("{path:?}").as_bytes())
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
        store
            .store(changed.as_slice(), Target::Path(&path))
            .unwrap_err();
        store
            .store(&envelope[..at], Target::Path(&path))
            .unwrap_err();
        assert_eq!(names(folder.path()), [""; 0]);
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
        assert_eq!(error, ErrorKind::Io);
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
    // A receipt that is too long.
    assert_eq!(
        take().commit(&[0; 5000]).unwrap_err(),
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
            Received::Again(again) if done => assert_eq!(again.receipt(), b"first"),
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

/// Names that an author may suggest.
const HOSTILE: [&[u8]; 22] = [
    b"../x",
    b"../../../../../../tmp/x",
    b"/etc/passwd",
    b"..",
    b".",
    b"",
    b"a/b",
    b"a\\b",
    b"a\0b",
    b"-rf",
    b".ssh",
    b"x/../../y",
    b"CON",
    b"~root",
    b"\xE2\x80\xAEgpj.exe",
    b"\xFF\xFE",
    b"a\nb",
    b" ",
    b"...",
    b".bulla-0123456789abcdef.part",
    b"C:\\x",
    &[b'x'; 1000],
];

#[test]
fn names_come_from_the_host_unless_it_asks() {
    let guard = MemoryGuard::new(1000);
    let store = store(&guard, &OsDisk);
    for name in HOSTILE {
        let draft = draft().attribute("name", name).unwrap();
        // A name of the host's own: the author's is not looked at.
        for by_id in [true, false] {
            let above = folder();
            let inside = above.path().join("inside");
            fs::create_dir(&inside).unwrap();
            let target = if by_id {
                Target::ById(&inside)
            } else {
                Target::Suggested(&inside)
            };
            let stored = stored(store.store(seal(&draft, name).as_slice(), target));
            assert_eq!(stored.path().parent(), Some(inside.as_path()));
            let (path, expected) = (
                stored.path().to_path_buf(),
                message_file_name(stored.proof().stamp()),
            );
            let _ = stored.commit(b"").unwrap();
            assert_eq!(names(above.path()), ["inside"]);
            let made = names(&inside);
            assert_eq!(made.len(), 1, "{name:?}");
            assert_eq!(path.file_name().unwrap().to_str(), Some(made[0].as_str()));
            assert!(!made[0].starts_with('.') && made[0].len() <= 255);
            if by_id {
                assert_eq!(made[0], expected);
                assert_eq!(expected.len(), 32 + 1 + 16);
            }
            assert_eq!(fs::read(&path).unwrap(), name);
        }
    }
}

#[test]
fn a_suggested_name_is_given_once() {
    let (folder, guard) = (folder(), MemoryGuard::new(1000));
    let store = store(&guard, &OsDisk);
    let draft = draft().attribute("name", b"holiday.jpg").unwrap();
    let suggested = stored(store.store(
        seal(&draft, b"1").as_slice(),
        Target::Suggested(folder.path()),
    ));
    assert_eq!(suggested.path(), folder.path().join("holiday.jpg"));
    let _ = suggested.commit(b"").unwrap();
    // The same name a second time is the host's to decide.
    let second = store.store(
        seal(&draft, b"2").as_slice(),
        Target::Suggested(folder.path()),
    );
    assert_eq!(second.unwrap_err(), ErrorKind::Io);
    assert_eq!(fs::read(folder.path().join("holiday.jpg")).unwrap(), b"1");
    // Without a suggestion: by id.
    let stored = stored(store.store(
        seal(&storing::draft(), b"3").as_slice(),
        Target::Suggested(folder.path()),
    ));
    assert!(
        stored
            .path()
            .to_str()
            .unwrap()
            .ends_with(&message_file_name(stored.proof().stamp()))
    );
}

#[test]
fn paths_that_cannot_be_are_told_before_anything_is_read() {
    struct Unread;
    impl std::io::Read for Unread {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("nothing is to be read")
        }
    }
    let guard = MemoryGuard::new(10);
    for path in [
        "/",
        "..",
        "a/..",
        "",
        "x/.bulla-0123456789abcdef.part",
        ".bulla-0123456789abcdef0123456789abcdef.partial",
    ] {
        let refused = store(&guard, &OsDisk).store(Unread, Target::Path(Path::new(path)));
        assert_eq!(refused.unwrap_err(), ErrorKind::InvalidInput, "{path}");
    }
    let unguarded = Store::new(Opener::new(bob(), policy(), Replay::Unguarded), 60, &OsDisk);
    let refused = unguarded.store(Unread, Target::Path(Path::new("x")));
    assert_eq!(refused.unwrap_err(), ErrorKind::InvalidInput);
    let nowhere = Path::new("/nonexistent-folder/x");
    let refused =
        store(&guard, &OsDisk).store(seal(&draft(), b"x").as_slice(), Target::Path(nowhere));
    assert_eq!(refused.unwrap_err(), ErrorKind::Io);
    assert!(guard.is_empty());
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
        lease.commit(b"rejected").unwrap();
        let again = small.store(envelope.as_slice(), target).unwrap();
        assert!(matches!(again, Received::Again(again) if again.receipt() == b"rejected"));
        // A failure is never upgraded, neither by a copy that now would fit.
        match enough.store(envelope.as_slice(), target) {
            Ok(Received::Again(again)) => assert_eq!(again.receipt(), b"rejected"),
            Err(error) => assert_eq!(error, ErrorKind::Replayed),
            other => panic!("{other:?}"),
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

struct Counted<'a>(&'a [u8], &'a AtomicUsize);

impl std::io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(10_000);
        let read = self.0.read(&mut buffer[..most])?;
        self.1.fetch_add(read, Ordering::SeqCst);
        Ok(read)
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
            lease.commit(b"full").unwrap();
            assert_eq!(names(folder.path()), [""; 0]);
            let again =
                Opener::new(bob(), policy(), Replay::Guarded(&guard)).open_leased(&envelope, 60);
            match again {
                Ok(Delivery::Again(again)) => assert_eq!(again.receipt(), b"full"),
                Err(error) => assert_eq!(error, ErrorKind::Replayed),
                Ok(Delivery::New(_)) => panic!("a rejection is final"),
            }
        }
    }
}

#[test]
fn only_what_was_left_behind_long_ago_is_cleaned() {
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let store = store(&guard, &OsDisk);
    let (old, young) = (
        SystemTime::now() - Duration::from_secs(90_000),
        SystemTime::now() - Duration::from_secs(80_000),
    );
    let make = |name: &str, time| {
        let path = folder.path().join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(time).unwrap();
        file
    };
    let hex = "0123456789abcdef";
    make(&format!(".bulla-{hex}.part"), old);
    make(&format!(".bulla-{hex}{hex}.partial"), old);
    let keep = [
        "x".to_owned(),
        format!(".bulla-{hex}.partx"),
        format!(".bulla-{hex}0.part"),
        format!(".bulla-{hex}.partial"),
        format!(".bulla-{}.part", hex.to_uppercase()),
        format!("a.bulla-{hex}.part"),
        ".bulla-.part".to_owned(),
    ];
    for name in &keep {
        make(name, old);
    }
    make(".bulla-1111111111111111.part", young);
    // Somebody works on it, however old it looks.
    let locked = make(".bulla-2222222222222222.part", old);
    locked.lock().unwrap();
    symlink(
        folder.path().join("x"),
        folder.path().join(".bulla-3333333333333333.part"),
    )
    .unwrap();
    fs::create_dir(folder.path().join(".bulla-4444444444444444.part")).unwrap();
    assert_eq!(store.clean(folder.path()).unwrap(), 2);
    assert_eq!(names(folder.path()).len(), keep.len() + 4);
    assert!(folder.path().join("x").exists());
    drop(locked);
    assert_eq!(store.clean(folder.path()).unwrap(), 1);
    assert_eq!(
        store.clean(Path::new("/nonexistent-folder")).unwrap_err(),
        ErrorKind::Io
    );
}
